"""How large a rule may become with its segments written out: beyond it a query takes seconds to compile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from campaigns.audience.fault import RuleError
from campaigns.audience.tree import ARITHMETIC, Call, Node, Op, Segment, is_real_arithmetic
from campaigns.audience.types import Type

MAX_SIZE = 30_000
MAX_DEPTH = 80
MAX_SEGMENTS = 16


@dataclass(frozen=True, slots=True)
class Extent:
    """Nodes and levels of the SQL that a tree becomes."""

    size: int
    depth: int


def extent(tree: Node, segments: Mapping[str, Extent], *, guarded: bool = False) -> Extent:
    """Return the extent of a checked tree, given those of the segments it names.

    DuckDB writes out twice what NULLIF or a range check guards; `guarded` is part of a guarded calculation.
    """
    match tree:
        case Segment(name=name):
            inner = segments[name]
            return Extent(inner.size + 1, inner.depth + 1)
        case Call(op=op, args=args):
            real = is_real_arithmetic(tree)
            parts = [extent(part, segments, guarded=real) for part in args]
            size = 1 + sum(part.size for part in parts) + (parts[1].size if op is Op.DIVIDE else 0)
            doubled = (real and not guarded) or (op in ARITHMETIC and tree.type is Type.TIMESTAMP)
            return Extent(size * 2 if doubled else size, 1 + max(part.depth for part in parts))
        case _:
            return Extent(1, 1)


def refuse_beyond(size: Extent, start: int, end: int) -> None:
    """Raise RuleError if the extent is beyond the limits."""
    if size.size > MAX_SIZE:
        raise RuleError(
            f"too large with its segments written out: {size.size} operations, at most {MAX_SIZE}", start, end
        )
    if size.depth > MAX_DEPTH:
        raise RuleError(
            f"nested too deeply with its segments written out: {size.depth} levels, at most {MAX_DEPTH}",
            start,
            end,
        )
