"""A consumer group on SQLite: who its members are, who owns which partition, how far each is acknowledged.

A member holds its partitions until its lease expires and another member takes them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from typing import NamedTuple

from campaigns.streams.sharing import fair_share
from campaigns.streams.sqlite.file import transaction
from campaigns.streams.sqlite.log import Topic

ALIVE = """
    SELECT member FROM members
    WHERE topic = :topic AND consumers = :group AND expires > :now ORDER BY member
"""
JOIN = "INSERT OR REPLACE INTO members VALUES (:topic, :group, :member, :expires)"
LEAVE = "DELETE FROM members WHERE topic = :topic AND consumers = :group AND member = :member"
BURY = "DELETE FROM members WHERE topic = :topic AND consumers = :group AND expires <= :now"
OPEN = "INSERT OR IGNORE INTO leases VALUES (:topic, :group, :partition, NULL, 0)"
FREE = """
    UPDATE leases SET member = NULL WHERE topic = :topic AND consumers = :group AND member NOT IN
        (SELECT member FROM members WHERE topic = :topic AND consumers = :group)
"""
LEASES = """
    SELECT partition, member, acknowledged FROM leases
    WHERE topic = :topic AND consumers = :group ORDER BY partition
"""
GIVE = """
    UPDATE leases SET member = :owner WHERE topic = :topic AND consumers = :group AND partition = :partition
"""
ACKNOWLEDGE = """
    UPDATE leases SET acknowledged = max(acknowledged, :position)
    WHERE topic = :topic AND consumers = :group AND partition = :partition AND member = :member
"""


class Lease(NamedTuple):
    """A partition's owner (None: free) and the position the group wants next."""

    partition: int
    owner: str | None
    acknowledged: int


class View(NamedTuple):
    """Who is alive and who owns each partition. While a member sees no other view, its share is settled."""

    members: tuple[str, ...]
    owners: tuple[str | None, ...]


class Group:
    """One member's hand on its group. `lease` in seconds; `now` in seconds since 1970."""

    def __init__(self, connection: sqlite3.Connection, topic: Topic, name: str, member: str, lease: float) -> None:
        self._connection = connection
        self._partitions = topic.partitions
        self._member = member
        self._scope = {"topic": topic.name, "group": name, "member": member}
        self._lease = lease

    def view(self, now: float) -> View:
        """The group as it is at `now`; writes nothing."""
        return View(self._alive(now), tuple(lease.owner for lease in self._leases()))

    def settle(self, now: float) -> Mapping[int, int]:
        """Renew the lease, bury dead members, give back or take partitions until this member has its share.

        Returns the partitions that were taken, each with the position the group wants next.
        """
        with transaction(self._connection):
            self._stay(now)
            due = fair_share(self._alive(now), self._member, self._partitions)
            leases = self._leases()
            held = [lease for lease in leases if lease.owner == self._member]
            taken = [lease for lease in leases if lease.owner is None][: max(0, due - len(held))]
            self._give(held[due:], None)
            self._give(taken, self._member)
        return {lease.partition: lease.acknowledged for lease in taken}

    def owned(self) -> frozenset[int]:
        """The partitions this member owns."""
        return frozenset(lease.partition for lease in self._leases() if lease.owner == self._member)

    def acknowledge(self, partition: int, position: int) -> bool:
        """Move the acknowledged position forward; False, without writing, if the partition is not ours."""
        return self._run(ACKNOWLEDGE, partition=partition, position=position).rowcount == 1

    def leave(self) -> None:
        """Stop being a member; whoever settles next frees the partitions of those who are not."""
        self._run(LEAVE)

    def _stay(self, now: float) -> None:
        self._run(JOIN, expires=now + self._lease)
        self._run(BURY, now=now)
        self._run(FREE)
        for partition in range(self._partitions):
            self._run(OPEN, partition=partition)

    def _alive(self, now: float) -> tuple[str, ...]:
        return tuple(member for (member,) in self._run(ALIVE, now=now))

    def _leases(self) -> list[Lease]:
        return [Lease._make(row) for row in self._run(LEASES)]

    def _give(self, leases: Collection[Lease], owner: str | None) -> None:
        for lease in leases:
            self._run(GIVE, partition=lease.partition, owner=owner)

    def _run(self, sql: str, **values: object) -> sqlite3.Cursor:
        return self._connection.execute(sql, self._scope | values)
