"""Instants: how a point in time is read from a person and written for a machine. Always UTC."""

from __future__ import annotations

from datetime import UTC, datetime

from campaigns.errors import InvalidDefinition


def parse_instant(text: str, name: str = "as_of") -> datetime:
    """An aware UTC datetime from ISO 8601 text; a date means its midnight, no offset means UTC.

    Raises InvalidDefinition naming `name` when the text is not a date or date-time of years 1 to 9999.
    """
    try:
        found = datetime.fromisoformat(text.strip())
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidDefinition(
            f"{name}: {text!r} is not a date or time; write 2026-06-01 or 2026-06-01T00:00:00Z"
        ) from None


def format_instant(instant: datetime) -> str:
    """RFC 3339 in UTC with a Z; microseconds only where there are any."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
