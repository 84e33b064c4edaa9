"""How the members of a consumer group share its partitions, on streams whose servers do not decide that."""

from __future__ import annotations

from collections.abc import Collection


def fair_share(members: Collection[str], member: str, partitions: int) -> int:
    """How many partitions a member is due: all as many; the first in name order take what is left over."""
    order = sorted(members)
    each, rest = divmod(partitions, len(order))
    return each + (order.index(member) < rest)
