"""Reading a whole stream, without a consumer group."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from time import monotonic

from campaigns.errors import Unavailable
from campaigns.streams.nats.cursor import Cursor
from campaigns.streams.nats.layout import info_of
from campaigns.streams.nats.link import Link
from campaigns.streams.nats.place import Place
from campaigns.streams.port import Received

AGAIN_SECONDS = 0.2


def read(place: Place) -> Iterator[Received]:
    """What lies on the stream at the call, as it was stored. Raises Unavailable, here or later."""
    with closing(Link(place)) as link:
        info = link.call(info_of(link))
    if info is None or not info.state.messages:
        return iter(())
    return follow(place, info.state.first_seq, info.state.last_seq)


def follow(place: Place, first: int, last: int) -> Iterator[Received]:
    """Read from one position to another, both included. Memory is bounded by a page."""
    with closing(Link(place)) as link:
        cursor, position = Cursor(link, first, None, asyncio.Event()), 0
        while position < last:
            page = link.call(next_page(link, cursor))
            if not page:  # the last ones were removed meanwhile
                break
            position = page[-1].position
            yield from (message for message in page if message.position <= last)
        link.call(cursor.close())


async def next_page(link: Link, cursor: Cursor) -> list[Received]:
    """What one request brings; nothing at the stream's end. Raises Unavailable, NotFound."""
    deadline = monotonic() + link.place.patience
    while True:
        await cursor.ask(0)
        await cursor.answered()
        if cursor.arrived or cursor.at_end:
            return cursor.drained(len(cursor.arrived))
        if monotonic() > deadline:
            raise Unavailable(
                f"{link.place.what}: nothing could be read for {link.place.patience:g} seconds{link.why()}"
            )
        await asyncio.sleep(AGAIN_SECONDS)
