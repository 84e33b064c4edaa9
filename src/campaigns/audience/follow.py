"""What may follow what in a rule: refuses a misplaced token at its place, before SQLGlot's parser sees it.

A rule alternates between values and operators. Knowing which is due makes every message exact, and bounds how
deep SQLGlot's recursive parser can get.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import TokenType as T

from campaigns.audience.fault import RuleError
from campaigns.audience.lex import Token

MAX_NESTING = 32
_INFIX = {
    T.AND,
    T.OR,
    T.EQ,
    T.NEQ,
    T.LT,
    T.LTE,
    T.GT,
    T.GTE,
    T.PLUS,
    T.DASH,
    T.STAR,
    T.SLASH,
    T.LIKE,
    T.IN,
    T.BETWEEN,
}
_NEGATABLE = {T.LIKE, T.IN, T.BETWEEN}


def follow(tokens: Sequence[Token], length: int) -> None:
    """Return if the tokens alternate as a rule does. Raises RuleError at the first that does not.

    `length` is the length of the rule text: where something is missing at the end, the error points there.
    """
    walk = _Walk(tokens, length)
    while walk.at < len(tokens):
        if walk.due_value:
            walk.value()
        else:
            walk.operator()
    walk.finish()


class _Walk:
    def __init__(self, tokens: Sequence[Token], length: int) -> None:
        self.tokens, self.length = tokens, length
        self.at = 0
        self.due_value = True
        self.open: list[tuple[Token, str, int]] = []  # the parenthesis, what it opens, prefixes pending before it
        self.prefixes = 0
        self.depth = 0

    def kind(self, ahead: int = 0) -> T | None:
        place = self.at + ahead
        return self.tokens[place].kind if place < len(self.tokens) else None

    def value(self) -> None:
        """A value is due: an atom, a function call, a parenthesis, or a prefix operator."""
        match self.kind():
            case T.IDENTIFIER:
                self._value_ends(1)
            case T.VAR:
                self.at += 1
                self._open("call")
                if self.kind() is T.R_PAREN:
                    self._close()
            case T.L_PAREN:
                in_list = self.at > 0 and self.tokens[self.at - 1].kind is T.IN
                self._open("list" if in_list else "group")
            case T.NOT | T.DASH:
                self.at += 1
                self.prefixes += 1
                self._deeper()
            case T.NULL:
                raise self._error("`null` is allowed only in `is null` and `is not null`: use `is null`")
            case _:
                raise self._error(f"expected a value, found `{self.tokens[self.at].text}`")

    def operator(self) -> None:
        """A value is complete: an operator, a comma or a closing parenthesis is due."""
        match self.kind():
            case T.R_PAREN if self.open:
                self._close()
            case T.R_PAREN:
                raise self._error("this `)` closes nothing")
            case T.COMMA if self.open and self.open[-1][1] != "group":
                self.at, self.due_value = self.at + 1, True
            case T.IS:
                self._is_null()
            case T.NOT if self.kind(1) in _NEGATABLE:
                self.at, self.due_value = self.at + 2, True
            case kind if kind in _INFIX:
                self.at, self.due_value = self.at + 1, True
            case _:
                raise self._error(f"expected an operator, `and` or `or`, found {_shown(self.tokens[self.at])}")

    def _is_null(self) -> None:
        null = 2 if self.kind(1) is T.NOT else 1
        if self.kind(null) is not T.NULL:
            raise self._error("`is` is allowed only in `is null` and `is not null`")
        self._value_ends(null + 1)

    def _open(self, what: str) -> None:
        self.open.append((self.tokens[self.at], what, self.prefixes))
        self._deeper()
        self.at, self.due_value, self.prefixes = self.at + 1, True, 0

    def _close(self) -> None:
        _, _, self.prefixes = self.open.pop()
        self.depth -= 1
        self._value_ends(1)

    def _value_ends(self, used: int) -> None:
        self.at, self.due_value = self.at + used, False
        self.depth, self.prefixes = self.depth - self.prefixes, 0

    def _deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_NESTING:
            place = min(self.at, len(self.tokens) - 1)
            token = self.tokens[place]
            raise RuleError(f"nested too deeply: at most {MAX_NESTING} levels", token.start, token.end)

    def finish(self) -> None:
        if self.open:
            token = self.open[-1][0]
            raise RuleError("this `(` is never closed", token.start, token.end)
        if self.due_value:
            what = "the rule is empty" if not self.tokens else "expected a value, found the end of the rule"
            raise RuleError(what, max(0, self.length - 1), self.length)

    def _error(self, message: str) -> RuleError:
        token = self.tokens[self.at]
        return RuleError(message, token.start, token.end)


def _shown(token: Token) -> str:
    return token.text if token.text[:1] in "'\"" else f"`{token.text}`"
