"""How much of a query does not fit into memory: the engine's spill files, watched from a thread."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from types import TracebackType

_EVERY_SECONDS = 0.05


class Spill:
    """The most that lay in a workspace's spill folders at one time, in MiB, while the block ran."""

    def __init__(self, workspace: Path) -> None:
        self.mib = 0
        self._folder = workspace / ".campaigns"
        self._ended = Event()
        self._thread = Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Spill:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(_EVERY_SECONDS):
            size = sum(_size(file) for file in self._folder.glob("spill-*/*"))
            self.mib = max(self.mib, size >> 20)


def _size(file: Path) -> int:
    with suppress(FileNotFoundError):  # the engine removes them as it goes
        return file.stat().st_blocks * 512
    return 0
