"""A synthetic workspace of any size: the same arguments give the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from campaigns.errors import InvalidDefinition
from campaigns.samples.folder import new_workspace, read_sql
from campaigns.samples.parquet import Progress, Value, write_views

AS_OF = datetime(2026, 6, 1, tzinfo=UTC)
"""Where the synthetic history ends: every order is earlier, and the campaigns are meant for this instant."""

TIMEZONES = ("America/Los_Angeles", "America/Denver", "America/Chicago", "America/New_York")

VIEWS = ("customers", "orders")
RANDOM_COLUMNS = (
    *("tenant", "age", "first_name", "opt_in", "country", "tags", "staff", "tier", "score"),
    *("orders", "person", "ordered_at", "total", "basket", "department"),
)


def generate(
    root: Path, customers: int, tenants: int = 351, seed: int = 0, progress: Progress | None = None
) -> dict[str, int]:
    """Write a workspace with `customers` customers, three orders each on average; return rows by file.

    Tenants are heavy-tailed (of 351 the largest holds about 35 %); each has at least one customer when there
    are as many customers as tenants. The first campaign by name matches about half of all at `AS_OF`.
    `progress` is told the file and the part done, 0 to 1. Nothing is left behind by an error.
    Raises InvalidDefinition for a bad argument or a folder that is not empty, Unavailable if it cannot be
    written.
    """
    check("customers", customers, 0, 2**32 - 1)
    check("tenants", tenants, 1, 10_000)
    check("seed", seed, 0, 2**32 - 1)
    variables: dict[str, Value] = {
        "customers": customers,
        "tenants": tenants,
        "history_ends": AS_OF.replace(tzinfo=None),
        **keys(seed),
    }
    with new_workspace(root, "synthetic") as folder:
        with (folder / "workspace.yaml").open("a", encoding="utf-8") as file:
            file.writelines(tenant_lines(tenants))
        rows = write_views(read_sql("synthetic"), variables, VIEWS, folder / "data", by_file(progress))
    return {f"data/{view}.parquet": rows[view] for view in VIEWS}


def check(name: str, value: int, lowest: int, highest: int) -> None:
    """Raise InvalidDefinition unless `value` is within the bounds."""
    if not lowest <= value <= highest:
        raise InvalidDefinition(f"{name}: found {value:,}, allowed is {lowest:,} to {highest:,}")


def keys(seed: int) -> dict[str, Value]:
    """One 32-bit key for each random column, made from the seed."""
    return {
        f"{column}_key": int.from_bytes(sha256(f"{seed}:{column}".encode()).digest()[:4]) for column in RANDOM_COLUMNS
    }


def tenant_lines(tenants: int) -> Iterator[str]:
    """The `tenants:` block, one line each; the keys are those that `tenant_key` of the SQL makes."""
    yield "\ntenants:\n"
    yield tenant_line("marketplace", "marketplace", "Marketplace", TIMEZONES[0])
    for rank in range(2, tenants + 1):
        yield tenant_line(f"retailer-{rank:05}", "storefront", f"Retailer {rank}", TIMEZONES[rank % len(TIMEZONES)])


def tenant_line(key: str, surface: str, brand: str, timezone: str) -> str:
    """One tenant as YAML."""
    return f"  {key}: {{surface: {surface}, timezone: {timezone}, variables: {{brand: {brand}}}}}\n"


def by_file(progress: Progress | None) -> Progress | None:
    """Tell `progress` the file instead of the view."""
    if progress is None:
        return None
    return lambda view, part: progress(f"data/{view}.parquet", part)
