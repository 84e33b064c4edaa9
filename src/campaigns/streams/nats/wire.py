"""How a message is written: the bytes between client and server.

    HPUB events.3 _INBOX.x.17 98 598
    NATS/1.0
    Nats-Msg-Id: 1f0c...
    Campaigns-Key: marketplace/17
    content-type: application/cloudevents+json

    {...}

A header has no room for every character, so a key that is not plain ASCII is percent-encoded, as a URL is. The
header `content-type` is what the CloudEvents binding for NATS asks for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, unquote

from campaigns.streams.port import Received

KEY = "Campaigns-Key"
PLAIN = re.compile(r"[!-$&-~]*").fullmatch
SAFE = "".join(map(chr, range(33, 127))).replace("%", "")
CONTENT_TYPE = "application/cloudevents+json"
END = b"\r\n"


def encoded(text: str) -> str:
    """The text as the value of a header."""
    return text if PLAIN(text) else quote(text, safe=SAFE)


def head(subject: str, reply: str, id_: str, key: str, size: int) -> tuple[bytes, int]:
    """What comes before a value of that many bytes, and how many of it are headers."""
    name = f"Nats-Msg-Id: {encoded(id_)}\r\n" if id_ else ""
    headers = f"NATS/1.0\r\n{name}{KEY}: {encoded(key)}\r\ncontent-type: {CONTENT_TYPE}\r\n\r\n"
    before = f"HPUB {subject} {reply} {len(headers)} {len(headers) + size}\r\n{headers}"
    return before.encode(), len(headers)


def received(subject: str, position: int, headers: Mapping[str, str] | None, value: bytes) -> Received:
    """A message as it lies on the stream; one of somebody else may lack a key."""
    return Received(int(subject.rpartition(".")[2]), position, unquote((headers or {}).get(KEY, "")), value)
