"""What each operator and function takes and gives: the types of arguments in, typed call or error out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime

from campaigns.audience.fault import RuleError
from campaigns.audience.tree import Call, Literal, Node, Op
from campaigns.audience.types import NUMERIC, ORDERED, SCALAR, TEMPORAL, Type, common

Signature = Callable[[Call], Call]
_COMPARISONS = (Op.EQ, Op.NE, Op.LT, Op.LE, Op.GT, Op.GE, Op.BETWEEN, Op.IN)
_MANY = 1_000_000


def typed(call: Call) -> Call:
    """Return the call with its type and explicit conversions. Its arguments are typed already.

    Raises RuleError: wrong number of arguments, or types that the operator does not take.
    """
    least, most = ARITY.get(call.op, (1, _MANY))
    if not least <= len(call.args) <= most:
        wanted = f"{least}" if least == most else f"{least} or more"
        plural = "" if wanted == "1" else "s"
        raise _error(call, f"`{call.op}` takes {wanted} argument{plural}, found {len(call.args)}")
    return SIGNATURES[call.op](call)


def _logic(call: Call) -> Call:
    for arg in call.args:
        _expect(call, arg, frozenset({Type.BOOLEAN}))
    return replace(call, type=Type.BOOLEAN)


def _comparison(call: Call) -> Call:
    together = common(_types(call))
    if together is None or together not in SCALAR:
        raise _error(call, f"cannot compare {_list(call)}{_comparison_hint(call)}")
    if together not in ORDERED and call.op not in (Op.EQ, Op.NE, Op.IN):
        raise _error(call, f"`{call.op}` takes integer, number, text, date or timestamp, found {_list(call)}")
    return replace(call, type=Type.BOOLEAN, args=_widened(call, together))


def _comparison_hint(call: Call) -> str:
    found = set(_types(call))
    if Type.TEXT_LIST in found:
        return ": write 'x' in tags, or contains(tags, 'x')"
    if Type.TEXT in found and found & TEMPORAL:
        return ": write date '2026-01-31' or timestamp '2026-01-31 00:00:00'"
    if Type.TEXT in found and found & NUMERIC:
        return ": write the number without quotes"
    return ""


def _is_null(call: Call) -> Call:
    _expect(call, call.args[0], frozenset(Type) - {Type.INTERVAL})
    return replace(call, type=Type.BOOLEAN)


def _like(call: Call) -> Call:
    _expect(call, call.args[0], frozenset({Type.TEXT}))
    if not (isinstance(call.args[1], Literal) and call.args[1].type is Type.TEXT):
        raise _error(call.args[1], "the pattern of `like` must be a text in single quotes")
    return replace(call, type=Type.BOOLEAN)


def _contains(call: Call) -> Call:
    members, item = call.args
    _expect(call, members, frozenset({Type.TEXT_LIST}))
    _expect(call, item, frozenset({Type.TEXT}))
    return replace(call, type=Type.BOOLEAN)


def _add(call: Call) -> Call:
    left, right = call.args
    if call.op is Op.ADD and left.type is Type.INTERVAL and right.type in TEMPORAL:
        left, right = right, left
    if left.type in TEMPORAL and right.type is Type.INTERVAL:
        return replace(call, type=Type.TIMESTAMP, args=(widen(left, Type.TIMESTAMP), right))
    if call.op is Op.SUBTRACT and left.type in TEMPORAL and right.type in TEMPORAL:
        raise _error(call, "cannot subtract a date or timestamp from another: use days_since(t)")
    return _calculation(call)


def _calculation(call: Call) -> Call:
    together = common(_types(call))
    if together not in NUMERIC:
        hint = ": add an interval, as in t + interval '7 days'" if set(_types(call)) & TEMPORAL else ""
        raise _error(call, f"cannot calculate with {_list(call)}{hint}")
    return replace(call, type=together, args=_widened(call, together))


def _divide(call: Call) -> Call:
    calculated = _calculation(call)
    return replace(calculated, type=Type.NUMBER, args=_widened(calculated, Type.NUMBER))


def _coalesce(call: Call) -> Call:
    together = common(_types(call))
    if together is None or together is Type.INTERVAL:
        raise _error(call, f"`coalesce` takes values of one type, found {_list(call)}")
    return replace(call, type=together, args=_widened(call, together))


def _letters(call: Call) -> Call:
    _expect(call, call.args[0], frozenset({Type.TEXT}))
    return replace(call, type=Type.INTEGER if call.op is Op.LENGTH else Type.TEXT)


def _days_since(call: Call) -> Call:
    _expect(call, call.args[0], TEMPORAL)
    return replace(call, type=Type.INTEGER, args=_widened(call, Type.TIMESTAMP))


SIGNATURES: dict[Op, Signature] = {
    **dict.fromkeys((Op.AND, Op.OR, Op.NOT), _logic),
    **dict.fromkeys(_COMPARISONS, _comparison),
    Op.IS_NULL: _is_null,
    Op.LIKE: _like,
    Op.CONTAINS: _contains,
    **dict.fromkeys((Op.ADD, Op.SUBTRACT), _add),
    **dict.fromkeys((Op.MULTIPLY, Op.NEGATE, Op.ABS), _calculation),
    Op.DIVIDE: _divide,
    Op.COALESCE: _coalesce,
    **dict.fromkeys((Op.LOWER, Op.UPPER, Op.LENGTH), _letters),
    Op.DAYS_SINCE: _days_since,
}
ARITY = {
    Op.CONTAINS: (2, 2),
    Op.COALESCE: (2, _MANY),
    **dict.fromkeys((Op.LOWER, Op.UPPER, Op.LENGTH, Op.ABS, Op.DAYS_SINCE), (1, 1)),
}


def widen(node: Node, to: Type) -> Node:
    """Return the node as `to`: an integer as number, a date as its midnight; literals at once."""
    if node.type is to:
        return node
    match node:
        case Literal(value=int(whole)):
            return replace(node, value=float(whole), type=to)
        case Literal(value=date() as day):
            # Rules know no zones: a timestamp is UTC and carries none.
            midnight = datetime(day.year, day.month, day.day, tzinfo=UTC).replace(tzinfo=None)
            return replace(node, value=midnight, type=to)
        case _:
            return Call(Op.WIDEN, (node,), node.start, node.end, to)


def _widened(call: Call, to: Type) -> tuple[Node, ...]:
    return tuple(widen(arg, to) for arg in call.args)


def _types(call: Call) -> list[Type]:
    return [arg.type for arg in call.args if arg.type is not None]


def _expect(call: Call, arg: Node, allowed: frozenset[Type]) -> None:
    if arg.type not in allowed:
        words = " or ".join(type_ for type_ in Type if type_ in allowed)
        raise _error(arg, f"`{call.op}` takes {words}, found {arg.type}")


def _list(call: Call) -> str:
    return " with ".join(dict.fromkeys(_types(call)))


def _error(node: Node, message: str) -> RuleError:
    return RuleError(message, node.start, node.end)
