"""Bucketing: the golden vectors, the SQL, the shape of the split."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from scipy.stats import chi2_contingency, chisquare
from sqlglot import exp

from campaigns.experiment.md5x32 import (
    boundaries,
    digest,
    digest_sql,
    held_out,
    held_out_sql,
    slice_of,
    variant_index,
    variant_sql,
)

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "md5x32.json").read_text("utf-8"))
CONNECTION = duckdb.connect(config={"threads": 1})
UNIT = exp.column("unit")
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
WEIGHTS = st.lists(st.integers(0, 1000) | st.just(0) | st.just(2**40), min_size=1, max_size=9).filter(any)


def in_duckdb(expressions: dict[str, exp.Expression], units: Sequence[str]) -> list[tuple[Any, ...]]:
    """The expressions over every unit, in the order of the units."""
    columns = ", ".join(f'{value.sql("duckdb")} AS "{name}"' for name, value in expressions.items())
    query = f"SELECT {columns} FROM (SELECT unnest($units) AS unit)"
    return CONNECTION.execute(query, {"units": list(units)}).fetchall()


def test_python_and_sql_assign_as_the_vectors_say() -> None:
    for vector in VECTORS["assign"]:
        weights, salt, unit = vector["weights"], vector["salt"], vector["unit"]
        names = [str(index) for index in range(len(weights))]
        found = digest(salt, unit)
        sql = digest_sql(salt, UNIT)
        rows = in_duckdb({"digest": sql, "variant": variant_sql(names, weights, sql)}, [unit])

        assert found == vector["digest"], vector
        assert (slice_of(found, 0), slice_of(found, 1)) == (vector["slice0"], vector["slice1"]), vector
        assert variant_index(weights, slice_of(found, 1)) == vector["variant"], vector
        assert rows == [(vector["digest"], str(vector["variant"]))], vector
    assert len(VECTORS["assign"]) > 300


def test_python_and_sql_hold_out_as_the_vectors_say() -> None:
    for vector in VECTORS["holdout"]:
        salt, unit, points = vector["salt"], vector["unit"], vector["basis_points"]
        sql = held_out_sql(points, digest_sql(salt, UNIT))
        assert held_out(points, slice_of(digest(salt, unit), 0)) is vector["held_out"], vector
        assert in_duckdb({"held": sql}, [unit]) == [(vector["held_out"],)], vector
    assert {vector["held_out"] for vector in VECTORS["holdout"]} == {True, False}


@settings(max_examples=60, deadline=None)
@given(salt=TEXTS, units=st.lists(TEXTS, min_size=1, max_size=20), weights=WEIGHTS, points=st.integers(0, 10_000))
def test_sql_agrees_with_python(salt: str, units: list[str], weights: list[int], points: int) -> None:
    names = [f"arm {index}" for index in range(len(weights))]
    sql = digest_sql(salt, UNIT)
    rows = in_duckdb({"variant": variant_sql(names, weights, sql), "held": held_out_sql(points, sql)}, units)

    for unit, row in zip(units, rows, strict=True):
        found = digest(salt, unit)
        assert row == (names[variant_index(weights, slice_of(found, 1))], held_out(points, slice_of(found, 0)))


def test_a_boundary_belongs_to_the_next_variant() -> None:
    assert boundaries([1, 1]) == ["80000000", None]
    assert [variant_index([1, 1], cut) for cut in ("00000000", "7fffffff", "80000000", "ffffffff")] == [0, 0, 1, 1]
    assert [held_out(5000, cut) for cut in ("7fffffff", "80000000")] == [True, False]


def test_the_ends_of_a_holdout_are_nobody_and_everybody() -> None:
    assert [held_out(0, cut) for cut in ("00000000", "ffffffff")] == [False, False]
    assert [held_out(10_000, cut) for cut in ("00000000", "ffffffff")] == [True, True]


def test_a_variant_without_weight_is_never_chosen() -> None:
    assert [variant_index([0, 3, 0], cut) for cut in ("00000000", "ffffffff")] == [1, 1]
    units = [f"t/{number}" for number in range(1000)]
    rows = in_duckdb({"variant": variant_sql(["a", "b", "c", "d"], [0, 1, 0, 2], digest_sql("s", UNIT))}, units)
    assert {name for (name,) in rows} == {"b", "d"}


@pytest.mark.parametrize(("weights", "message"), [([0, 0], "add up to 0"), ([], "add up to 0"), ([3, -1], "negative")])
def test_weights_are_refused_never_repaired(weights: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        boundaries(weights)


def test_a_missing_unit_has_no_digest() -> None:
    assert in_duckdb({"digest": digest_sql("salt", exp.cast(exp.null(), "VARCHAR"))}, ["x"]) == [(None,)]


SALTS = {"experiment": "experiment.winback-incentive", "holdout": "holdout.global", "other": "experiment.other"}
PEOPLE = 200_000


@pytest.fixture(scope="module")
def crowd() -> Counter[tuple[Any, ...]]:
    """How 200,000 units of two tenants fall: counts by (variant, held out, tenant, variant of another experiment)."""
    digests = {name: digest_sql(salt, UNIT) for name, salt in SALTS.items()}
    arms = (["a", "b", "c", "d"], [20, 40, 39, 1])
    query = f"""
        SELECT {variant_sql(*arms, digests["experiment"]).sql("duckdb")},
               {held_out_sql(500, digests["holdout"]).sql("duckdb")},
               split_part(unit, '/', 1),
               {variant_sql(*arms, digests["other"]).sql("duckdb")},
               count(*)
        FROM (SELECT (CASE WHEN n % 2 = 0 THEN 'one/' ELSE 'two/' END) || (n // 2) AS unit FROM range({PEOPLE}) AS t(n))
        GROUP BY ALL"""
    return Counter({row[:4]: row[4] for row in CONNECTION.execute(query).fetchall()})


def table(crowd: Counter[tuple[Any, ...]], left: int, right: int) -> list[list[int]]:
    """The contingency table of two properties."""
    counts: Counter[tuple[Any, Any]] = Counter()
    for key, count in crowd.items():
        counts[key[left], key[right]] += count
    rows, columns = sorted({key[left] for key in crowd}), sorted({key[right] for key in crowd})
    return [[counts[row, column] for column in columns] for row in rows]


def test_the_split_follows_the_weights(crowd: Counter[tuple[Any, ...]]) -> None:
    counts: Counter[str] = Counter()
    for key, count in crowd.items():
        counts[key[0]] += count
    expected = [PEOPLE * weight / 100 for weight in (20, 40, 39, 1)]
    assert chisquare([counts[name] for name in "abcd"], expected).pvalue > 0.001


@pytest.mark.parametrize(
    ("left", "right"), [(0, 1), (0, 2), (1, 2), (0, 3)], ids=["holdout", "tenant", "holdout-tenant", "experiment"]
)
def test_the_variant_is_independent_of(crowd: Counter[tuple[Any, ...]], left: int, right: int) -> None:
    """Of the holdout, of the tenant although ids are counted from 0 in each, and of another experiment."""
    assert chi2_contingency(table(crowd, left, right)).pvalue > 0.001
