"""The books: what a launch decided, counted; and the report that every command prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from campaigns.definitions import Definition
from campaigns.experiment.split import SUSPICIOUS, split_p_value
from campaigns.experiment.splits import splits
from campaigns.ledger import Launch


class Counted(NamedTuple):
    """Decisions, and the events among them."""

    decisions: int
    sends: int


_COLUMNS = ("filename", "outcome", "reason", "variant", "offer", "tenant")


def count_books(
    counts: Sequence[Mapping[str, Any]], quarantined_rows: Mapping[str, int], definition: Definition
) -> dict[str, Any]:
    """The books from the rows of `counts_query`."""
    outcomes = list(_grouped(counts, "outcome", "reason"))
    ignored = definition.campaign.ignore_holdouts
    arms = [row for row in _grouped(counts, "variant", "tenant") if row["variant"] is not None]
    return {
        "matched": sum(row["decisions"] for row in outcomes),
        "sent": sum(row["sends"] for row in outcomes),
        "held_out": sum(row["decisions"] for row in outcomes if row["outcome"] == "holdout"),
        "suppressed": {row["reason"]: row["decisions"] for row in outcomes if row["outcome"] == "suppressed"},
        "quarantined": {row["reason"]: row["decisions"] for row in outcomes if row["outcome"] == "quarantined"},
        "quarantined_rows": dict(quarantined_rows),
        "variants": _summed(arms, "sends"),
        "offers": _sent(counts, "offer"),
        "tenants": _sent(counts, "tenant"),
        "split_p_value": split_of(arms, "chance", definition),
        "ignore_holdouts": ignored if ignored == "all" else list(ignored),
    }


def split_of(arms: Sequence[Mapping[str, Any]], count: str, definition: Definition) -> float | None:
    """Whether chance split as the weights say, from rows by tenant and variant; see `split_p_value`."""
    if definition.promotes:
        return None
    left, observed, weights = list(arms), [], []
    for split in splits(definition.campaign, definition.tenants):
        mine = [row for row in left if split.tenants is None or row["tenant"] in split.tenants]
        left = [row for row in left if row not in mine]
        observed.append(_summed(mine, count))
        weights.append(split.weights)
    return split_p_value(observed, weights)


def _summed(arms: Sequence[Mapping[str, Any]], count: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in arms:
        if row[count]:
            found[row["variant"]] = found.get(row["variant"], 0) + row[count]
    return dict(sorted(found.items()))


def count_files(counts: Sequence[Mapping[str, Any]]) -> dict[Path, dict[str, Counted]]:
    """What the rows of `counts_query` count in each file, by tenant."""
    files: dict[Path, dict[str, Counted]] = {}
    for row in _grouped(counts, "filename", "tenant"):
        files.setdefault(Path(row["filename"]), {})[row["tenant"]] = Counted(row["decisions"], row["sends"])
    return files


def report(launch: Launch) -> dict[str, Any]:
    """What `launch`, `resume` and `status` print about a launch; counts are null until the audience is frozen."""
    books = launch.books or {}
    seconds = {part: round(launch.seconds.get(part, 0.0), 3) for part in ("freeze", "emit", "total")}
    return {
        "launch_id": launch.launch_id,
        "campaign": launch.campaign,
        "as_of": launch.as_of,
        "state": str(launch.state),
        **{name: books.get(name) for name in ("matched", "sent", "held_out", "suppressed", "quarantined")},
        "quarantined_rows": books.get("quarantined_rows"),
        "acknowledged": launch.acknowledged if launch.books else None,
        **{name: books.get(name) for name in ("variants", "offers", "tenants", "split_p_value")},
        "seconds": seconds,
        "campaign_version": launch.campaign_version,
        "ignore_holdouts": books.get("ignore_holdouts"),
        "error": launch.error,
        "purged_at": launch.purged_at,
    }


def warnings(document: Mapping[str, Any]) -> list[str]:
    """What a person must hear about a report, loudest first."""
    told = []
    p_value = document["split_p_value"]
    if p_value is not None and p_value < SUSPICIOUS:
        told.append(
            f"THE SPLIT IS NOT TO BE TRUSTED: what was sent does not agree with the weights (p = {p_value:.2g}, "
            f"below {SUSPICIOUS})"
        )
    if document["matched"] == 0:
        told.append("no customer matched")
    if rows := document["quarantined_rows"]:
        told.append(f"source rows that cannot be decided: {_listed(rows, document['quarantine_samples'])}")
    if decisions := document["quarantined"]:
        told.append(f"decisions that cannot become an event: {_listed(decisions, {})}")
    return told


def _listed(counts: Mapping[str, int], samples: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    return ", ".join(f"{count:,} {reason}{_example(samples.get(reason, ()))}" for reason, count in counts.items())


def _example(samples: Sequence[Mapping[str, Any]]) -> str:
    """One of the rows, its hostile characters escaped."""
    if not samples:
        return ""
    shown = "/".join(str(samples[0][name] or "") for name in ("tenant", "customer"))
    return f" (such as {shown!r})"


def _grouped(counts: Sequence[Mapping[str, Any]], *names: str) -> list[Mapping[str, Any]]:
    """Rows of one grouping: GROUPING() sets a bit for every column that is not grouped, the first one highest."""
    last = len(_COLUMNS) - 1
    bits = sum(1 << (last - position) for position, name in enumerate(_COLUMNS) if name not in names)
    return sorted(
        (row for row in counts if row["grouping"] == bits), key=lambda row: [str(row[name]) for name in names]
    )


def _sent(counts: Sequence[Mapping[str, Any]], name: str) -> dict[str, int]:
    return {row[name]: row["sends"] for row in _grouped(counts, name) if row["sends"] and row[name] is not None}
