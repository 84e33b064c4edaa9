"""What was launched, as the ledger keeps it."""

from __future__ import annotations

from pydantic import ValidationError

from campaigns.definitions import Definition
from campaigns.errors import Damaged
from campaigns.ledger import Launch


def definition_of(launch: Launch) -> Definition:
    """The definition as it was claimed. Raises Damaged when it is not the version any more that was claimed."""
    try:
        found = Definition.model_validate_json(launch.definition)
    except ValidationError:  # it would show the definition
        found = None
    if found is None or found.version != launch.campaign_version:
        raise Damaged(
            f"launch {launch.launch_id!r}: the ledger's definition is not version {launch.campaign_version} any more; "
            "restore the ledger from a backup"
        )
    return found
