"""What the workspace's holdouts are, and what they were at earlier launches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from campaigns.definitions import SharedHoldout, Workspace
from campaigns.launch.definition import definition_of
from campaigns.ledger import Launch


def holdouts(workspace: Workspace, launches: Sequence[Launch]) -> list[dict[str, Any]]:
    """Every holdout that there is or was: `now` (null once it is gone), and `history`, the oldest first.

    The history is what the launches froze: each time a holdout was another than at the launch before, with the first
    launch that knew it so. It lasts as long as the ledger. Raises Damaged.
    """
    history: dict[str, list[dict[str, Any]]] = {key: [] for key in workspace.holdouts}
    for launch in sorted(launches, key=lambda each: (each.created_at, each.launch_id)):
        for key, holdout in definition_of(launch).holdouts.items():
            past = history.setdefault(key, [])
            was = _told(holdout)
            if not past or past[-1]["holdout"] != was:
                past.append({"since": launch.created_at, "launch_id": launch.launch_id, "holdout": was})
    return [
        {"key": key, "now": _told(workspace.holdouts[key]) if key in workspace.holdouts else None, "history": past}
        for key, past in history.items()
    ]


def _told(holdout: SharedHoldout) -> dict[str, Any]:
    return holdout.model_dump(mode="json", exclude_defaults=True)
