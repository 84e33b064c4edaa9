-- What an expert would write by hand for the decisions of the generated campaign `basket-builder`: inner join, filters
-- pushed into the aggregate, the same holdout, variants, offers, codes and event ids, no screening of the source rows.
WITH spending AS (
  SELECT
    tenant_id,
    customer_id,
    count(*) FILTER (ordered_at >= $as_of - INTERVAL 365 DAYS) AS orders_365d,
    coalesce(sum(total_cents) FILTER (ordered_at >= $as_of - INTERVAL 365 DAYS), 0)::BIGINT AS spend_365d,
    max(ordered_at) AS last_order_at
  FROM source.events_orders
  WHERE ordered_at < $as_of
  GROUP BY tenant_id, customer_id
  HAVING orders_365d >= 1 AND spend_365d >= 500
),
bucketed AS (
  SELECT
    tenant_id AS tenant,
    customer_id AS customer,
    country = 'US' AS eligible,
    coalesce(first_name, 'there') AS first_name,
    spend_365d,
    last_order_at,
    left(md5('holdout.global:' || tenant_id || '/' || customer_id), 8) AS holdout_slice,
    substr(md5('experiment.basket-builder-incentive:' || tenant_id || '/' || customer_id), 9, 8) AS variant_slice
  FROM source.customers
  JOIN spending USING (tenant_id, customer_id)
  WHERE email_opt_in AND NOT coalesce(list_contains(tags, 'staff'), false)
),
assigned AS (
  SELECT
    *,
    CASE WHEN holdout_slice < '0ccccccc' THEN 'holdout' ELSE 'send' END AS outcome,
    CASE
      WHEN holdout_slice < '0ccccccc' THEN NULL
      WHEN variant_slice < '33333333' THEN 'control'
      WHEN variant_slice < '99999999' THEN 'ten_off'
      ELSE 'free_delivery'
    END AS variant
  FROM bucketed
),
offered AS (
  SELECT
    *,
    CASE
      WHEN variant = 'ten_off' AND eligible THEN 'ten-off'
      WHEN variant = 'free_delivery' THEN 'free-delivery'
    END AS offer
  FROM assigned
)
SELECT
  tenant,
  customer,
  outcome,
  CASE WHEN outcome = 'holdout' THEN 'global' END AS reason,
  variant,
  offer,
  CASE WHEN variant = 'ten_off' AND offer IS NULL THEN 'not_eligible' END AS offer_reason,
  CASE WHEN offer IS NOT NULL THEN
    if(offer = 'ten-off', 'TEN', '') || translate(
      left(sha256($secret_outer || unhex(sha256($secret_inner || encode(tenant || '/benchmark/' || offer || '/' || customer)))), 16),
      '0123456789abcdef', '34679CDFHJKMNPRT')
  END AS code,
  CASE WHEN offer IS NOT NULL THEN $as_of + INTERVAL 14 DAYS END AS expires_at,
  CASE WHEN outcome = 'send' THEN md5(tenant || '/benchmark/' || customer) END AS event_id,
  {first_name: first_name, spend_cents: spend_365d, last_order_at: strftime(last_order_at, '%Y-%m-%dT%H:%M:%S.%fZ')} AS variables
FROM offered
