from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from campaigns.app import Campaigns
from campaigns.errors import InvalidDefinition
from campaigns.samples.starter import init_workspace


def test_it_validates_and_launches_at_once(tmp_path: Path) -> None:
    init_workspace(tmp_path)
    campaigns = Campaigns(tmp_path)
    assert campaigns.validate() == ["first-order", "winback"]
    report = campaigns.launch("winback")
    assert report["state"] == "completed"
    assert report["quarantined_rows"] == {}
    assert report["sent"] == len(list(campaigns.events())) > 0


@pytest.mark.parametrize("as_of", [datetime(2025, 9, 1, tzinfo=UTC), None])
def test_on_any_day_every_variant_and_offer_is_sent(tmp_path: Path, as_of: datetime | None) -> None:
    init_workspace(tmp_path)
    campaigns = Campaigns(tmp_path)
    preview = campaigns.preview("winback", as_of)
    assert set(preview["variants"]) == {"control", "ten_off", "free_delivery"}
    assert set(preview["offers"]) == {"ten-off", "free-delivery"}
    assert preview["matched"] == 21
    assert campaigns.preview("first-order", as_of)["matched"] == 7


def test_it_never_overwrites(tmp_path: Path) -> None:
    init_workspace(tmp_path)
    (tmp_path / "workspace.yaml").write_text("workspace: mine\n")
    with pytest.raises(InvalidDefinition, match="not empty"):
        init_workspace(tmp_path)
    assert (tmp_path / "workspace.yaml").read_text() == "workspace: mine\n"
