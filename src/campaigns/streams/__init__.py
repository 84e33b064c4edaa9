"""Bytes in, acknowledged bytes out: the ports every stream implements. It knows no campaigns."""

from campaigns.streams.port import (
    Check,
    Creatable,
    Lost,
    Message,
    Messages,
    Overlapping,
    Publisher,
    Received,
    Stream,
    Subscriber,
    patient,
)

__all__ = [
    "Check",
    "Creatable",
    "Lost",
    "Message",
    "Messages",
    "Overlapping",
    "Publisher",
    "Received",
    "Stream",
    "Subscriber",
    "patient",
]
