"""Tokens to the tree: SQLGlot's parser finds the structure, a white list of its nodes becomes ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import Token as SqlToken
from sqlglot import TokenType, exp
from sqlglot.errors import ParseError
from sqlglot.parser import Parser

from campaigns.audience.fault import RuleError
from campaigns.audience.follow import follow
from campaigns.audience.lex import FUNCTIONS, Token, lex
from campaigns.audience.tree import PREDICATES, Attribute, Call, Node, Op, Segment

MAX_DEPTH = 64
_BINARY: dict[type[exp.Expr], Op] = {
    exp.EQ: Op.EQ,
    exp.NEQ: Op.NE,
    exp.LT: Op.LT,
    exp.LTE: Op.LE,
    exp.GT: Op.GT,
    exp.GTE: Op.GE,
    exp.Add: Op.ADD,
    exp.Sub: Op.SUBTRACT,
    exp.Mul: Op.MULTIPLY,
    exp.Div: Op.DIVIDE,
    exp.Like: Op.LIKE,
}
_CONNECTIVES: dict[type[exp.Expr], Op] = {exp.And: Op.AND, exp.Or: Op.OR}


def parse(text: str) -> Node:
    """Return the untyped tree of a rule. Raises RuleError at the first thing the grammar does not allow."""
    tokens = lex(text)
    follow(tokens, len(text))
    try:
        found = Parser().parse(_for_sqlglot(tokens), text)
        if len(found) != 1 or found[0] is None:
            raise RuleError("this cannot be understood as a rule", 0, len(text))
        return _Conversion(tokens).convert(found[0], 0)
    except ParseError as error:
        place = int(error.errors[0].get("col") or 1) - 1
        token = tokens[min(place, len(tokens) - 1)]
        raise RuleError(f"this cannot be understood as a rule, near `{token.text}`", token.start, token.end) from None
    except RecursionError:
        raise RuleError("nested too deeply", 0, len(text)) from None


def _for_sqlglot(tokens: Sequence[Token]) -> list[SqlToken]:
    """A name is its token's index, a column its index + 1: so both lead back to the author's text."""
    return [
        SqlToken(token.kind, str(i) if token.is_name else token.text, 1, i + 1, start=i, end=i)
        for i, token in enumerate(tokens)
    ]


class _Conversion:
    """Converts SQLGlot's nodes. Every tree it returns spans the author's text, parentheses included."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = tokens
        self.first = {token.start: i for i, token in enumerate(tokens)}
        self.last = {token.end: i for i, token in enumerate(tokens)}

    def convert(self, node: exp.Expr, depth: int) -> Node:
        """Return our tree of `node`; `depth` counts the levels above it."""
        if depth > MAX_DEPTH:
            raise RuleError(f"nested too deeply: at most {MAX_DEPTH} levels", 0, self.tokens[-1].end)
        match node:
            case exp.Column(this=exp.Identifier(this=str(index))):
                atom = self.tokens[int(index)].atom
                assert atom is not None  # noqa: S101  (only atoms are given to SQLGlot as identifiers)
                return atom
            case exp.Paren():
                return self._parenthesised(self.convert(node.this, depth + 1))
            case exp.And() | exp.Or():
                parts = [self.convert(part, depth + 1) for part in node.flatten(unnest=False)]
                return Call(_CONNECTIVES[type(node)], tuple(parts), parts[0].start, parts[-1].end)
            case exp.Not():
                return self._negated(node.this, depth + 1)
            case exp.Neg():
                inner = self._operand(node.this, depth + 1)
                return Call(Op.NEGATE, (inner,), self._token_before(inner).start, inner.end)
            case exp.Anonymous():
                return self._call(node, depth + 1)
            case _:
                return self._predicate(node, depth + 1)

    def _parenthesised(self, inner: Node) -> Node:
        before, after = self.first[inner.start] - 1, self.last[inner.end] + 1
        if before < 0 or after == len(self.tokens) or self.tokens[before].kind is not TokenType.L_PAREN:
            raise _needs_parentheses(inner)  # SQLGlot adds parentheses of its own in `a = b is null`
        return replace(inner, start=self.tokens[before].start, end=self.tokens[after].end)

    def _operand(self, node: exp.Expr, depth: int) -> Node:
        """Convert an operand. Predicates do not chain: `a = b = c` means different things to people."""
        inner = self.convert(node, depth)
        if isinstance(inner, Call) and inner.op in PREDICATES and not isinstance(node, exp.Paren):
            raise _needs_parentheses(inner)
        return inner

    def _negated(self, node: exp.Expr, depth: int) -> Node:
        inner = self.convert(node, depth)
        before = self._token_before(inner)
        start = before.start if before.kind is TokenType.NOT else inner.start  # else: `x not in (...)`
        return Call(Op.NOT, (inner,), start, inner.end)

    def _predicate(self, node: exp.Expr, depth: int) -> Node:
        made = self._plain_predicate(node, depth)
        return Call(Op.NOT, (made,), made.start, made.end) if node.args.get("negate") else made

    def _plain_predicate(self, node: exp.Expr, depth: int) -> Node:
        match node:
            case exp.Between():
                args = [self._operand(node.args[key], depth) for key in ("this", "low", "high")]
                return Call(Op.BETWEEN, tuple(args), args[0].start, args[2].end)
            case exp.Is(expression=exp.Null()):
                inner = self._operand(node.this, depth)
                place = self.last[inner.end]
                null = next(token for token in self.tokens[place:] if token.kind is TokenType.NULL)
                return Call(Op.IS_NULL, (inner,), inner.start, null.end)
            case exp.In():
                return self._membership(node, depth)
            case exp.Binary() if type(node) in _BINARY:
                left, right = self._operand(node.this, depth), self._operand(node.expression, depth)
                return Call(_BINARY[type(node)], (left, right), left.start, right.end)
            case _:
                raise RuleError("this cannot be understood as a rule", 0, self.tokens[-1].end)

    def _membership(self, node: exp.In, depth: int) -> Node:
        item = self._operand(node.this, depth)
        if node.args.get("field"):
            members = self._operand(node.args["field"], depth)
            return Call(Op.CONTAINS, (members, item), item.start, members.end)
        values = [self.convert(value, depth) for value in node.expressions]
        end = self.tokens[self.last[values[-1].end] + 1].end
        return Call(Op.IN, (item, *values), item.start, end)

    def _call(self, node: exp.Anonymous, depth: int) -> Node:
        place = int(node.name)
        args = tuple(self.convert(arg, depth) for arg in node.expressions)
        last = self.last[args[-1].end] + 1 if args else place + 2
        start, end = self.tokens[place].start, self.tokens[last].end
        op = FUNCTIONS[self.tokens[place].text]
        return Call(op, args, start, end) if op else _segment(args, start, end)

    def _token_before(self, node: Node) -> Token:
        return self.tokens[max(0, self.first[node.start] - 1)]


def _segment(args: tuple[Node, ...], start: int, end: int) -> Segment:
    match args:
        case (Attribute(name=name),):
            return Segment(name, start, end)
        case _:
            raise RuleError(
                "in_segment takes the name of one segment; a name with a hyphen goes in "
                'double quotes, as in in_segment("new-parents")',
                start,
                end,
            )


def _needs_parentheses(node: Node) -> RuleError:
    return RuleError("put parentheses around this to say what is compared with what", node.start, node.end)
