"""Where a group's state is kept: in a key-value bucket beside the stream, every change checked by revision.

    <stream's time of creation>.<group>.group      who is a member, who owns which partition
    <stream's time of creation>.<group>.<number>   the position that the group wants next of that partition

A partition's new owner first writes its own epoch into the partition's entry. From then on an acknowledgement of
the owner before, who knows an older revision, is refused: that is the fence.
"""

from __future__ import annotations

import json
from typing import NamedTuple
from urllib.parse import quote

from nats.js.api import KeyValueConfig, StorageType
from nats.js.errors import BucketNotFoundError, KeyNotFoundError
from nats.js.kv import KeyValue

from campaigns.streams.nats.group import Group
from campaigns.streams.nats.layout import Layout
from campaigns.streams.nats.link import Link


class Mark(NamedTuple):
    """How far a partition is acknowledged, in its owner's `epoch`; `revision` of the entry, 0 if there is none."""

    epoch: int = 0
    acknowledged: int = 0
    revision: int = 0


class Marks:
    """The entries of one group. Every method is one question to the servers and raises what nats-py raises.

    A change that somebody forestalled raises KeyWrongLastSequenceError, and so does one that was made although its
    answer was lost: look again.
    """

    def __init__(self, bucket: KeyValue, layout: Layout, group: str) -> None:
        self._bucket = bucket
        self._partitions = layout.partitions
        created = layout.identity.rpartition("/")[2]
        self._scope = f"{escaped(created)}.{escaped(group)}"

    async def group(self) -> tuple[Group, int]:
        """The group and its revision."""
        try:
            entry = await self._bucket.get(f"{self._scope}.group")
        except KeyNotFoundError:
            return Group.empty(self._partitions), 0
        return Group.decoded(entry.value or b""), entry.revision or 0

    async def regroup(self, group: Group, revision: int) -> int:
        """Replace what was found at that revision. Returns the new one."""
        return await self._bucket.update(f"{self._scope}.group", group.encoded(), last=revision)

    async def mark(self, partition: int) -> Mark:
        """How far the partition is acknowledged."""
        try:
            entry = await self._bucket.get(f"{self._scope}.{partition}")
        except KeyNotFoundError:
            return Mark()
        epoch, acknowledged = json.loads(entry.value or b"[0, 0]")
        return Mark(epoch, acknowledged, entry.revision or 0)

    async def move(self, partition: int, mark: Mark) -> Mark:
        """Replace the entry that has the mark's revision."""
        value = json.dumps([mark.epoch, mark.acknowledged]).encode()
        revision = await self._bucket.update(f"{self._scope}.{partition}", value, last=mark.revision)
        return mark._replace(revision=revision)


async def marks_of(link: Link, layout: Layout, group: str) -> Marks:
    """Open the bucket of the stream's groups; make it if this is the first."""
    name = f"campaigns-{link.place.name}"
    try:
        bucket = await link.jetstream.key_value(name)
    except BucketNotFoundError:
        wanted = KeyValueConfig(bucket=name, storage=StorageType.FILE, replicas=layout.replicas)
        bucket = await link.jetstream.create_key_value(wanted)
    return Marks(bucket, layout, group)


def escaped(text: str) -> str:
    """The text as one part of a key."""
    return quote(text, safe="").replace("%", "=").replace(".", "=2E").replace("~", "=7E")
