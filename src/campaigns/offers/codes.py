"""Codes of issued offers: derived by HMAC-SHA256, so that a replay issues the same code and nobody can guess one.

    message = utf8(tenant + "/" + launch + "/" + offer + "/" + customer)
    code    = prefix + first 16 hexadecimal digits of HMAC-SHA256(secret, message), written in ALPHABET

Tenants, launches and offers contain no "/", so two different messages are never the same text. 16 digits of 4 bits
are 64 bits. The alphabet has no vowels and no characters that are mistaken for another (0 O, 1 I L, 2 Z, 5 S, 8 B).
"""

from __future__ import annotations

import hmac

from sqlglot import exp

ALPHABET = "34679CDFHJKMNPRT"
LENGTH = 16
INNER, OUTER = "secret_inner", "secret_outer"
"""Names of the query parameters that carry the padded secret; its value never becomes part of a query's text."""

_HEX = "0123456789abcdef"
_BLOCK = 64


def code(secret: bytes, prefix: str, *, tenant: str, launch: str, offer: str, customer: str) -> str:
    """The code of one issued offer (the reference; the engine computes it in SQL)."""
    message = f"{tenant}/{launch}/{offer}/{customer}".encode()
    digits = hmac.new(secret, message, "sha256").hexdigest()[:LENGTH]
    return prefix + digits.translate(str.maketrans(_HEX, ALPHABET))


def parameters(secret: bytes) -> dict[str, bytes]:
    """The two padded keys of RFC 2104, to be bound to the query as parameters INNER and OUTER."""
    import hashlib

    key = hashlib.sha256(secret).digest() if len(secret) > _BLOCK else secret
    padded = key.ljust(_BLOCK, b"\0")
    return {INNER: bytes(byte ^ 0x36 for byte in padded), OUTER: bytes(byte ^ 0x5C for byte in padded)}


def code_sql(
    prefix: str, *, tenant: exp.Expression, launch: str, offer: str, customer: exp.Expression
) -> exp.Expression:
    """`code` in SQL: HMAC spelled out as two SHA-256 over the bound padded keys (RFC 2104, section 2)."""
    message = _join(tenant, exp.Literal.string(f"/{launch}/{offer}/"), customer)
    inner = _sha256(_join(exp.Placeholder(this=INNER), _function("encode", message)))
    outer = _sha256(_join(exp.Placeholder(this=OUTER), _function("unhex", inner)))
    digits = _function("left", outer, exp.Literal.number(LENGTH))
    text = _function("translate", digits, exp.Literal.string(_HEX), exp.Literal.string(ALPHABET))
    return _join(exp.Literal.string(prefix), text) if prefix else text


def _sha256(value: exp.Expression) -> exp.Expression:
    return _function("sha256", value)


def _function(name: str, *arguments: exp.Expression) -> exp.Expression:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _join(*parts: exp.Expression) -> exp.Expression:
    joined = parts[0]
    for part in parts[1:]:
        joined = exp.DPipe(this=joined, expression=part)
    return joined
