"""Bytes in, acknowledged bytes out: the ports every stream implements. It knows no campaigns."""

from campaigns.streams.port import (
    Creatable,
    Lost,
    Message,
    Messages,
    Overlapping,
    Publisher,
    Received,
    Stream,
    Subscriber,
)

__all__ = ["Creatable", "Lost", "Message", "Messages", "Overlapping", "Publisher", "Received", "Stream", "Subscriber"]
