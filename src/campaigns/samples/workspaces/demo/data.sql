-- Real purchases of 2017 (Complete Journey, MIT) as a workspace. Nothing is invented: no names, no consent.
-- Variables: transactions, products, demographics, campaigns, campaign_descriptions, coupon_redemptions (files),
-- as_of.

CREATE VIEW lines AS
SELECT
    household_id,
    store_id,
    basket_id,
    transaction_timestamp AS bought_at,
    coalesce(department, 'UNKNOWN') AS department,
    round(sales_value * 100)::BIGINT AS cents
FROM read_parquet(getvariable('transactions')) AS transactions
LEFT JOIN read_parquet(getvariable('products')) AS products USING (product_id);

CREATE VIEW past_lines AS FROM lines WHERE bought_at < getvariable('as_of');

-- A household's home store took most of its baskets; the lower number wins a tie.
CREATE VIEW home_stores AS
SELECT
    household_id,
    arg_max(store_id, (baskets, -store_id)) AS home_store_id,
    max(baskets) / sum(baskets) AS home_share
FROM (
    SELECT household_id, store_id, count(DISTINCT basket_id) AS baskets
    FROM past_lines
    GROUP BY household_id, store_id
)
GROUP BY household_id;

-- The rule of the banners: who buys less than half at the home store shops around, and is the marketplace's;
-- everybody else belongs to the banner of the home store, and stores are dealt to the four banners by number.
CREATE VIEW memberships AS
SELECT
    household_id,
    home_store_id,
    CASE WHEN home_share < 0.5 THEN 'marketplace'
    ELSE list_extract(['corner-grocer', 'harvest-lane', 'northside-market', 'river-foods'], home_store_id % 4 + 1)
    END AS tenant_id
FROM home_stores;

-- The three departments a household spent most in, the first one first. GROCERY is first for nine in ten of
-- them and says nothing; UNKNOWN is a product without a department.
CREATE VIEW favourites AS
SELECT household_id, list(department ORDER BY cents DESC, department)[:3] AS departments
FROM (
    SELECT household_id, department, sum(cents) AS cents
    FROM past_lines
    WHERE department NOT IN ('GROCERY', 'UNKNOWN')
    GROUP BY household_id, department
)
GROUP BY household_id;

-- Households that bought before `as_of`. Demographics are known for a third of them, and NULL for the others.
CREATE VIEW customers AS
SELECT
    household_id AS customer_id,
    tenant_id,
    home_store_id,
    signed_up_at,
    coalesce(departments, []) AS departments,
    departments[1] AS favourite_department,
    age,
    income,
    household_size,
    kids_count <> '0' AS has_kids,
    home_ownership
FROM memberships
JOIN (SELECT household_id, min(bought_at) AS signed_up_at FROM past_lines GROUP BY household_id)
    USING (household_id)
LEFT JOIN favourites USING (household_id)
LEFT JOIN read_parquet(getvariable('demographics')) AS demographics USING (household_id)
ORDER BY customer_id;

-- One order per basket, named after the department it cost most in. The history goes on after `as_of`, as a
-- warehouse's does: a launch must not see it, and an analysis of the launch needs it.
CREATE VIEW orders AS
SELECT
    basket_id AS order_id,
    household_id AS customer_id,
    any_value(tenant_id) AS tenant_id,
    any_value(bought_at) AS ordered_at,
    sum(cents)::BIGINT AS total_cents,
    arg_max(department, (cents, department)) AS department
FROM (
    SELECT household_id, basket_id, department, min(bought_at) AS bought_at, sum(cents) AS cents
    FROM lines
    GROUP BY household_id, basket_id, department
)
JOIN memberships USING (household_id)
GROUP BY basket_id, household_id
ORDER BY ordered_at, order_id;

-- What the stores themselves sent in 2017, and which of it was used.
CREATE VIEW mailings AS
SELECT household_id AS customer_id, tenant_id, start_date AS mailed_at, campaign_type
FROM read_parquet(getvariable('campaigns')) AS campaigns
JOIN read_parquet(getvariable('campaign_descriptions')) AS campaign_descriptions USING (campaign_id)
JOIN memberships USING (household_id)
ORDER BY mailed_at, customer_id, campaign_id;

CREATE VIEW redemptions AS
SELECT household_id AS customer_id, tenant_id, redemption_date AS redeemed_at, coupon_upc
FROM read_parquet(getvariable('coupon_redemptions')) AS coupon_redemptions
JOIN memberships USING (household_id)
ORDER BY redeemed_at, customer_id, coupon_upc;
