"""What the errors of NATS mean to a caller."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from nats.errors import Error
from nats.js.errors import APIError

from campaigns.errors import NotFound, Unavailable

FINAL = ("authorization", "authentication", "user credentials", "permissions violation")
"""Words of refusals that waiting does not change."""

NO_STREAM = 10059
TOO_LARGE = 10054
PASSING = frozenset({429, 503})
"""JetStream's codes: no such stream; a message over the stream's limit; of what passes by itself."""


def unknown_stream(what: str) -> NotFound:
    """There is no such stream."""
    return NotFound(f"{what}: the stream does not exist; create it with `campaigns stream create`")


def is_final(error: BaseException) -> bool:
    """Whether a connection is refused for who we are, or for who the server is."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return True
    return isinstance(error, Error) and any(words in str(error).lower() for words in FINAL)


def words_of(error: BaseException) -> str:
    """What an error says, without the client's prefix."""
    if isinstance(error, APIError) and error.description:
        return str(error.description)
    return str(error).removeprefix("nats: ").strip() or type(error).__name__


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn what the client raises into `Unavailable`."""
    try:
        yield
    except (TimeoutError, Error, OSError) as error:
        raise Unavailable(f"{what}: {words_of(error)}") from error
