"""Certificates for servers of tests."""

from __future__ import annotations

import subprocess
from pathlib import Path


def certificate(folder: Path, name: str) -> Path:
    """A certificate for the loopback address that vouches for itself, with its key beside it."""
    made = folder / f"{name}.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=events"
    subject = ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        [*command.split(), *subject, "-out", made, "-keyout", made.with_suffix(".key")],
        check=True,
        capture_output=True,
    )
    return made
