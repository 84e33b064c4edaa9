from __future__ import annotations

from pathlib import Path

import pytest

from campaigns.errors import InvalidDefinition, Unavailable
from campaigns.samples.folder import STAGE, new_workspace


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def test_a_new_workspace_is_the_template_without_its_sql_and_ignores_private_data(tmp_path: Path) -> None:
    with new_workspace(tmp_path / "deep" / "new", "synthetic") as folder:
        (folder / "data" / "mine.csv").write_text("a\n")
    root = tmp_path / "deep" / "new"
    assert names(root) == {".gitignore", "workspace.yaml", "campaigns", "data"}
    assert names(root / "data") == {"mine.csv"}
    assert (root / ".gitignore").read_text() == ".campaigns/\n"


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    with new_workspace(tmp_path, "starter"):
        assert names(tmp_path) == {STAGE}
    assert "workspace.yaml" in names(tmp_path)


def test_a_folder_with_anything_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InvalidDefinition, match=r"not empty, found 'notes\.txt'"), new_workspace(tmp_path, "starter"):
        pytest.fail("the block must not be entered")
    assert names(tmp_path) == {"notes.txt"}


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InvalidDefinition, match="is a file"), new_workspace(tmp_path / "file", "starter"):
        pytest.fail("the block must not be entered")


@pytest.mark.parametrize("exists", [True, False])
def test_an_interruption_leaves_the_folder_as_it_was(tmp_path: Path, exists: bool) -> None:
    root = tmp_path / "workspace"
    if exists:
        root.mkdir()

    def build_half() -> None:
        with new_workspace(root, "starter") as folder:
            (folder / "data" / "half.csv").write_text("a\n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_half()
    assert root.exists() == exists
    assert not exists or names(root) == set()


def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / STAGE).mkdir()
    (tmp_path / STAGE / "half.csv").write_text("a\n")
    with new_workspace(tmp_path, "starter"):
        pass
    assert not (tmp_path / "half.csv").exists()
    assert STAGE not in names(tmp_path)


def test_a_place_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(Unavailable, match="cannot write workspace"), new_workspace(tmp_path / "file" / "x", "starter"):
        pytest.fail("the block must not be entered")
