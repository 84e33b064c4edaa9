WITH customers AS (
  SELECT
    "tenant_id" AS "_tenant",
    "customer_id" AS "_customer",
    "first_name",
    "country",
    "email_opt_in",
    CAST("tags" AS TEXT[]) AS "tags"
  FROM source.customers
), identified AS (
  SELECT
    *
  FROM customers AS c
  ANTI JOIN quarantined AS q
    ON "q"."_tenant" = "c"."_tenant" AND "q"."_customer" = "c"."_customer"
  WHERE
    NOT "c"."_tenant" IS NULL AND NOT "c"."_customer" IS NULL
), orders_by_customer AS (
  SELECT
    "tenant_id" AS "_tenant",
    "customer_id" AS "_customer",
    COUNT(*) FILTER(WHERE
      CAST("ordered_at" AS TIMESTAMP) >= $as_of - INTERVAL '90' DAY) AS "orders_90d",
    TRY_CAST(COALESCE(
      SUM("total_cents") FILTER(WHERE
        CAST("ordered_at" AS TIMESTAMP) >= $as_of - INTERVAL '90' DAY),
      0
    ) AS BIGINT) AS "spend_90d",
    MAX(CAST("ordered_at" AS TIMESTAMP)) AS "last_order_at"
  FROM "source"."events_orders"
  WHERE
    CAST("ordered_at" AS TIMESTAMP) < $as_of
    AND CAST("ordered_at" AS TIMESTAMP) >= CAST('0001-01-01 00:00:00' AS TIMESTAMP)
  GROUP BY
    1,
    2
), attributes AS (
  SELECT
    c.*,
    COALESCE("e0"."orders_90d", 0) AS "orders_90d",
    CASE WHEN "e0"."_customer" IS NULL THEN 0 ELSE "e0"."spend_90d" END AS "spend_90d",
    "e0"."last_order_at" AS "last_order_at"
  FROM identified AS c
  LEFT JOIN "orders_by_customer" AS e0
    ON "e0"."_tenant" = "c"."_tenant" AND "e0"."_customer" = "c"."_customer"
), audience AS (
  SELECT
    *
  FROM attributes
  WHERE
    (
      "last_order_at" < (
        $as_of - INTERVAL '45' DAY
      )
      AND "orders_90d" >= 1
      AND "email_opt_in"
    )
    AND NOT COALESCE(COALESCE(LIST_CONTAINS("tags", 'staff'), FALSE), FALSE)
), buckets AS (
  SELECT
    *,
    MD5('holdout.global:' || "_tenant" || '/' || "_customer") AS "_holdout_digest_0",
    MD5('experiment.winback-incentive:' || "_tenant" || '/' || "_customer") AS "_variant_digest"
  FROM audience
), assigned AS (
  SELECT
    *,
    CASE
      WHEN "_holdout_digest_0" IS NULL
      THEN 'quarantined'
      WHEN SUBSTRING("_holdout_digest_0", 1, 8) < '0ccccccc'
      THEN 'holdout'
      WHEN "_variant_digest" IS NULL
      THEN 'quarantined'
      ELSE 'send'
    END AS "_outcome",
    CASE
      WHEN "_holdout_digest_0" IS NULL
      THEN 'missing_unit'
      WHEN SUBSTRING("_holdout_digest_0", 1, 8) < '0ccccccc'
      THEN 'global'
      WHEN "_variant_digest" IS NULL
      THEN 'missing_unit'
    END AS "_reason",
    CASE
      WHEN SUBSTRING("_variant_digest", 9, 8) < '33333333'
      THEN 'control'
      WHEN SUBSTRING("_variant_digest", 9, 8) < '99999999'
      THEN 'ten_off'
      ELSE 'free_delivery'
    END AS "_assigned"
  FROM buckets
), offered AS (
  SELECT
    *,
    CASE WHEN "_outcome" = 'send' THEN CAST("_assigned" AS TEXT) END AS "_variant",
    CASE
      WHEN "_outcome" = 'send'
      THEN CAST(CASE "_assigned"
        WHEN 'ten_off'
        THEN 'ten-off'
        WHEN 'free_delivery'
        THEN 'free-delivery'
      END AS TEXT)
    END AS "_candidate",
    CASE CASE "_assigned"
        WHEN 'ten_off'
        THEN 'ten-off'
        WHEN 'free_delivery'
        THEN 'free-delivery'
      END
      WHEN 'ten-off'
      THEN NOT COALESCE("country" = 'US', FALSE)
      ELSE FALSE
    END AS "_passed_over"
  FROM assigned
), decided AS (
  SELECT
    "_tenant" AS "tenant",
    "_customer" AS "customer",
    "_outcome" AS "outcome",
    "_reason" AS "reason",
    "_variant" AS "variant",
    CASE WHEN NOT "_passed_over" THEN "_candidate" END AS "offer",
    CASE WHEN NOT "_candidate" IS NULL AND "_passed_over" THEN 'not_eligible' END AS "offer_reason",
    CASE CASE WHEN NOT "_passed_over" THEN "_candidate" END
      WHEN 'ten-off'
      THEN 'WB' || TRANSLATE(
        LEFT(
          SHA256(
            $secret_outer || UNHEX(
              SHA256(
                $secret_inner || ENCODE("_tenant" || '/winback-20260601T000000Z-7a0f1048/ten-off/' || "_customer")
              )
            )
          ),
          16
        ),
        '0123456789abcdef',
        '34679CDFHJKMNPRT'
      )
      WHEN 'free-delivery'
      THEN TRANSLATE(
        LEFT(
          SHA256(
            $secret_outer || UNHEX(
              SHA256(
                $secret_inner || ENCODE("_tenant" || '/winback-20260601T000000Z-7a0f1048/free-delivery/' || "_customer")
              )
            )
          ),
          16
        ),
        '0123456789abcdef',
        '34679CDFHJKMNPRT'
      )
    END AS "code",
    CASE CASE WHEN NOT "_passed_over" THEN "_candidate" END
      WHEN 'ten-off'
      THEN CAST('2026-06-15 00:00:00.000000' AS TIMESTAMP)
      WHEN 'free-delivery'
      THEN CAST('2026-06-15 00:00:00.000000' AS TIMESTAMP)
    END AS "expires_at",
    CASE
      WHEN "_outcome" = 'send'
      THEN MD5("_tenant" || '/winback-20260601T000000Z-7a0f1048/' || "_customer")
    END AS "event_id",
    {'first_name': COALESCE("first_name", 'there'), 'spend': "spend_90d"} AS "variables"
  FROM offered
), decisions AS (
  SELECT
    "tenant",
    "customer",
    CASE WHEN "_too_large" THEN 'quarantined' ELSE "outcome" END AS "outcome",
    CASE WHEN "_too_large" THEN 'payload_too_large' ELSE "reason" END AS "reason",
    "variant",
    CASE WHEN NOT "_too_large" THEN "offer" END AS "offer",
    CASE WHEN NOT "_too_large" THEN "offer_reason" END AS "offer_reason",
    CASE WHEN NOT "_too_large" THEN "code" END AS "code",
    CASE WHEN NOT "_too_large" THEN "expires_at" END AS "expires_at",
    CASE WHEN NOT "_too_large" THEN "event_id" END AS "event_id",
    CASE WHEN NOT "_too_large" THEN "variables" END AS "variables"
  FROM (
    SELECT
      *,
      CASE
        WHEN "outcome" = 'send'
        AND 1223 + 12 * STRLEN("customer") + 12 * STRLEN(COALESCE("variables"."first_name", '')) > 1000000
        THEN STRLEN(
          '{"specversion":"1.0","id":"' || '00000000000000000000000000000000' || (
            '","source":"/workspaces/acme/campaigns/winback/launches/winback-20260601T000000Z-7a0f1048","type":"campaigns.customer.v1","subject":' || CAST(TO_JSON(customer) AS TEXT)
          ) || (
            ',"time":"2026-06-01T00:00:00Z","datacontenttype":"application/json","dataschema":"urn:campaigns-engine:schema:campaigns.customer.v1","data":{"tenant_id":"' || tenant || (
              '","customer_id":' || CAST(TO_JSON(customer) AS TEXT)
            )
          ) || (
            ',"campaign":"winback","campaign_version":"7a0f104825f9617b","launch_id":"winback-20260601T000000Z-7a0f1048","channel":"email","experiment":"winback-incentive","variant":' || COALESCE('"' || (
              variant || '"'
            ), 'null') || (
              ',"offer":' || CASE offer
                WHEN 'free-delivery'
                THEN '{"offer":"free-delivery","type":"free_delivery","expires_at":"2026-06-15T00:00:00Z","code":"' || (
                  CASE "offer"
                    WHEN 'free-delivery'
                    THEN '0000000000000000'
                    WHEN 'ten-off'
                    THEN '000000000000000000'
                  END || '"}'
                )
                WHEN 'ten-off'
                THEN '{"offer":"ten-off","type":"amount_off","amount_cents":1000,"currency":"USD","expires_at":"2026-06-15T00:00:00Z","code":"' || (
                  CASE "offer"
                    WHEN 'free-delivery'
                    THEN '0000000000000000'
                    WHEN 'ten-off'
                    THEN '000000000000000000'
                  END || '"}'
                )
                ELSE 'null'
              END
            ) || (
              ',"variables":' || CAST(TO_JSON(variables) AS TEXT) || (
                ',"tenant":' || (
                  '{"brand":"Corner Grocer"}' || '}}'
                )
              )
            )
          )
        ) > 1000000
        ELSE FALSE
      END AS "_too_large"
    FROM decided
  ) AS measured
)
SELECT
  "tenant",
  "customer",
  "outcome",
  "reason",
  "variant",
  "offer",
  "offer_reason",
  "code",
  "expires_at",
  "event_id",
  "variables"
FROM decisions
