"""Documents as `campaigns analyze` makes them, put together by hand: what showing them is tested with."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from statistics import NormalDist
from typing import Any

from campaigns.definitions.instants import format_instant

START = datetime(2026, 6, 1, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>\x1b[31mred\u202e"
_Z = NormalDist()
_HALF = _Z.inv_cdf(0.975)
_WIDER = 1.45
"""About how much wider a confidence sequence is."""

Document = dict[str, Any]


def healthy() -> Document:
    """Two arms and a holdout, everything closed, one clear effect and one that is none."""
    groups = {
        "control": (24_906, 0.0321),
        "a": (25_094, 0.0412),
        "holdout": (2_612, 0.0291),
        "campaign": (50_000, 0.0367),
    }
    money = {
        "control": (24_906, 1041.5),
        "a": (25_094, 1058.2),
        "holdout": (2_612, 998.0),
        "campaign": (50_000, 1049.9),
    }
    metrics = [
        metric("conversion", "proportion", groups, what="exists orders within 14 days"),
        metric("revenue", "mean", money, 5200.0, what="sum orders.total_cents within 14 days")
        | {"covariate": "28 days", "winsorized_at": 84_500.0},
    ]
    for each in metrics[1]["comparisons"]:
        each["variance_reduction"] = 0.31
    return document(metrics, {"not_allocated": 10_240}, forced=2, crossovers=118)


def mismatch() -> Document:
    """A split of 52 to 48 on a plan of 50 to 50."""
    found = healthy()
    found["split"] |= {"p_value": 3.1e-18, "trusted": False, "observed": {"control": 26_000, "a": 24_000}}
    found["customers"] |= {"control": 26_000, "a": 24_000}
    return found | {"trusted": False}


def incomplete() -> Document:
    """Five days after a launch with a window of fourteen."""
    groups = {"control": (4_980, 0.021), "a": (5_020, 0.024), "holdout": (530, 0.02), "campaign": (10_000, 0.0225)}
    open_windows = metric("conversion", "proportion", groups, complete=False, days=5)
    found = document([open_windows])
    return found | {"as_of": "2026-06-06T00:00:00Z", "warnings": ["launch w1 is still emitting"]}


def factorial() -> Document:
    """Two by three, without a holdout."""
    names = [
        f"subject={subject},incentive={incentive}" for subject in "ab" for incentive in ("none", "ten_off", "free")
    ]
    groups = {name: (8_300 + 11 * number, 0.03 + 0.0021 * number) for number, name in enumerate(names)}
    found = metric("conversion", "proportion", groups, control=names[0], holdout=False)
    found["factors"] = {
        "main": [
            _factor("subject", "b", "a", 0.0061, 0.0017),
            _factor("incentive", "ten_off", "none", 0.0023, 0.0021),
            _factor("incentive", "free", "none", 0.0041, 0.0021),
        ],
        "interactions": [
            {"factors": ["subject", "incentive"], "levels": ["b", level], **_effect(effect, 0.0042)}
            for level, effect in (("ten_off", -0.0011), ("free", 0.0103))
        ],
    }
    return document([found], control=names[0]) | {"strata": 2}


def by_tenant() -> Document:
    """The healthy one by an attribute; one of its values is hostile, one is missing."""
    found = healthy()
    values = []
    for number, value in enumerate(["marketplace", "corner-grocer", HOSTILE, None, ""]):
        groups = {"control": (4_900 + number, 0.032), "a": (5_050, 0.032 + 0.004 * number)}
        small = metric("conversion", "proportion", groups, holdout=False) | {"over_time": []}
        values.append({"value": value, "customers": {name: n for name, (n, _) in groups.items()}, "metrics": [small]})
    return found | {"by": {"attribute": "tenant", "values": values}}


def without_holdout() -> Document:
    """Control and one variant, nothing else."""
    groups = {"control": (1_000, 0.1), "a": (998, 0.12)}
    return document([metric("conversion", "proportion", groups, holdout=False)])


def undefined() -> Document:
    """Nobody in `a`, and a ratio that has no denominator: estimates are null, in both ways a document may say it."""
    found = metric("basket", "ratio", {"control": (20, 0.0), "a": (0, 0.0)}, 1.0, holdout=False)
    found["groups"]["a"] |= {"mean": None, "standard_deviation": None}
    nothing = {"treated_mean": None, "standard_error": None, "p_value": None, "p_value_adjusted": None}
    [lonely] = found["comparisons"]
    lonely |= {**nothing, "absolute": None, "relative": None, "sequential": None}
    other = {**lonely, "treated": "b", "absolute": {"estimate": None, "low": None, "high": None}}
    found["groups"]["b"] = {"n": 1, "mean": 3.0, "standard_deviation": None}
    found |= {"comparisons": [lonely, other], "over_time": [], "complete": False, "complete_at": None}
    shown = document([found], customers={"control": 20, "a": 0, "b": 1})
    shown["split"] |= {"p_value": None}
    return shown


def many() -> Document:
    """Six variants, five metrics."""
    kinds = {
        "conversion": "proportion",
        "orders": "mean",
        "revenue": "mean",
        "basket": "ratio",
        "returns": "proportion",
    }
    typical = {"conversion": 0.041, "orders": 1.21, "revenue": -104_150.0, "basket": 2_310.4, "returns": 0.004}
    metrics = []
    for number, (name, kind) in enumerate(kinds.items()):
        middle, spread = typical[name], abs(typical[name]) * 1.8
        groups = {"control": (41_200, middle)} | {
            letter: (
                41_200 + 13 * place if letter != "e" else 260,
                middle + abs(middle) * 0.012 * (place - 2 + number % 3),
            )
            for place, letter in enumerate("abcde")
        }
        total = sum(n for n, _ in groups.values())
        groups |= {"holdout": (10_050, middle * 0.97), "campaign": (total, middle * 1.01)}
        metrics.append(metric(name, kind, groups, spread))
    return document(metrics)


def long_names() -> Document:
    """Names as long as they may be."""
    variant, name = "the-variant-with-" + "a-very-long-name-" * 6, "conversion_within_" + "a_long_time_" * 7
    groups = {"control": (1_234_567, 0.04123), variant: (1_234_321, 0.04161)}
    found = document([metric(name, "proportion", groups, holdout=False)])
    return found | {"experiment": "experiment-" * 10}


def hostile() -> Document:
    """Markup and control characters wherever text can come from."""
    groups = {"control": (1_000, 0.1), HOSTILE: (998, 0.12)}
    found = document([metric(HOSTILE, "proportion", groups, holdout=False, what=HOSTILE)])
    found["launches"][0] |= {"launch_id": HOSTILE, "campaign": HOSTILE}
    found["left_out"]["suppressed"] = {HOSTILE: 3}
    return found | {"experiment": HOSTILE, "warnings": [HOSTILE]}


SAMPLES = {
    each.__name__: each
    for each in (
        *(healthy, mismatch, incomplete, factorial, by_tenant),
        *(without_holdout, undefined, many, long_names, hostile),
    )
}


def power_document(kind: str = "proportion", **changes: Any) -> Document:
    """What `campaigns power` answers."""
    return {
        "campaign": "winback",
        "as_of": "2026-06-01T00:00:00Z",
        "metric": "conversion",
        "kind": kind,
        "what": "exists orders within 14 days",
        "power": 0.8,
        "alpha": 0.05,
        "history": {
            "customers": 50_000,
            "mean": 0.0321,
            "standard_deviation": 0.176,
            "from": "2026-05-18T00:00:00Z",
            "to": "2026-06-01T00:00:00Z",
        },
        "comparisons": [
            {
                "treated": "a",
                "against": "control",
                "customers": {"a": 25_094, "control": 24_906},
                "mde_absolute": 0.0044,
                "mde_relative": 0.137,
                "customers_needed": 374_210,
            }
        ],
        "effect": 0.05,
        "warnings": [],
    } | changes


def document(metrics: list[Document], suppressed: Mapping[str, int] | None = None, **changes: Any) -> Document:
    """An analysis of these metrics, with one launch."""
    control = changes.pop("control", "control")
    sizes = {name: group["n"] for name, group in metrics[0]["groups"].items() if name != "campaign"}
    arms = {name: n for name, n in sizes.items() if name != "holdout"}
    launch = {"launch_id": "w1", "campaign": "winback", "as_of": format_instant(START), "state": "completed"}
    left_out = {"forced": changes.pop("forced", 0), "suppressed": dict(suppressed or {})}
    return {
        "experiment": "incentive",
        "control": control,
        "as_of": "2026-07-01T00:00:00Z",
        "confidence": 0.95,
        "launches": [{**launch, "weights": dict.fromkeys(arms, 1), "assigned": sum(arms.values())}],
        "customers": sizes,
        "left_out": left_out | {"crossovers": changes.pop("crossovers", 0), "purged_launches": 0},
        "split": {
            "p_value": 0.4,
            "threshold": 0.001,
            "trusted": True,
            "observed": arms,
            "expected": dict.fromkeys(arms, sum(arms.values()) / len(arms)),
        },
        "trusted": True,
        "strata": 1,
        "warnings": [],
        "metrics": metrics,
        "by": None,
        "reading": {"fixed": "valid if looked at once", "sequential": "valid at every look"},
    } | changes


def metric(
    name: str,
    kind: str,
    groups: Mapping[str, tuple[int, float]],
    deviation: float = 1.0,
    *,
    control: str = "control",
    holdout: bool = True,
    what: str = "",
    complete: bool = True,
    days: int = 14,
) -> Document:
    """A metric of groups (customers, mean): its comparisons and its course are worked out as a normal one's."""
    spread = {each: math.sqrt(m * (1 - m)) if kind == "proportion" else deviation for each, (_, m) in groups.items()}
    arms = [each for each in groups if each not in ("holdout", "campaign")]
    pairs = [(each, control) for each in arms if each != control]
    pairs += [(each, "holdout") for each in (*arms, "campaign") if holdout]
    compared = [_comparison(groups, spread, *pair) for pair in pairs]
    for each in compared:
        each["p_value_adjusted"] = min(1.0, each["p_value"] * len(compared))
        each["significant"] = {
            "fixed": each["p_value_adjusted"] < 0.05,
            "sequential": not each["sequential"]["low"] <= 0 <= each["sequential"]["high"],
        }
    return {
        "metric": name,
        "kind": kind,
        "what": what or f"{name} within 14 days",
        "within": "14 days",
        "covariate": None,
        "winsorized_at": None,
        "complete": complete,
        "complete_at": "2026-06-15T00:00:00Z",
        "groups": {
            each: {"n": n, "mean": mean, "standard_deviation": spread[each]} for each, (n, mean) in groups.items()
        },
        "comparisons": compared,
        "over_time": [_look(day, compared[: len(arms) - 1]) for day in range(1, days + 1)],
        "factors": None,
    }


def _comparison(
    groups: Mapping[str, tuple[int, float]], spread: Mapping[str, float], treated: str, against: str
) -> Document:
    (n, mean), (other_n, other) = groups[treated], groups[against]
    error = math.sqrt(sum(spread[each] ** 2 / max(size, 1) for each, size in ((treated, n), (against, other_n))))
    effect = _effect(mean - other, error)
    half = _HALF * error
    relative = (
        dict(zip(("estimate", "low", "high"), [(mean - other + d) / other for d in (0, -half, half)], strict=True))
        if other
        else None
    )
    wide = _WIDER * half
    return {
        "treated": treated,
        "against": against,
        "treated_mean": mean,
        "against_mean": other,
        **effect,
        "relative": relative,
        "standard_error": error,
        "variance_reduction": None,
        "sequential": {
            "low": mean - other - wide,
            "high": mean - other + wide,
            "relative_low": None,
            "relative_high": None,
        },
    }


def _look(day: int, compared: Sequence[Document]) -> Document:
    """A look at which a part of the outcomes is there; the effect wavers, and the intervals narrow."""
    part = 1 - math.exp(-day / 5)
    comparisons = []
    for number, each in enumerate(compared):
        estimate = each["absolute"]["estimate"] * part * (1 + 0.5 * math.sin(day + number) / day)
        half = _HALF * each["standard_error"] * math.sqrt(part) * (1 + 0.6 / day)
        wide = half * (1.4 + 1.8 / day)
        bounds = {"low": estimate - half, "high": estimate + half}
        sequential = {"sequential_low": estimate - wide, "sequential_high": estimate + wide}
        comparisons.append(
            {"treated": each["treated"], "against": each["against"], "estimate": estimate, **bounds, **sequential}
        )
    return {"at": format_instant(START + timedelta(days=day)), "day": day, "comparisons": comparisons}


def _factor(factor: str, level: str, against: str, estimate: float, error: float) -> Document:
    return {"factor": factor, "level": level, "against": against, **_effect(estimate, error)}


def _effect(estimate: float, error: float) -> Document:
    p_value = 2 * _Z.cdf(-abs(estimate) / error) if error else 1.0
    half = _HALF * error
    return {
        "absolute": {"estimate": estimate, "low": estimate - half, "high": estimate + half},
        "p_value": p_value,
        "p_value_adjusted": min(1.0, 2 * p_value),
    }
