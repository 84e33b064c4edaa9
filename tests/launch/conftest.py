"""A shop that every test may ruin, and what an undisturbed launch of it puts on the stream."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from campaigns.app import Campaigns
from support.shop import Check, copies, expected_ids, make_shop, stream_of
from support.workspaces import AS_OF


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop with a secret, where nothing was launched yet."""
    root = make_shop(tmp_path_factory.mktemp("shop") / "shop")
    (root / ".campaigns").mkdir(mode=0o700)
    (root / ".campaigns" / "secret").write_text("0123456789abcdef" * 4)
    return root


@pytest.fixture
def shop(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "shop"))


@pytest.fixture(scope="session")
def undisturbed(template: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The events of the launch `spring` by id, from a launch that nothing happened to."""
    root = Path(shutil.copytree(template, tmp_path_factory.mktemp("undisturbed") / "shop"))
    report = Campaigns(root).launch("winback", AS_OF, "spring")
    stream = stream_of(root)
    assert stream.keys() == expected_ids()
    assert copies(stream) == 0
    assert report["sent"] == len(stream)
    return {name: events[0] for name, events in stream.items()}


@pytest.fixture
def whole(undisturbed: dict[str, bytes]) -> Check:
    """Check that the launch `spring` is complete: nobody lost, the same bytes for the same id, the books closed."""

    def check(root: Path) -> None:
        status = Campaigns(root).status("spring")
        assert status["state"] == "completed"
        assert status["matched"] == status["sent"] + status["held_out"]
        assert status["acknowledged"] == status["sent"] == len(undisturbed)
        stream = stream_of(root)
        assert {name: set(events) for name, events in stream.items()} == {
            name: {event} for name, event in undisturbed.items()
        }

    return check
