"""The same launch is the same launch: whoever asks again, whenever, wherever."""

from __future__ import annotations

import logging
import shutil
import time
from pathlib import Path

import pytest

from campaigns.app import Campaigns
from campaigns.errors import Conflict
from support.shop import Check, contents, copies, expected_ids, stream_of
from support.workspaces import AS_OF, CAMPAIGN, write_campaign

SECRET = "0123456789abcdef" * 4


def test_the_same_id_again_is_the_same_report_and_no_event(shop: Path) -> None:
    first = Campaigns(shop).launch("winback", AS_OF, "spring")
    again = Campaigns(shop).launch("winback", AS_OF, "spring")
    without_as_of = Campaigns(shop).launch("winback", launch_id="spring")
    resumed = Campaigns(shop).resume("spring")
    assert first.pop("already_complete") is False
    for later in (again, without_as_of, resumed):
        assert later.pop("already_complete") is True
        assert later == first
    assert copies(stream_of(shop)) == 0


def test_a_launch_without_an_id_is_one_launch_per_version_and_as_of(shop: Path) -> None:
    first = Campaigns(shop).launch("winback", AS_OF)
    assert Campaigns(shop).launch("winback", AS_OF)["launch_id"] == first["launch_id"]
    write_campaign(shop, {**CAMPAIGN, "channel": "push"})
    assert Campaigns(shop).launch("winback", AS_OF)["launch_id"] != first["launch_id"]
    assert len(Campaigns(shop).launches()) == 2


def test_an_edited_campaign_is_another_launch(shop: Path, whole: Check) -> None:
    Campaigns(shop).launch("winback", AS_OF, "spring")
    write_campaign(shop, {**CAMPAIGN, "channel": "push"})
    with pytest.raises(Conflict, match=r"'spring' exists with definition .*, not .*; resume it as it is"):
        Campaigns(shop).launch("winback", AS_OF, "spring")
    whole(shop)


def test_another_campaign_or_as_of_under_the_same_id_is_a_conflict(shop: Path, whole: Check) -> None:
    Campaigns(shop).launch("winback", AS_OF, "spring")
    write_campaign(shop, {**CAMPAIGN, "campaign": "onboarding"})
    with pytest.raises(Conflict, match="with campaign winback, not onboarding"):
        Campaigns(shop).launch("onboarding", AS_OF, "spring")
    with pytest.raises(Conflict, match="with as_of 2026-06-01T00:00:00Z, not 2026-05-01T00:00:00Z"):
        Campaigns(shop).launch("winback", AS_OF.replace(month=5), "spring")
    whole(shop)


def test_another_id_is_another_launch_with_ids_and_codes_of_its_own(shop: Path) -> None:
    Campaigns(shop).launch("winback", AS_OF, "spring")
    Campaigns(shop).launch("winback", AS_OF, "autumn")
    assert stream_of(shop, "spring").keys() == expected_ids("spring")
    assert stream_of(shop, "autumn").keys() == expected_ids("autumn")
    assert expected_ids("spring").isdisjoint(expected_ids("autumn"))


def test_a_launch_decided_anew_from_the_same_sources_is_the_same_bytes(shop: Path, whole: Check) -> None:
    """Nothing but the secret is kept: no ledger, no snapshot, no stream; another day, another second."""
    Campaigns(shop).launch("winback", AS_OF, "spring")
    for name in ("ledger.db", "stream.db", "snapshots"):
        found = shop / ".campaigns" / name
        shutil.rmtree(found) if found.is_dir() else found.unlink()
    time.sleep(1.1)
    Campaigns(shop).launch("winback", AS_OF, "spring")
    whole(shop)


def test_another_secret_issues_other_codes(shop: Path, undisturbed: dict[str, bytes]) -> None:
    (shop / ".campaigns" / "secret").write_text("another")
    Campaigns(shop).launch("winback", AS_OF, "spring")
    stream = stream_of(shop)
    assert stream.keys() == undisturbed.keys()
    with_code = [name for name, event in undisturbed.items() if b'"code":"' in event]
    assert with_code
    assert all(stream[name] != [undisturbed[name]] for name in with_code)


def test_the_secret_is_in_no_file_but_its_own_and_in_nothing_that_is_told(
    shop: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    opened = Campaigns(shop)
    told = [repr(opened.launch("winback", AS_OF, "spring")), repr(opened.preview("winback", AS_OF))]
    told += [repr(opened.status("spring")), repr(opened.explain("spring", "c0003", "marketplace"))]
    plan = opened.plan("winback", AS_OF)
    told += [repr(plan), *(query.text for query in (plan.decide(), plan.funnel(), plan.screen()))]
    told += [repr(plan.decide()), caplog.text, *capfd.readouterr()]
    secret = SECRET.encode()
    assert [text for text in told if SECRET in text] == []
    assert [name for name, content in contents(shop).items() if secret in content] == [".campaigns/secret"]
    padded = [value for value in plan.decide().parameters.values() if isinstance(value, bytes)]
    assert len(padded) == 2
    assert [value for value in padded if value in b"".join(contents(shop / ".campaigns").values())] == []


def test_the_generated_secret_is_for_its_owner_alone(shop: Path) -> None:
    shutil.rmtree(shop / ".campaigns")
    Campaigns(shop).launch("winback", AS_OF, "spring")
    assert (shop / ".campaigns").stat().st_mode & 0o777 == 0o700
    secret = shop / ".campaigns" / "secret"
    assert secret.stat().st_mode & 0o777 == 0o600
    assert len(bytes.fromhex(secret.read_text())) == 32
    assert (shop / ".campaigns" / ".gitignore").read_text() == "*\n"
