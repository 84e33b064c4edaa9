"""What nats-py is told: the user's options win, except where they would lose events or break the ports."""

from __future__ import annotations

import inspect
import ssl
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from nats.aio.client import Client

from campaigns.definitions.words import listed, suggestion
from campaigns.errors import InvalidDefinition

Value = str | int | float | bool

DEFAULTS: Mapping[str, Value] = {
    "connect_timeout": 5,
    "reconnect_time_wait": 0.25,
    "max_reconnect_attempts": -1,
    "ping_interval": 3,
    "max_outstanding_pings": 2,
    "name": "campaigns",
    "pending_size": 64 << 20,
}
"""A line that died without a word is noticed within ten seconds, and a server that comes back in half of one.
`pending_size` is above all that may be on its way: nothing waits for a server that takes nothing."""

REFUSED: Mapping[str, str] = {
    "servers": "the servers are part of the stream's url",
    "allow_reconnect": "a publisher must survive the server's restart",
    "verbose": "the server would answer every message twice",
    "skip_subject_validation": "it lets anything into the protocol",
    "ws_connection_headers": "websockets are not supported",
    "pending_size": "what is on its way is bounded already",
    "tls": "name the files: tls_ca, tls_cert, tls_key",
} | dict.fromkeys(
    (
        "error_cb",
        "disconnected_cb",
        "closed_cb",
        "discovered_server_cb",
        "reconnected_cb",
        "signature_cb",
        "user_jwt_cb",
        "lame_duck_mode_cb",
        "reconnect_to_server_handler",
    ),
    "it takes a function, not a value",
)
"""Options with no value that would be right."""

TLS: Mapping[str, str] = {
    "tls_ca": "the file with the certificates to trust",
    "tls_cert": "the file with our certificate",
    "tls_key": "the file with its key",
    "tls_key_password": "the password of that key",
}
"""Our own options: nats-py takes an object that no file can hold."""

KEYS = frozenset({"user_credentials", "nkeys_seed", "nkeys_seed_str"})
"""Options for which nats-py needs another package; all but the last name a file."""

PARAMETERS = inspect.signature(Client.connect).parameters
ALLOWED = frozenset(PARAMETERS) - REFUSED.keys() - {"self"} | TLS.keys()
ANY_NUMBER = frozenset({"max_reconnect_attempts", "reconnect_time_wait"})


def check(config: Mapping[str, Value]) -> None:
    """Raise InvalidDefinition for options that contradict the ports. Values are never shown: they may be secrets."""
    for key, value in config.items():
        if key in REFUSED:
            raise InvalidDefinition(f"nats config {key!r}: leave it out; {REFUSED[key]}")
        if key not in ALLOWED:
            near = suggestion(key, ALLOWED)
            raise InvalidDefinition(f"nats config {key!r}: not known{near or f'; use {listed(sorted(ALLOWED))}'}")
        if need := needed(key, value):
            raise InvalidDefinition(f"nats config {key!r}: need {need}, found {type(value).__name__}")


def needed(key: str, value: Value) -> str:
    """What the option needs, if the value is none; nats-py looks at that too late, or never."""
    usual = PARAMETERS[key].default if key in PARAMETERS else ""
    if isinstance(usual, bool):
        return "" if isinstance(value, bool) else "true or false"
    if isinstance(usual, int) or key == "flush_timeout":
        return "" if is_number(value) and (key in ANY_NUMBER or float(value) > 0) else "a number above 0"
    return "" if isinstance(value, str) else "text"


def is_number(value: Value) -> bool:
    """True and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def options(config: Mapping[str, Value]) -> dict[str, Any]:
    """All options of a client. Raises InvalidDefinition if a file of them, or what reads it, is not there."""
    for key in KEYS & config.keys():
        if find_spec("nkeys") is None:
            raise InvalidDefinition(f"nats config {key!r}: needs the package 'nkeys'; pip install 'nats-py[nkeys]'")
        if key != "nkeys_seed_str" and not Path(str(config[key])).is_file():
            raise InvalidDefinition(f"nats config {key!r}: there is no such file")
    plain = {key: value for key, value in config.items() if key not in TLS}
    files = {key: str(value) for key, value in config.items() if key in TLS}
    return {**DEFAULTS, **plain} | ({"tls": context(files)} if files else {})


def context(files: Mapping[str, str]) -> ssl.SSLContext:
    """Who we trust, and who we are."""
    key = "tls_ca"
    try:
        made = ssl.create_default_context(cafile=files.get(key))
        key = "tls_cert"
        if key in files:
            made.load_cert_chain(files[key], files.get("tls_key"), files.get("tls_key_password", ""))
    except OSError as error:  # of ssl too: a file that is not there, is not PEM, or needs another password
        raise InvalidDefinition(f"nats config {key!r}: cannot be used: {error.strerror or error}") from None
    return made
