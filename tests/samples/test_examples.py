"""The hand-written workspaces of `examples/` stay valid and do what their READMEs say."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from campaigns.app import Campaigns

EXAMPLES = Path(__file__).parents[2] / "examples"
AS_OF = datetime(2026, 6, 1, tzinfo=UTC)
MATCHED = {
    "storefront": {"spring-basket": 20, "we-miss-you": 5},
    "marketplace": {"household-test": 15},
}


@pytest.fixture(params=sorted(MATCHED))
def example(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy, so that nothing is ever written into the repository."""
    return Path(shutil.copytree(EXAMPLES / request.param, tmp_path / request.param))


def test_every_example_is_listed() -> None:
    assert {folder.name for folder in EXAMPLES.iterdir() if folder.is_dir()} == set(MATCHED)


def test_every_campaign_is_valid_and_matches_the_stated_number(example: Path) -> None:
    campaigns = Campaigns(example)
    matched = {key: campaigns.preview(key, AS_OF)["matched"] for key in campaigns.validate()}
    assert matched == MATCHED[example.name]


def test_every_campaign_launches_and_its_books_close(example: Path) -> None:
    campaigns = Campaigns(example)
    for key in campaigns.keys():  # noqa: SIM118 - not a mapping
        report = campaigns.launch(key, AS_OF)
        assert report["state"] == "completed"
        assert report["matched"] == report["sent"] + report["held_out"]
        assert report["acknowledged"] == report["sent"] > 0


def test_no_household_is_split(tmp_path: Path) -> None:
    root = Path(shutil.copytree(EXAMPLES / "marketplace", tmp_path / "marketplace"))
    campaigns = Campaigns(root)
    campaigns.launch("household-test", AS_OF)
    lines = (root / "data" / "customers.jsonl").read_text().splitlines()
    household = {person["id"]: person["household"] for person in map(json.loads, lines)}
    variants: dict[str, set[str]] = {}
    events = [json.loads(event) for event in campaigns.events()]
    for event in events:
        variants.setdefault(household[event["subject"]], set()).add(event["data"]["variant"])
    assert len(variants) < len(events), "no household has two members: the test shows nothing"
    assert all(len(found) == 1 for found in variants.values())
