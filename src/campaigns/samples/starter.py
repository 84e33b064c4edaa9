"""The starter workspace of `campaigns init`: small files to read, change and keep."""

from __future__ import annotations

from pathlib import Path

from campaigns.samples.folder import new_workspace


def init_workspace(root: Path) -> None:
    """Write a commented workspace with 36 invented customers; it validates and launches at once, on any day.

    Raises InvalidDefinition if the folder is not empty, Unavailable if it cannot be written.
    """
    with new_workspace(root, "starter"):
        pass
