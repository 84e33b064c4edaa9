"""Publishing to JetStream: many messages on their way, each acknowledged by itself, none forgotten, none overtaken.

JetStream acknowledges every message by its own answer and knows no sequence of a producer's. So three rules:

- A message is published again, with those behind it, when its answer is overdue or the connection was lost. Those
  that were stored are recognised by their ids and acknowledged as duplicates.
- Of one key only one message is on its way. Whatever the servers drop, nothing that came later can overtake it.
- What is on its way is bounded, by messages and by bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

from campaigns.streams import port
from campaigns.streams.nats.errors import explained
from campaigns.streams.nats.flight import Flight
from campaigns.streams.nats.layout import Layout, layout_of
from campaigns.streams.nats.link import Link
from campaigns.streams.nats.place import Place


class NatsPublisher:
    """A `Publisher`. What one call publishes is stored by a majority of the stream's replicas when it returns.

    A stream takes an id once within its duplicate window, whatever the subject: a second message with that id is
    acknowledged and *not stored*. So an id must name one message; the ids of events do, they contain tenant, launch
    and customer, and a key decides the subject. Past the window a message that was stored, but whose answer was
    lost, is stored again: a duplicate, in order.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._closed = False
        self._link: Link | None = None
        self._layout = self._opened()[1]

    @property
    def identity(self) -> str:
        """See `Publisher.identity`: the stream's name and when it was created."""
        return self._layout.identity

    def publish(self, messages: Sequence[port.Message], check: port.Check = port.patient) -> None:
        """See `Publisher.publish`.

        Raises:
            Unavailable: nothing was acknowledged for `patience` seconds, or the servers refused.
            InvalidData: a message is larger than the stream or the server takes.
            NotFound: the stream was deleted.
        """
        if self._closed:
            raise ValueError("the publisher is closed")
        columns = port.Messages.of(messages)
        if not columns:
            return
        link, layout = self._opened()
        try:
            with explained(self._place.what):
                link.call(Flight(link, layout, columns).land(), check)
        except BaseException:  # what is still on its way must not follow later, between messages published again
            self._drop()
            raise

    def close(self) -> None:
        """See `Publisher.close`."""
        self._closed = True
        self._drop()

    def _opened(self) -> tuple[Link, Layout]:
        if self._link is None:
            link = Link(self._place)
            try:
                self._layout = link.call(layout_of(link))
            except BaseException:
                link.close()
                raise
            self._link = link
        return self._link, self._layout

    def _drop(self) -> None:
        if self._link is not None:
            self._link.close()
        self._link = None
