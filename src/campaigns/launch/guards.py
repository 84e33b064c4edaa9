"""Guards against a misfire: an audience that is much larger than anyone expected waits for a person's word."""

from __future__ import annotations

from campaigns.definitions import Campaign
from campaigns.errors import NeedsConfirmation
from campaigns.ledger import Launch


class Misfire(NeedsConfirmation):
    """The audience is not as expected: nothing was emitted. `why` has the figures."""

    def __init__(self, launch_id: str, why: str) -> None:
        self.why = why
        super().__init__(
            f"launch {launch_id!r} {why}; nothing was emitted; if this is meant, say "
            f"`campaigns resume {launch_id} --confirm`"
        )


def guard(claim: Launch, campaign: Campaign, last: Launch | None, shrinks: str | None) -> None:
    """Refuse a frozen launch before its first event if it matched too many, or if it takes customers out of its
    experiment; `last` is the campaign's last complete one, `shrinks` says who loses an assignment.

    Raises Misfire.
    """
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
    if shrinks:
        raise Misfire(claim.launch_id, shrinks)


def _matched(launch: Launch) -> int:
    return int((launch.books or {}).get("matched", 0))
