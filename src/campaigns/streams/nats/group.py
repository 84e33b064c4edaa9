"""A consumer group: who its members are and who owns which partition. Pure; `marks.py` keeps it on the servers."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import NamedTuple

from campaigns.streams.sharing import fair_share


class Ownership(NamedTuple):
    """Whose a partition is (None: nobody's), and how often it has changed hands."""

    member: str | None = None
    epoch: int = 0


class Group(NamedTuple):
    """Members, each with a number that grows while it is alive, and the owners by partition."""

    members: Mapping[str, int]
    owners: tuple[Ownership, ...]

    @classmethod
    def empty(cls, partitions: int) -> Group:
        """A group that nobody joined yet."""
        return cls({}, (Ownership(),) * partitions)

    @classmethod
    def decoded(cls, value: bytes) -> Group:
        """Inverse of `encoded`."""
        found = json.loads(value)
        return cls(found["members"], tuple(Ownership(*owner) for owner in found["owners"]))

    def encoded(self) -> bytes:
        """As JSON."""
        return json.dumps({"members": self.members, "owners": self.owners}).encode()

    def beaten(self, member: str) -> Group:
        """The member is alive."""
        return self._replace(members={**self.members, member: self.members.get(member, 0) + 1})

    def without(self, dead: Collection[str]) -> Group:
        """These members are none any more, and what they owned is nobody's."""
        members = {member: beats for member, beats in self.members.items() if member not in dead}
        owners = (owner if owner.member in members else owner._replace(member=None) for owner in self.owners)
        return Group(members, tuple(owners))

    def shared(self, member: str) -> Group:
        """The member gives back what is more than its share, and takes what is nobody's until it has that much."""
        due = fair_share(self.members, member, len(self.owners))
        held = [partition for partition, owner in enumerate(self.owners) if owner.member == member]
        free = [partition for partition, owner in enumerate(self.owners) if owner.member is None]
        owners = list(self.owners)
        for partition in held[due:]:
            owners[partition] = owners[partition]._replace(member=None)
        for partition in free[: max(0, due - len(held))]:
            owners[partition] = Ownership(member, owners[partition].epoch + 1)
        return self._replace(owners=tuple(owners))

    def owned(self, member: str) -> dict[int, int]:
        """Its partitions, each with the epoch in which it owns them."""
        return {partition: owner.epoch for partition, owner in enumerate(self.owners) if owner.member == member}


class Silence:
    """Notices who has not been heard of for `lease` seconds, by this machine's clock alone.

    A member's number is compared with what it was; no clock of another machine is believed. So a member that died
    before this one joined is missed one lease after that.
    """

    def __init__(self, lease: float) -> None:
        self._lease = lease
        self._heard: dict[str, tuple[int, float]] = {}

    def dead(self, members: Mapping[str, int], now: float) -> set[str]:
        """Those whose number has not changed for so long. `now` in seconds of any clock."""
        for member, beats in members.items():
            if self._heard.get(member, (None, 0.0))[0] != beats:
                self._heard[member] = (beats, now)
        self._heard = {member: heard for member, heard in self._heard.items() if member in members}
        return {member for member, (_, since) in self._heard.items() if now - since > self._lease}
