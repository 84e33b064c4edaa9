"""The lease of a launcher at work: renewed in the background, and asked before every event leaves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from campaigns.errors import CampaignsError, Conflict, Stopped, Terminated
from campaigns.ledger import Launch, Ledger

_RENEW_SECONDS = 0.5
"""How often the lease is renewed: also how late a launcher notices that somebody paused or cancelled its launch."""

_JOIN_SECONDS = 1.0


class Lease:
    """A launcher's hold on its launch. `stop` is set by whoever wants the launcher to end."""

    def __init__(self, ledger: Ledger, claim: Launch, stop: Event) -> None:
        self._ledger, self._claim, self._stop = ledger, claim, stop
        self._lost: Exception | None = None

    def check(self) -> None:
        """Return while the launch may go on. It asks no database: call it as often as you like.

        Raises Stopped when somebody paused or cancelled the launch, Conflict when another launcher owns it by now,
        Terminated when this launcher was asked to end.
        """
        if self._lost is not None:
            raise self._lost
        if self._stop.is_set():
            raise Terminated(f"launch {self._claim.launch_id!r}: the launcher was asked to end")

    def keep(self, done: Event) -> None:
        """Renew until `done`, or until the launch is not ours to go on with."""
        while not done.wait(_RENEW_SECONDS):
            try:
                self._ledger.renew(self._claim)
            except (Stopped, Conflict) as lost:
                self._lost = lost
                return
            except CampaignsError:
                continue  # the ledger is away: the fence of the next write decides, not this thread
            except Exception as unknown:  # noqa: BLE001 - told by the next check: nobody may go on without a lease
                self._lost = unknown
                return


@contextmanager
def leased(ledger: Ledger, claim: Launch, stop: Event) -> Iterator[Lease]:
    """Keep the claim's lease alive while the block runs; the lease tells whether to go on."""
    lease, done = Lease(ledger, claim, stop), Event()
    thread = Thread(target=lease.keep, args=(done,), name="lease", daemon=True)
    thread.start()
    try:
        yield lease
    finally:
        done.set()
        thread.join(_JOIN_SECONDS)  # it may hang on a ledger that is away
