"""Which messages of a publish may be on their way: a state machine without a connection."""

from __future__ import annotations

from campaigns.streams.port import Messages

WINDOW_MESSAGES = 4000
WINDOW_BYTES = 8 << 20
"""What may be on its way. A server keeps 10,000 of a stream waiting, of all publishers; it turns the others away."""

PIECE = 250
"""Messages sent at once: between two pieces there is time to hear what arrived."""

WAITING, FLYING, LANDED = range(3)


class Window:
    """Messages and how far each has come: it waits, it flies, it landed.

    They start in order. Of one key only one flies: a message that the servers lost can then be sent again without
    being behind a later one of its key.
    """

    def __init__(self, messages: Messages) -> None:
        self._keys, self._values = messages.keys, messages.values
        self._state = bytearray(len(messages))
        self._cursor = 0  # none before it waits
        self._flying: set[str] = set()  # their keys
        self._bytes = 0  # of those that fly
        self._few = 0  # there is room again when no more than that fly
        self._awaited: str | None = None  # or when the message of this key landed
        self.left = len(messages)

    def take(self) -> list[int]:
        """The next messages that may fly: they do now. None when there is no room, or nothing waits."""
        taken: list[int] = []
        while len(taken) < PIECE:
            at = self._state.find(WAITING, self._cursor)
            if at < 0 or not self._has_room(self._keys[at], len(self._values[at])):
                self._few = self._few if at >= 0 else 0
                break
            self._state[at] = FLYING
            self._cursor = at + 1
            self._flying.add(self._keys[at])
            self._bytes += len(self._values[at])
            taken.append(at)
        return taken

    def landed(self, at: int) -> bool:
        """This message is acknowledged. Whether more may fly now, or all have landed."""
        state, self._state[at] = self._state[at], LANDED
        if state == LANDED:  # by a second answer: it had been sent again
            return False
        if state == FLYING:
            self._flying.discard(self._keys[at])
            self._bytes -= len(self._values[at])
        self.left -= 1
        return len(self._flying) <= self._few or self._keys[at] == self._awaited

    def again(self) -> None:
        """Whatever flies waits again."""
        self._state = self._state.replace(bytes([FLYING]), bytes([WAITING]))
        self._cursor = self._bytes = 0
        self._flying.clear()

    def _has_room(self, key: str, size: int) -> bool:
        """Whether it may fly; if not, remembers when to look again."""
        flying = len(self._flying)
        if key in self._flying:
            self._few, self._awaited = 0, key
        elif flying >= WINDOW_MESSAGES or (flying and self._bytes + size > WINDOW_BYTES):
            self._few, self._awaited = flying // 2, None
        else:
            return True
        return False
