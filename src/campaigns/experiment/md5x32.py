"""md5x32: the bucketing algorithm, as a Python reference and as SQL that must agree with it.

    digest   = md5 hex, lower case, of utf8(salt + ":" + unit)
    slice 0  = digest[0:8]    holdout, allocation
    slice 1  = digest[8:16]   variant
    boundary = '%08x' % floor(cumulative_weight * 2**32 / total_weight)

Slices are compared with boundaries as text, which orders fixed-width lower-case hexadecimal like the numbers it
stands for. A boundary of 2**32 means "no upper bound" and is written None here. Holdout, layer, experiment and
factor hash under separate salts, so that they are independent. These lines never change: a successor gets a new name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sqlglot import exp

SLICE = 8
"""Hexadecimal digits of one slice: 32 bits."""


def digest(salt: str, unit: str) -> str:
    """The 32 lower-case hexadecimal digits that every slice is cut from."""
    return hashlib.md5(f"{salt}:{unit}".encode(), usedforsecurity=False).hexdigest()


def slice_of(digest_: str, index: int) -> str:
    """Slice `index` (0 or 1) of a digest."""
    return digest_[index * SLICE : (index + 1) * SLICE]


def boundaries(weights: Sequence[int]) -> list[str | None]:
    """Upper boundary of each weight's range, None where it is 2**32.

    Raises ValueError when a weight is negative or all are 0: weights are never repaired.
    """
    if any(weight < 0 for weight in weights):
        raise ValueError(f"weights {list(weights)}: none may be negative")
    total = sum(weights)
    if total == 0:
        raise ValueError(f"weights {list(weights)}: they add up to 0, need at least 1")
    cumulative = 0
    found: list[str | None] = []
    for weight in weights:
        cumulative += weight
        found.append(_boundary(cumulative, total))
    return found


def variant_index(weights: Sequence[int], slice_1: str) -> int:
    """Index of the variant that owns `slice_1`; one with weight 0 is never chosen."""
    for index, bound in enumerate(boundaries(weights)):
        if weights[index] and (bound is None or slice_1 < bound):
            return index
    raise AssertionError("the last boundary is 2**32")


def held_out(basis_points: int, slice_0: str) -> bool:
    """Whether a unit with `slice_0` belongs to a holdout of `basis_points` (0 to 10000)."""
    bound = _boundary(basis_points, 10_000)
    return bound is None or slice_0 < bound


def within(low: int, high: int, slice_0: str) -> bool:
    """Whether a unit with `slice_0` lies in the range of basis points (0 to 10000), the upper one excluded."""
    return held_out(high, slice_0) and not held_out(low, slice_0)


def digest_sql(salt: str, unit: exp.Expression) -> exp.Expression:
    """`digest` in SQL; NULL where the unit is NULL."""
    return exp.MD5(this=exp.DPipe(this=exp.Literal.string(f"{salt}:"), expression=unit))


def variant_sql(names: Sequence[str], weights: Sequence[int], digest_: exp.Expression) -> exp.Expression:
    """`variant_index` in SQL, giving the variant's name."""
    case = exp.Case()
    ranges = [(name, bound) for name, weight, bound in zip(names, weights, boundaries(weights), strict=True) if weight]
    for name, bound in ranges[:-1]:
        case = case.when(_slice_sql(digest_, 1) < _text(bound), _text(name))
    last = _text(ranges[-1][0])
    return case.else_(last) if len(ranges) > 1 else last


def held_out_sql(basis_points: int, digest_: exp.Expression) -> exp.Expression:
    """`held_out` in SQL."""
    bound = _boundary(basis_points, 10_000)
    return exp.true() if bound is None else _slice_sql(digest_, 0) < _text(bound)


def within_sql(low: int, high: int, digest_: exp.Expression) -> exp.Expression:
    """`within` in SQL."""
    below, bound = held_out_sql(high, digest_), _text(_boundary(low, 10_000))
    if low == 0:
        return below
    return exp.Paren(this=exp.And(this=below, expression=_slice_sql(digest_, 0) >= bound))


def _boundary(cumulative: int, total: int) -> str | None:
    value = cumulative * 2**32 // total
    return None if value == 2**32 else f"{value:08x}"


def _slice_sql(digest_: exp.Expression, index: int) -> exp.Expression:
    return exp.Substring(
        this=digest_.copy(), start=exp.Literal.number(index * SLICE + 1), length=exp.Literal.number(SLICE)
    )


def _text(value: str | None) -> exp.Expression:
    return exp.null() if value is None else exp.Literal.string(value)
