"""Rule text to tokens of the closed vocabulary. What is not listed here is refused at its exact place.

SQLGlot splits the text; every value, name and interval then becomes one *atom*, so that its parser sees only
opaque names, parentheses, commas and the operators below. No SQL construct can hide in a rule after that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches

import sqlglot
from sqlglot import TokenType
from sqlglot.errors import TokenError

from campaigns.audience import literals
from campaigns.audience.fault import RuleError
from campaigns.audience.tree import AsOf, Attribute, Interval, Literal, Op, Unit
from campaigns.audience.types import Type

MAX_LENGTH = 100_000
FUNCTIONS = {
    **{op.value: op for op in (Op.COALESCE, Op.LOWER, Op.UPPER, Op.LENGTH, Op.ABS, Op.CONTAINS, Op.DAYS_SINCE)},
    "in_segment": None,
}
Atom = Literal | Attribute | AsOf | Interval
Piece = tuple[str, int, int]

_SYMBOLS = {
    "(": TokenType.L_PAREN,
    ")": TokenType.R_PAREN,
    ",": TokenType.COMMA,
    "=": TokenType.EQ,
    "<>": TokenType.NEQ,
    "!=": TokenType.NEQ,
    "<": TokenType.LT,
    "<=": TokenType.LTE,
    ">": TokenType.GT,
    ">=": TokenType.GTE,
    "+": TokenType.PLUS,
    "-": TokenType.DASH,
    "*": TokenType.STAR,
    "/": TokenType.SLASH,
}
_KEYWORDS = {word: TokenType[word.upper()] for word in ("and", "or", "not", "between", "in", "is", "null", "like")}
_REFUSED = {
    "select": "sub-queries are not part of a rule",
    "case": "`case` is not part of a rule: combine conditions with and, or, not",
    "cast": "casts are not part of a rule",
    ";": "a rule is one expression: `;` and statements are not part of it",
    ".": "qualified names are not part of a rule: write the attribute alone",
    "::": "casts are not part of a rule",
    "==": "`==` is not an operator: write `=`",
    "||": "`||` is not part of a rule: texts cannot be joined",
    "?": "parameters are not part of a rule",
    ":": "parameters are not part of a rule",
    "@": "parameters are not part of a rule",
}
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")


@dataclass(frozen=True, slots=True)
class Token:
    """A keyword, symbol, function name or atom; `end` is excluded."""

    kind: TokenType
    text: str
    start: int
    end: int
    atom: Atom | None = None

    @property
    def is_name(self) -> bool:
        """Whether SQLGlot's parser sees this as an opaque name: an atom or a function."""
        return self.kind in (TokenType.IDENTIFIER, TokenType.VAR)

    @property
    def ends_value(self) -> bool:
        """Whether a value may be complete after this token, so that an operator is due."""
        return self.kind in (TokenType.IDENTIFIER, TokenType.R_PAREN, TokenType.NULL)


def lex(text: str) -> list[Token]:
    """Return the tokens of a rule. Raises RuleError for whatever is outside the vocabulary."""
    if len(text) > MAX_LENGTH:
        raise RuleError(f"the rule has {len(text)} characters, allowed are {MAX_LENGTH}", 0, 1)
    pieces, at = _split(text), 0
    tokens: list[Token] = []
    while at < len(pieces):
        token, used = _signed_number(pieces, at, tokens) or _token(text, pieces, at)
        tokens.append(token)
        at += used
    return tokens


def _split(text: str) -> list[Piece]:
    """Split into (spelling, start, end); the spelling is the author's own, quotes included."""
    for place, char in enumerate(text):
        if char == "\0" or "\ud800" <= char <= "\udfff":
            raise RuleError(f"character U+{ord(char):04X} is not allowed in a rule", place, place + 1)
    try:
        # The leading parenthesis keeps SQLGlot from reading a first word such as `show` as a command.
        found = sqlglot.tokenize("(" + text)[1:]
    except TokenError:
        rest = _QUOTED.sub(lambda match: " " * len(match[0]), text)
        place = next((i for i, char in enumerate(rest) if char in "'\""), 0)
        raise RuleError("this quote, or comment, is never closed", place, place + 1) from None
    pieces: list[Piece] = []
    end = 0
    for token in found:
        _refuse_gap(text, end, token.start - 1)
        end = token.end
        pieces.append((text[token.start - 1 : end], token.start - 1, end))
    _refuse_gap(text, end, len(text))
    return pieces


def _refuse_gap(text: str, start: int, end: int) -> None:
    """What SQLGlot skipped must be white space: anything else is a comment."""
    skipped = text[start:end]
    if skipped.strip():
        begin = start + len(skipped) - len(skipped.lstrip())
        raise RuleError("comments are not part of a rule", begin, start + len(skipped.rstrip()))


def _signed_number(pieces: list[Piece], at: int, before: list[Token]) -> tuple[Token, int] | None:
    """Where a value is due, a minus belongs to its number: else the smallest integer could not be written."""
    if pieces[at][0] != "-" or (before and before[-1].ends_value) or at + 1 == len(pieces):
        return None
    (_, start, _), (spelling, _, end) = pieces[at : at + 2]
    if _NUMBER.fullmatch(spelling) is None:
        return None
    atom = literals.number(spelling, start, end, negative=True)
    return Token(TokenType.IDENTIFIER, f"-{spelling}", start, end, atom), 2


def _token(text: str, pieces: list[Piece], at: int) -> tuple[Token, int]:
    """Return the token that begins at piece `at`, and how many pieces it covers."""
    spelling, start, end = pieces[at]
    word = spelling.lower()
    after = [piece[0] for piece in pieces[at + 1 : at + 3]] + ["", ""]
    if word in _SYMBOLS:
        return Token(_SYMBOLS[word], spelling, start, end), 1
    if word in _KEYWORDS:
        return Token(_KEYWORDS[word], spelling, start, end), 1
    if word in _REFUSED:
        raise RuleError(_REFUSED[word], start, end)
    if after[0] == "(" and spelling.isidentifier():
        return _function(word, start, end), 1
    atom, used = _atom(spelling, start, end, after, pieces[at + 1 : at + 3])
    return Token(TokenType.IDENTIFIER, text[atom.start : atom.end], atom.start, atom.end, atom), used


def _function(word: str, start: int, end: int) -> Token:
    if word not in FUNCTIONS:
        near = get_close_matches(word, FUNCTIONS, 1)
        hint = f"did you mean `{near[0]}`?" if near else "allowed are " + ", ".join(sorted(FUNCTIONS))
        raise RuleError(f"unknown function `{word}`: {hint}", start, end)
    return Token(TokenType.VAR, word, start, end)


def _atom(spelling: str, start: int, end: int, after: list[str], next_pieces: list[Piece]) -> tuple[Atom, int]:
    word = spelling.lower()
    if word in ("date", "timestamp", "interval") and after[0].startswith("'"):
        value, stop = _text(after[0]), next_pieces[0][2]
        if word != "interval":
            return literals.moment(word, value, start, stop), 2
        unit = after[1] if after[1].lower().removesuffix("s") in [*Unit] else None
        return literals.interval(value, unit, start, next_pieces[1][2] if unit else stop), 3 if unit else 2
    if spelling.startswith("'"):
        return Literal(_text(spelling), Type.TEXT, start, end), 1
    if spelling.startswith('"'):
        return _attribute(spelling[1:-1].replace('""', '"'), start, end), 1
    if _NUMBER.fullmatch(spelling):
        return literals.number(spelling, start, end), 1
    if word in ("true", "false"):
        return Literal(word == "true", Type.BOOLEAN, start, end), 1
    if word == "as_of":
        return AsOf(start, end), 1
    if spelling.isidentifier():
        return Attribute(spelling, start, end), 1
    raise RuleError(f"`{spelling}` is not part of a rule", start, end)


def _attribute(name: str, start: int, end: int) -> Attribute:
    if not name:
        raise RuleError("an attribute's name cannot be empty", start, end)
    return Attribute(name, start, end)


def _text(spelling: str) -> str:
    return spelling[1:-1].replace("''", "'")
