"""A checked rule as a SQL expression, built node by node: no text of an author is ever pasted into SQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

from sqlglot import exp

from campaigns.audience import dialect
from campaigns.audience.literals import SMALLEST_INTEGER, seconds
from campaigns.audience.rule import Rule
from campaigns.audience.tree import (
    ARITHMETIC,
    AsOf,
    Attribute,
    Call,
    Interval,
    Literal,
    Node,
    Op,
    Segment,
    Unit,
    is_real_arithmetic,
)
from campaigns.audience.types import Type

Columns = Callable[[str], exp.Expression]
_BINARY: dict[Op, Callable[..., exp.Expression]] = {
    Op.EQ: exp.EQ,
    Op.NE: exp.NEQ,
    Op.LT: exp.LT,
    Op.LE: exp.LTE,
    Op.GT: exp.GT,
    Op.GE: exp.GTE,
    Op.LIKE: exp.Like,
    Op.ADD: exp.Add,
    Op.SUBTRACT: exp.Sub,
    Op.MULTIPLY: exp.Mul,
}
_SQL_TYPE = {Type.INTEGER: "BIGINT", Type.NUMBER: "DOUBLE", Type.DATE: "DATE", Type.TIMESTAMP: "TIMESTAMP"}
_SAFE_YEARS = 900


def render(rule: Rule, columns: Columns, as_of: exp.Expression) -> exp.Expression:
    """Return the rule's value as DuckDB SQL: NULL where `evaluate` gives None; it never aborts a query.

    `columns` gives the expression of an attribute: BIGINT, DOUBLE without NaN, VARCHAR, BOOLEAN, DATE and
    TIMESTAMP within years 0001 to 9999, VARCHAR[]. `as_of` is a TIMESTAMP, UTC, not NULL, in the
    years 1000 to 8999.
    """
    return _Renderer(columns, as_of).value(rule.tree)


def truth(rule: Rule, columns: Columns, as_of: exp.Expression) -> exp.Expression:
    """Return a condition that holds exactly where the boolean rule is true; elsewhere it is false or NULL.

    Cheaper than `render` in a filter: conjunctions stay plain, so that an engine can push them down.
    """
    return _Renderer(columns, as_of).truth(rule.tree)


@dataclass(frozen=True)
class _Renderer:
    columns: Columns
    as_of: exp.Expression

    def truth(self, node: Node) -> exp.Expression:
        """False and NULL need not be told apart here."""
        match node:
            case Call(op=Op.AND | Op.OR as op, args=args):
                return _joined(op, [self.truth(arg) for arg in args])
            case Call(op=Op.CONTAINS, args=(members, item)):
                return dialect.contains(self.value(members), self.value(item))
            case Segment(tree=tree) if tree is not None:
                return self.truth(tree)
            case _:
                return self.value(node)

    def value(self, node: Node) -> exp.Expression:
        match node:
            case Literal():
                return _literal(node)
            case Attribute(name=name):
                return self.columns(name).copy()
            case AsOf():
                return self.as_of.copy()
            case Interval():
                return dialect.interval(node)
            case Segment():
                return exp.Coalesce(this=self.truth(node), expressions=[exp.false()])
            case Call(op=op) if op in ARITHMETIC:
                return self.arithmetic(node)
            case Call(op=op) if op in _BINARY:
                left, right = (self.compared(arg) for arg in node.args)
                return _BINARY[op](this=left, expression=right)
            case Call():
                return self.call(node)

    def call(self, node: Call) -> exp.Expression:
        match node.op:
            case Op.AND | Op.OR:
                return _joined(node.op, [self.value(arg) for arg in node.args])
            case Op.BETWEEN:
                item, low, high = (self.compared(arg) for arg in node.args)
                return exp.Between(this=item, low=low, high=high)
            case Op.IN:
                item, *members = (self.compared(arg) for arg in node.args)
                return exp.In(this=item, expressions=members)
            case Op.WIDEN:
                return dialect.cast(self.value(node.args[0]), _SQL_TYPE[node.type or Type.NUMBER])
        first, *others = (self.value(arg) for arg in node.args)
        match node.op:
            case Op.NOT:
                return exp.Not(this=_whole(first))
            case Op.IS_NULL:
                return exp.Is(this=_whole(first), expression=exp.null())
            case Op.CONTAINS:
                found = dialect.contains(first, others[0])
                return exp.Coalesce(this=found, expressions=[exp.false()])
            case Op.COALESCE:
                return exp.Coalesce(this=first, expressions=others)
            case Op.LOWER | Op.UPPER:
                return dialect.letters(first, upper=node.op is Op.UPPER)
            case Op.LENGTH:
                return dialect.code_points(first)
            case _:  # days_since
                return dialect.days_between(first, self.as_of.copy())

    def compared(self, node: Node) -> exp.Expression:
        """An operand of a comparison. Integers need no type here, and plain SQL is what engines optimize."""
        if isinstance(node, Literal) and node.type is Type.INTEGER and node.value != SMALLEST_INTEGER:
            return exp.Literal.number(str(node.value))
        return _whole(self.value(node))

    def arithmetic(self, node: Call) -> exp.Expression:
        if node.type is Type.TIMESTAMP:
            return self.shifted(node)
        return dialect.real(self.unguarded(node)) if is_real_arithmetic(node) else self.whole(node)

    def whole(self, node: Call) -> exp.Expression:
        """One guard for each operation: DuckDB turns `(n + 5) - 3` into `n + 2`, which overflows later."""
        parts = [self.value(arg) for arg in node.args]
        if node.op is Op.NEGATE:
            return dialect.attempt(dialect.opposite(_whole(parts[0])))
        return dialect.attempt(_calculation(node.op, parts))

    def shifted(self, node: Call) -> exp.Expression:
        moment, span = node.args
        made = _BINARY[node.op](this=_whole(self.value(moment)), expression=self.value(span))
        near = isinstance(span, Interval) and seconds(span.amount, span.unit) <= seconds(_SAFE_YEARS, Unit.YEAR)
        return made if near and isinstance(moment, AsOf) else dialect.in_years(made)

    def unguarded(self, node: Call) -> exp.Expression:
        """A calculation with doubles needs one guard around all of it: NULL and NaN pass through."""
        parts = [
            self.unguarded(arg) if isinstance(arg, Call) and is_real_arithmetic(arg) else self.value(arg)
            for arg in node.args
        ]
        if node.op is Op.DIVIDE:
            return dialect.quotient(*map(_whole, parts))
        return exp.Neg(this=_whole(parts[0])) if node.op is Op.NEGATE else _calculation(node.op, parts)


def _calculation(op: Op, parts: list[exp.Expression]) -> exp.Expression:
    return exp.Abs(this=parts[0]) if op is Op.ABS else _BINARY[op](this=_whole(parts[0]), expression=_whole(parts[1]))


def _joined(op: Op, parts: list[exp.Expression]) -> exp.Expression:
    kind = exp.And if op is Op.AND else exp.Or
    return reduce(lambda left, right: kind(this=left, expression=right), map(_whole_condition, parts))


def _literal(node: Literal) -> exp.Expression:
    """Numbers and dates go as text that the engine casts: it then reads exactly the value we hold."""
    if node.type is Type.BOOLEAN:
        return exp.Boolean(this=node.value)
    spelling = repr(node.value) if node.type is Type.NUMBER else str(node.value)
    text = exp.Literal.string(spelling)
    return dialect.cast(text, _SQL_TYPE[node.type]) if node.type in _SQL_TYPE else text


def _whole(value: exp.Expression) -> exp.Expression:
    """The expression as an operand, in parentheses where SQL needs or a reader wants them."""
    open_ended = isinstance(value, exp.Binary | exp.Unary | exp.Between | exp.In)
    return exp.Paren(this=value) if open_ended and not isinstance(value, exp.Paren) else value


def _whole_condition(value: exp.Expression) -> exp.Expression:
    return exp.Paren(this=value) if isinstance(value, exp.Connector) else value
