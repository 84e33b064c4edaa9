"""Metrics as an author writes them: every error at once, with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from campaigns.definitions import Duration, load_workspace
from campaigns.definitions.metrics import Metric
from campaigns.errors import InvalidDefinition

WORKSPACE = """\
workspace: acme
tenants: {market: {surface: market}}
customers: {from: c.parquet, id: id, tenant: tenant}
events:
  orders: {from: o.parquet, customer: customer, tenant: tenant, at: at, id: order_id}
metrics:
"""


def told(root: Path, *lines: str) -> list[tuple[int, str]]:
    """The line, from 1 for the first metric, and the message of each problem."""
    (root / "workspace.yaml").write_text(WORKSPACE + "".join(f"  {line}\n" for line in lines))
    with pytest.raises(InvalidDefinition) as caught:
        load_workspace(root)
    return [(problem.line - WORKSPACE.count("\n"), problem.message) for problem in caught.value.problems]


def test_every_problem_is_told_at_once_with_its_place(tmp_path: Path) -> None:
    assert told(
        tmp_path,
        "both: {count: orders, exists: orders, within: 1 day}",
        "none: {within: 1 day}",
        "late: {count: orders}",
        "typo: {count: order, within: 1 day}",
        "inner: {ratio: {numerator: {sum: oders.cents}, denominator: {count: orders}}, within: 1 day}",
        "share: {exists: orders, within: 1 day, winsorize: 99}",
        "most: {count: orders, within: 1 day, winsorize: 100}",
        "rule: {ratio: {numerator: {count: orders}, denominator: {count: orders}}, where: a > 1, within: 1 day}",
        "column: {sum: orders, within: 1 day}",
        "Most: {count: orders, within: 1 day}",
    ) == [
        (1, "need exactly one of exists, count, sum, ratio, found exists and count"),
        (2, "need exactly one of exists, count, sum, ratio, found none"),
        (3, "key 'within' is missing: Only events from the exposure until this much later count."),
        (4, "unknown event table 'order'; did you mean 'orders'?; known: orders"),
        (5, "unknown event table 'oders'; did you mean 'orders'?; known: orders"),
        (6, "only count and sum can be winsorized, found exists"),
        (7, "need a number less than 100, found 100"),
        (8, "a ratio has its rules in numerator and denominator, found one beside it"),
        (9, "need an event table and its column, such as orders.total_cents, found 'orders'"),
        (10, "metric 'Most' differs from 'most' only by case"),
    ]


def test_what_a_metric_measures_in_words() -> None:
    basket = Metric.model_validate(
        {
            "ratio": {"numerator": {"sum": "orders.cents", "where": "cents > 0"}, "denominator": {"count": "orders"}},
            "within": "14 days",
        }
    )
    assert basket.what == "sum orders.cents where cents > 0 / count orders within 14 days"
    assert basket.events == {"orders"}
    assert basket.within == Duration(14, "day")
