"""Lanes: groups of tenants whose events leave beside each other, so that no tenant waits for another one's millions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from campaigns.launch.books import Counted
from campaigns.ledger import Shard

HOT_SHARE = 0.25
"""A tenant with a larger share of the events than this has a lane of its own."""

Files = Mapping[Path, Mapping[str, Counted]]
"""What is counted in each file of a snapshot, by tenant."""


@dataclass(frozen=True, slots=True)
class Lane:
    """The tenants in `only`, or with none there all tenants that are not in `but`."""

    number: int
    only: Sequence[str] = ()
    but: Sequence[str] = ()

    def holds(self, tenant: str) -> bool:
        """Whether the tenant's events leave in this lane."""
        return tenant in self.only if self.only else tenant not in self.but


def own_lanes(files: Files, limited: Collection[str]) -> list[str]:
    """The tenants with lanes of their own, in the order of the lanes 1, 2, ...: the hot ones, and the rate-limited."""
    sends: Counter[str] = Counter()
    for tenants in files.values():
        sends.update({tenant: counted.sends for tenant, counted in tenants.items()})
    hot = {tenant for tenant, count in sends.items() if count > HOT_SHARE * sends.total()}
    own = sorted(tenant for tenant in hot | set(limited) if sends[tenant])
    return [] if len(sends) == 1 and not set(limited) & set(own) else own


def lanes_of(own: Sequence[str]) -> list[Lane]:
    """Lane 0 for everyone without a lane of their own, then a lane each of the tenants in `own`."""
    return [Lane(0, but=own), *(Lane(number, only=(tenant,)) for number, tenant in enumerate(own, 1))]


def shards_of(files: Iterable[Mapping[str, Counted]], own: Sequence[str]) -> list[Shard]:
    """The part of every lane in every file, in the order of lanes and files; empty parts are left out."""
    counted = list(files)
    found = []
    for lane in lanes_of(own):
        for number, tenants in enumerate(counted):
            held = [count for tenant, count in tenants.items() if lane.holds(tenant)]
            if held:
                found.append(Shard(number, lane.number, sum(c.decisions for c in held), sum(c.sends for c in held)))
    return found
