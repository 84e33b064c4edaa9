"""A preview tells what a launch would do, and does none of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from campaigns.app import Campaigns
from support.shop import contents, stream_of
from support.workspaces import AS_OF, CAMPAIGN, write_campaign

BOOKS = ["matched", "sent", "held_out", "suppressed", "quarantined", "quarantined_rows"]
COUNTS = [*BOOKS, "variants", "offers", "tenants", "split_p_value", "campaign_version", "as_of"]


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"tenants": ["corner-grocer"]},
        {"holdout": {"key": "global", "percent": 100}},
        {"audience": {"where": "country = 'FR'"}},
        {"experiment": None, "offer": "ten-off"},
    ],
    ids=["as it is", "one tenant", "everyone held out", "nobody", "no experiment"],
)
def test_a_preview_counts_what_the_launch_counts(shop: Path, changed: dict[str, object]) -> None:
    campaign = {key: value for key, value in {**CAMPAIGN, **changed}.items() if value is not None}
    write_campaign(shop, campaign)
    preview = Campaigns(shop).preview("winback", AS_OF)
    launch = Campaigns(shop).launch("winback", AS_OF, "spring")
    assert {name: preview[name] for name in COUNTS} == {name: launch[name] for name in COUNTS}
    assert launch["state"] == "completed"
    assert launch["acknowledged"] == launch["sent"]


def test_the_funnel_ends_with_what_is_sent(shop: Path) -> None:
    preview = Campaigns(shop).preview("winback", AS_OF)
    assert preview["funnel"][0] == {"step": "customers", "left": 800}
    left = [step["left"] for step in preview["funnel"]]
    assert left == sorted(left, reverse=True)
    assert left[-1] == preview["sent"]
    # one in ten each: has ordered just now, has not opted in, is staff
    assert left[:5] == [800, 720, 720, 640, 560]


def test_a_preview_is_the_same_every_time(shop: Path) -> None:
    first, *others = [Campaigns(shop).preview("winback", AS_OF) for _ in range(5)]
    assert others == [first] * 4


def test_the_sample_events_of_a_preview_are_events_that_the_launch_sends(shop: Path) -> None:
    samples = Campaigns(shop).preview("winback", AS_OF)["sample_events"]
    assert len(samples) == 5
    launch_id = Campaigns(shop).launch("winback", AS_OF)["launch_id"]
    sent = {name: json.loads(events[0]) for name, events in stream_of(shop, launch_id).items()}
    assert samples == [sent[sample["id"]] for sample in samples]


@pytest.mark.parametrize(
    "look",
    [
        lambda opened: opened.preview("winback", AS_OF),
        lambda opened: opened.plan("winback", AS_OF).decide(),
        lambda opened: opened.validate(),
        lambda opened: opened.explain("winback", "c0003", "marketplace", AS_OF),
        lambda opened: opened.launches(),
        lambda opened: list(opened.events()),
    ],
    ids=["preview", "plan", "validate", "explain", "launches", "events"],
)
@pytest.mark.parametrize("fresh", [True, False], ids=["a new workspace", "after a launch"])
def test_looking_leaves_no_trace(shop: Path, look: Callable[[Campaigns], object], fresh: bool) -> None:
    if fresh:
        shutil.rmtree(shop / ".campaigns")
    else:
        Campaigns(shop).launch("winback", AS_OF, "spring")
    before = tree(shop)
    assert look(Campaigns(shop)) is not None
    assert tree(shop) == before


def tree(root: Path) -> dict[str, bytes | None]:
    """Every folder and file, without the two that SQLite keeps beside a database it reads."""
    found: dict[str, bytes | None] = {str(path.relative_to(root)): None for path in root.rglob("*")}
    return {name: content for name, content in (found | contents(root)).items() if not name.endswith(("-wal", "-shm"))}
