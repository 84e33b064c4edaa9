"""Codes: SQL agrees with Python's hmac, nobody mistakes a character, and everything of the message counts."""

from __future__ import annotations

import hashlib
import hmac
import re

import duckdb
import hypothesis.strategies as st
from hypothesis import example, given, settings
from sqlglot import exp

from campaigns.offers.codes import ALPHABET, code, code_sql, parameters

CONNECTION = duckdb.connect(config={"threads": 1})
SECRET = b"a secret for tests"
KEYS = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True)
CUSTOMERS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40)
SECRETS = st.binary(min_size=1, max_size=200)


def in_duckdb(secret: bytes, prefix: str, tenant: str, launch: str, offer: str, customer: str) -> str:
    sql = code_sql(prefix, tenant=exp.column("t"), launch=launch, offer=offer, customer=exp.column("c"))
    query = f"SELECT {sql.sql('duckdb')} FROM (SELECT $t::VARCHAR AS t, $c::VARCHAR AS c)"
    row = CONNECTION.execute(query, {"t": tenant, "c": customer, **parameters(secret)}).fetchone()
    assert row is not None
    return str(row[0])


@settings(max_examples=150, deadline=None)
@given(SECRETS, st.sampled_from(["", "WB", "A1"]), KEYS, KEYS, KEYS, CUSTOMERS)
@example(b"k" * 64, "", "t", "l", "o", "block size")
@example(b"k" * 65, "", "t", "l", "o", "one more: the secret is hashed")
@example(b"\0", "WB", "t", "l", "o", "'; drop table customers; --")
def test_sql_agrees_with_python(
    secret: bytes, prefix: str, tenant: str, launch: str, offer: str, customer: str
) -> None:
    expected = code(secret, prefix, tenant=tenant, launch=launch, offer=offer, customer=customer)
    assert in_duckdb(secret, prefix, tenant, launch, offer, customer) == expected


def test_a_code_is_the_hmac_that_its_specification_says() -> None:
    digits = hmac.new(SECRET, "shop/launch-1/ten-off/José".encode(), hashlib.sha256).hexdigest()[:16]
    expected = "WB" + "".join("34679CDFHJKMNPRT"[int(digit, 16)] for digit in digits)
    assert code(SECRET, "WB", tenant="shop", launch="launch-1", offer="ten-off", customer="José") == expected


def test_sixteen_characters_that_nobody_mistakes_follow_the_prefix() -> None:
    found = in_duckdb(SECRET, "WB", "t", "l", "o", "c")
    assert re.fullmatch(f"WB[{ALPHABET}]{{16}}", found)
    assert len(set(ALPHABET)) == 16
    assert not set(ALPHABET) & set("0O1IL2Z5S8B" + "AEU")


def test_every_part_of_the_message_and_the_secret_change_the_code() -> None:
    usual = {"tenant": "t", "launch": "l", "offer": "o", "customer": "c"}
    codes = [code(SECRET, "", **usual), code(SECRET + b"!", "", **usual)]
    codes += [code(SECRET, "", **{**usual, part: "x"}) for part in usual]
    codes.append(code(SECRET, "", **{**usual, "offer": "c", "customer": "o"}))
    assert len(set(codes)) == len(codes)


def test_the_secret_is_bound_and_never_text() -> None:
    sql = code_sql("WB", tenant=exp.column("t"), launch="l", offer="o", customer=exp.column("c")).sql("duckdb")
    assert SECRET.decode() not in sql
    assert {"$secret_inner", "$secret_outer"} <= set(re.findall(r"\$\w+", sql))
    assert all(SECRET not in value for value in parameters(SECRET).values())
