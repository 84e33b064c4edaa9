"""The terms of an offer, as the event carries them."""

from __future__ import annotations

from datetime import datetime

from campaigns.definitions import Offer
from campaigns.definitions.instants import format_instant

_ENGINE_ONLY = {"eligible", "valid_for", "code"}
"""Fields that decide who gets the offer or how its code looks: not for the event."""


def terms(offer: Offer, as_of: datetime) -> dict[str, object]:
    """Everything of the event's `offer` object but its key and code.

    `expires_at` is `as_of` + `valid_for` (RFC 3339), None when the offer never expires.
    """
    return {
        **offer.model_dump(mode="json", exclude=_ENGINE_ONLY, exclude_none=True),
        "expires_at": _text(expires_at(offer, as_of)),
    }


def expires_at(offer: Offer, as_of: datetime) -> datetime | None:
    """When a code issued at `as_of` stops being valid; None: never."""
    return offer.valid_for.after(as_of) if offer.valid_for else None


def _text(instant: datetime | None) -> str | None:
    return format_instant(instant) if instant else None
