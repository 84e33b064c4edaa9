"""Real processes, killed and starved."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from random import Random
from typing import IO

import pytest

from campaigns.errors import Unavailable
from campaigns.streams import Message
from campaigns.streams.sqlite import SqliteStream
from campaigns.streams.sqlite.stream import SqlitePublisher

SIZE = 500  # messages in a publish

PUBLISH = """
import sys
from pathlib import Path
from campaigns.streams import Message
from campaigns.streams.sqlite import SqliteStream
path, name, publishes = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
publisher = SqliteStream(path).publisher()
for n in range(publishes):
    publisher.publish([Message(name, b"%d/" % n + bytes(500), "") for _ in range(500)])
    print(n, flush=True)
"""

CONSUME = """
import sys
from pathlib import Path
from campaigns.streams.sqlite import SqliteStream
subscriber = SqliteStream(Path(sys.argv[1])).subscriber("crm")
for _ in range(3):
    received = subscriber.poll(10, 0)
    subscriber.acknowledge(0, received[4].position + 1)
print(received[4].position, flush=True)
sys.stdin.read()
"""

FILL = """
import resource, sys
from pathlib import Path
from campaigns.errors import Unavailable
from campaigns.streams import Message
from campaigns.streams.sqlite import SqliteStream
publisher = SqliteStream(Path(sys.argv[1])).publisher()
resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, resource.RLIM_INFINITY))
published = 0
try:
    while True:
        publisher.publish([Message("k", bytes(500), "")] * 500)
        published += 500
except Unavailable as error:
    print(published, error)
"""


@pytest.fixture
def stream(tmp_path: Path) -> SqliteStream:
    return SqliteStream(tmp_path / "stream.db")


@pytest.mark.parametrize("seed", range(5))
def test_a_publisher_killed_at_any_instant_leaves_whole_publishes_only(stream: SqliteStream, seed: int) -> None:
    with started(PUBLISH, stream.path, "victim", 10_000) as child:
        output = output_of(child)
        output.readline()
        time.sleep(Random(seed).uniform(0, 0.3))
        child.send_signal(signal.SIGKILL)
        confirmed = 1 + len(output.readlines())

    with closing(stream.publisher()) as publisher:
        publisher.publish([Message("survivor", b"after", "")])
    *received, last = stream.read()
    assert [message.position for message in received] == list(range(len(received)))
    assert last.position == len(received)
    sizes = Counter(message.value.split(b"/")[0] for message in received)
    assert set(sizes.values()) == {SIZE}
    assert len(sizes) in (confirmed, confirmed + 1)  # the last may be durable without having been confirmed


def test_a_killed_consumer_resumes_after_what_it_acknowledged(stream: SqliteStream) -> None:
    with closing(stream.publisher()) as publisher:
        publisher.publish([Message("k", b"v", "")] * 100)
    with started(CONSUME, stream.path) as child:
        acknowledged = int(output_of(child).readline())
        child.kill()
    later = SqliteStream(stream.path, clock=lambda: time.time() + 31)  # the lease is 30 seconds
    with closing(later.subscriber("crm")) as subscriber:
        received = subscriber.poll(1000, 5)
    assert [message.position for message in received] == list(range(acknowledged + 1, 100))


def test_publishers_of_four_processes_wait_for_each_other(stream: SqliteStream) -> None:
    names = ["a", "b", "c", "d"]
    with ExitStack() as stack:
        children = [stack.enter_context(started(PUBLISH, stream.path, name, 10)) for name in names]
        assert [len(output_of(child).readlines()) for child in children] == [10] * 4
    received = list(stream.read())
    assert [message.position for message in received] == list(range(4 * 10 * SIZE))
    for name in names:
        order = [int(message.value.split(b"/")[0]) for message in received if message.key == name]
        assert order == [n for n in range(10) for _ in range(SIZE)]


def test_a_file_that_may_not_grow_loses_nothing_and_goes_on_later(stream: SqliteStream) -> None:
    with started(FILL, stream.path) as child:
        output = output_of(child).read()
    published, said = output.split(" ", 1)
    assert "stream.db: " in said
    assert "disk" in said
    assert int(published) > 0
    with closing(stream.publisher()) as publisher:
        publisher.publish([Message("k", b"again", "")])
    assert [message.position for message in stream.read()] == list(range(int(published) + 1))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_loses_nothing_and_goes_on_once_there_is_room(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(5 << 20))
    stream = SqliteStream(small_disk / "stream.db")
    confirmed: list[int] = []
    with closing(stream.publisher()) as publisher:
        with pytest.raises(Unavailable, match=r"stream\.db: the disk is full"):
            publish_until_it_fails(publisher, confirmed)
        published = sum(confirmed)
        assert published > 0
        ballast.unlink()
        publisher.publish([Message("k", b"again", "")])
    assert [message.position for message in stream.read()] == list(range(published + 1))


def publish_until_it_fails(publisher: SqlitePublisher, confirmed: list[int]) -> None:
    while True:
        publisher.publish([Message("k", bytes(500), "")] * 100)
        confirmed.append(100)


def started(script: str, *arguments: object) -> subprocess.Popen[str]:
    """A process of its own; as a context it is waited for."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def output_of(child: subprocess.Popen[str]) -> IO[str]:
    assert child.stdout is not None
    return child.stdout
