"""The proxy that the other tests trust: it does what it says to a real connection."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from threading import Thread

import pytest

from support.proxy import ANSWERS_LOST, DOWN, GOOD, HALF_OPEN, Line, Proxy


@pytest.fixture
def heard() -> list[bytes]:
    """What reached the server."""
    return []


@pytest.fixture
def proxy(heard: list[bytes]) -> Iterator[Proxy]:
    """A proxy before a server that echoes."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        host, port = server.getsockname()
        Thread(target=echo, args=(server, heard), daemon=True).start()
        with Proxy(f"{host}:{port}") as proxy:
            yield proxy
        server.shutdown(socket.SHUT_RDWR)


def echo(server: socket.socket, heard: list[bytes]) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        Thread(target=answer, args=(connection, heard), daemon=True).start()


def answer(connection: socket.socket, heard: list[bytes]) -> None:
    with connection:
        try:
            while data := connection.recv(65536):
                heard.append(data)
                connection.sendall(data)
        except OSError:
            return


def connected(proxy: Proxy) -> socket.socket:
    host, port = proxy.address.split(":")
    return socket.create_connection((host, int(port)), timeout=0.5)


def until(heard: list[bytes], data: bytes) -> None:
    deadline = time.monotonic() + 5
    while data not in heard:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_good_line_passes_both_ways(proxy: Proxy) -> None:
    with connected(proxy) as client:
        client.sendall(b"hello")
        assert client.recv(10) == b"hello"


def test_a_lost_answer_was_heard_and_its_connection_cannot_be_used_again(proxy: Proxy, heard: list[bytes]) -> None:
    with connected(proxy) as client:
        proxy.line = ANSWERS_LOST
        client.sendall(b"hello")
        with pytest.raises(TimeoutError):
            client.recv(10)
        assert heard == [b"hello"]
        assert proxy.dropped == 5
        proxy.line = GOOD
        with pytest.raises(ConnectionResetError):
            client.recv(10)
    with connected(proxy) as client:
        client.sendall(b"again")
        assert client.recv(10) == b"again"


def test_a_half_open_line_connects_to_nobody(proxy: Proxy, heard: list[bytes]) -> None:
    proxy.line = HALF_OPEN
    with connected(proxy) as client:
        client.sendall(b"hello")
        with pytest.raises(TimeoutError):
            client.recv(10)
    assert heard == []


def test_a_reset_is_seen_at_once_and_a_new_connection_works(proxy: Proxy, heard: list[bytes]) -> None:
    with connected(proxy) as client:
        client.sendall(b"hello")
        until(heard, b"hello")
        assert client.recv(10) == b"hello"
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            client.recv(10)
    with connected(proxy) as client:
        client.sendall(b"again")
        assert client.recv(10) == b"again"


def test_a_line_that_is_down_refuses_until_it_is_up(proxy: Proxy) -> None:
    proxy.line = DOWN
    with pytest.raises(ConnectionRefusedError):
        connected(proxy)
    proxy.line = GOOD
    with connected(proxy) as client:
        client.sendall(b"hello")
        assert client.recv(10) == b"hello"


def test_a_slow_line_is_as_slow_as_it_says(proxy: Proxy) -> None:
    with connected(proxy) as client:
        proxy.line = Line(delay=0.1)
        began = time.monotonic()
        client.sendall(b"hello")
        assert client.recv(10) == b"hello"
        assert time.monotonic() - began >= 0.2

        proxy.line = Line(bytes_per_second=10_000)
        client.settimeout(5)
        began = time.monotonic()
        client.sendall(bytes(4000))
        received = 0
        while received < 4000:
            received += len(client.recv(4000))
        assert 0.3 < time.monotonic() - began < 4
