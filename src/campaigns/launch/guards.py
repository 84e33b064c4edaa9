"""Guards against a misfire: an audience that is much larger than anyone expected waits for a person's word."""

from __future__ import annotations

from campaigns.definitions import Campaign
from campaigns.errors import NeedsConfirmation
from campaigns.ledger import Launch


class Misfire(NeedsConfirmation):
    """The audience is larger than expected: nothing was emitted. `why` has the figures."""

    def __init__(self, launch_id: str, why: str) -> None:
        self.why = why
        super().__init__(
            f"launch {launch_id!r} {why}; nothing was emitted; if so many are meant, say "
            f"`campaigns resume {launch_id} --confirm`"
        )


def guard(claim: Launch, campaign: Campaign, last: Launch | None) -> None:
    """Refuse a frozen launch before its first event if it matched too many; `last` is the campaign's last complete one.

    A launch that was confirmed, or that has emitted already, is not asked about again. Raises Misfire.
    """
    if claim.confirmed_at or claim.acknowledged:
        return
    matched = _matched(claim)
    if campaign.limit is not None and matched > campaign.limit:
        raise Misfire(
            claim.launch_id, f"matched {matched:,} customers, above the campaign's limit of {campaign.limit:,}"
        )
    if last is not None and matched > campaign.max_growth * _matched(last):
        raise Misfire(
            claim.launch_id,
            f"matched {matched:,} customers, more than {campaign.max_growth:g} times the {_matched(last):,} of the "
            f"campaign's last launch {last.launch_id!r}",
        )


def _matched(launch: Launch) -> int:
    return int((launch.books or {}).get("matched", 0))
