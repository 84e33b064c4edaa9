"""The lease of a launcher at work: renewed in the background, so that others can tell a slow one from a dead one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from campaigns.errors import CampaignsError
from campaigns.ledger import Launch, Ledger

_RENEW_SECONDS = 5.0


@contextmanager
def leased(ledger: Ledger, claim: Launch) -> Iterator[None]:
    """Keep the claim's lease alive while the block runs. Losing it shows at the block's next write to the ledger."""
    done = Event()

    def renew() -> None:
        while not done.wait(_RENEW_SECONDS):
            try:
                ledger.renew(claim)
            except CampaignsError:
                # Taken over, or the ledger is away: the fence of the next write decides, not this thread.
                continue

    thread = Thread(target=renew, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
