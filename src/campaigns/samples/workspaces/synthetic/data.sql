-- The synthetic customers and their order history. Every value is a function of (seed, row number) in 32-bit
-- integer arithmetic: no random(), no hash() of DuckDB's own, no clock, so any version writes the same rows.
-- Variables: customers, tenants, history_ends, and for every random column a 32-bit key made from the seed.

-- One step of a multiply-xorshift hash. Products of two 32-bit numbers fit UBIGINT: nothing overflows.
CREATE MACRO scramble(x, bits, factor) AS
    (xor(x, x >> bits) * factor::UBIGINT) & 4294967295::UBIGINT;

-- lowbias32 (Chris Wellons, public domain, "Prospecting for Hash Functions"): a bijection of 0 .. 2^32 - 1.
CREATE MACRO mix(x) AS xor(
    scramble(scramble(x, 16, 2146121005), 15, 2221713035),
    scramble(scramble(x, 16, 2146121005), 15, 2221713035) >> 16
);

-- The draw of one row. Every column has its own key, so the columns are independent of each other.
CREATE MACRO draw(row_number, key) AS
    mix(xor(row_number::UBIGINT & 4294967295::UBIGINT, getvariable(key || '_key')::UBIGINT));

-- 0 <= below(d, n) < n, for n up to 2^32, without the bias of a modulo.
CREATE MACRO below(d, n) AS ((d * n::UBIGINT) >> 32)::BIGINT;

-- Rank of a tenant, 1 the largest: inverse of the Pareto distribution with exponent 1.6, cut at `tenants`.
-- With 351 tenants the largest holds 35 % of the customers. The first `tenants` rows give everyone one customer.
CREATE MACRO tenant_rank(row_number, d) AS
    CASE WHEN row_number < getvariable('tenants') THEN row_number + 1
    ELSE least(
        getvariable('tenants'),
        floor(pow(1 - (d / 4294967296.0) * (1 - pow(getvariable('tenants') + 1, -0.6)), -1 / 0.6))::BIGINT
    ) END;

CREATE MACRO tenant_key(rank) AS
    CASE rank WHEN 1 THEN 'marketplace' ELSE 'retailer-' || lpad(rank::VARCHAR, 5, '0') END;

-- Orders per customer: 3 on average, none for 3 in 10, 33 for 1 in 100.
CREATE MACRO order_count(d) AS list_extract(
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
     1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
     2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
     4, 4, 4, 4, 4, 4, 4, 5, 5, 5, 5, 5, 6, 6, 6, 7, 7, 8, 8, 10, 10, 13, 13, 18, 24, 33],
    below(d, 100) + 1
);

CREATE VIEW people AS
SELECT
    i,
    'c' || lpad(i::VARCHAR, 8, '0') AS customer_id,
    tenant_key(tenant_rank(i, draw(i, 'tenant'))) AS tenant_id,
    1 + below(draw(i, 'age'), 3 * 365 * 86400) AS age_seconds
FROM range(getvariable('customers')) AS row_numbers (i);

CREATE VIEW customers AS
SELECT
    customer_id,
    tenant_id,
    list_extract(
        ['Ada', 'Alan', 'Barbara', 'Ben', 'Chloe', 'Daniel', 'Diego', 'Elif', 'Emma', 'Fatima', 'Grace', 'Hana',
         'Ines', 'Jamal', 'Joan', 'Kenji', 'Lena', 'Luis', 'Mei', 'Nadia', 'Noah', 'Olga', 'Omar', 'Priya',
         'Ravi', 'Rosa', 'Sam', 'Sofia', 'Tara', 'Yusuf', 'Zoe', NULL],
        below(draw(i, 'first_name'), 32) + 1
    ) AS first_name,
    below(draw(i, 'opt_in'), 100) < 88 AS email_opt_in,
    list_extract(
        ['US', 'US', 'US', 'US', 'US', 'US', 'US', 'CA', 'CA', 'GB'], below(draw(i, 'country'), 10) + 1
    ) AS country,
    list_extract(
        [[], [], [], ['organic'], ['vip'], ['family'], ['family', 'organic'], ['organic', 'vip'], ['family', 'vip']],
        below(draw(i, 'tags'), 9) + 1
    )::VARCHAR[] || CASE WHEN below(draw(i, 'staff'), 200) = 0 THEN ['staff'] ELSE []::VARCHAR[] END AS tags,
    getvariable('history_ends') - to_seconds(age_seconds) AS signed_up_at,
    list_extract(
        ['basic', 'basic', 'basic', 'basic', 'silver', 'silver', 'gold', 'platinum'], below(draw(i, 'tier'), 8) + 1
    ) AS loyalty_tier,
    draw(i, 'score') / 4294967296.0::DOUBLE AS score
FROM people;

CREATE VIEW baskets AS
SELECT
    i,
    customer_id,
    tenant_id,
    age_seconds,
    draw(i, 'person') AS person,
    unnest(range(order_count(draw(i, 'orders')))) AS k
FROM people;

-- Every order lies between the customer's sign-up and the end of the history, which it never reaches.
CREATE VIEW orders AS
SELECT
    i * 64 + k AS order_id,
    customer_id,
    tenant_id,
    getvariable('history_ends') - to_seconds(1 + below(draw(person + k, 'ordered_at'), age_seconds)) AS ordered_at,
    400 + below(draw(person + k, 'total'), 1 + below(draw(person + k, 'basket'), 28000)) AS total_cents,
    list_extract(
        ['BAKERY', 'DAIRY', 'DELI', 'FROZEN', 'GROCERY', 'GROCERY', 'GROCERY', 'HOUSEHOLD', 'MEAT', 'ORGANIC',
         'PRODUCE', 'SEAFOOD'],
        below(draw(person + k, 'department'), 12) + 1
    ) AS department
FROM baskets;
