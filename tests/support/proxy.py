"""A TCP proxy on the loopback interface, whose line can be made bad while it is in use."""

from __future__ import annotations

import socket
import struct
import time
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Self

_CHUNK = 65536
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of 0 s: closing sends RST instead of FIN


@dataclass(frozen=True)
class Line:
    """How good the connection is.

    Without `requests` nothing reaches the server, without `answers` nothing comes back: without both it is half-open,
    connected to nobody. `delay` is in seconds, for every piece in either direction; `bytes_per_second` is the pace of
    each direction, 0 for any. When it is not `up`, connections are reset and new ones refused.
    """

    requests: bool = True
    answers: bool = True
    delay: float = 0.0
    bytes_per_second: int = 0
    up: bool = True


GOOD = Line()
ANSWERS_LOST = Line(answers=False)
HALF_OPEN = Line(requests=False, answers=False)
DOWN = Line(up=False)


class Proxy:
    """Listens on a port of its own from the start; `target` is where it connects to, host:port, and may be set later.

    `dropped` counts the bytes of answers that were lost, so that a test can tell that its fault happened.
    """

    def __init__(self, target: str = "") -> None:
        self.target = target
        self.dropped = 0
        self._line = GOOD
        self._links: list[_Link] = []
        self._lock = Lock()
        self._listener = _listening(0)
        self.port: int = self._listener.getsockname()[1]
        self._accepting = self._accept()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def address(self) -> str:
        """host:port to connect to."""
        return f"127.0.0.1:{self.port}"

    @property
    def line(self) -> Line:
        """How good the connection is now."""
        return self._line

    @line.setter
    def line(self, line: Line) -> None:
        """Make it better or worse, at once. A connection on which bytes were lost is reset when they would flow again:
        what comes after a hole is no protocol."""
        was, self._line = self._line, line
        if was.up and not line.up:
            self._stop_listening()
            self.reset()
        if line.up and not was.up:
            self._listener = _listening(self.port)
            self._accepting = self._accept()
        self.reset(only_holed=True)

    def reset(self, *, only_holed: bool = False) -> None:
        """Send RST on the open connections."""
        with self._lock:
            chosen = [link for link in self._links if link.holed or not only_holed]
            self._links = [link for link in self._links if link not in chosen]
        for link in chosen:
            link.reset()

    def close(self) -> None:
        """Stop listening and reset every connection."""
        self._line = DOWN
        self._stop_listening()
        self.reset()

    def _accept(self) -> Thread:
        thread = Thread(target=self._serve, args=(self._listener,), name="proxy", daemon=True)
        thread.start()
        return thread

    def _stop_listening(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the accept() of the thread
        self._listener.close()
        self._accepting.join()

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:  # closed
                return
            try:
                host, _, port = self.target.rpartition(":")
                server = socket.create_connection((host, int(port)), timeout=5)
                server.settimeout(None)
            except (OSError, ValueError):
                _reset(client)
                continue
            link = _Link(client, server)
            with self._lock:
                self._links.append(link)
            for source, to, answers in ((client, server, False), (server, client, True)):
                Thread(target=self._pump, args=(link, source, to, answers), daemon=True).start()

    def _pump(self, link: _Link, source: socket.socket, to: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            while data := source.recv(self._piece()):
                line = self._line
                if line.delay:
                    time.sleep(line.delay)
                if line.bytes_per_second:
                    time.sleep(len(data) / line.bytes_per_second)
                if line.answers if answers else line.requests:
                    to.sendall(data)
                else:
                    link.holed = True
                    self.dropped += len(data) if answers else 0
            to.shutdown(socket.SHUT_WR)

    def _piece(self) -> int:
        pace = self._line.bytes_per_second
        return min(_CHUNK, max(1, pace // 20)) if pace else _CHUNK


class _Link:
    """A connection of a client and ours to the server; `holed` when bytes of it were dropped."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self._client, self._server = client, server
        self.holed = False

    def reset(self) -> None:
        _reset(self._client)
        _reset(self._server)


def _reset(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RD)  # wakes the recv() of its thread; without it, close() would not send RST
    connection.close()


def _listening(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(64)
    return listener
