"""The identity of an event: a pure function of tenant, launch and customer."""

from __future__ import annotations

import hashlib

from sqlglot import exp


def event_id(tenant: str, launch: str, customer: str) -> str:
    """32 lower-case hexadecimal digits: md5 of utf8(tenant + "/" + launch + "/" + customer).

    Tenants and launch ids contain no "/", so the text is unambiguous.
    """
    return hashlib.md5(f"{tenant}/{launch}/{customer}".encode(), usedforsecurity=False).hexdigest()


def event_id_sql(tenant: exp.Expression, launch: str, customer: exp.Expression) -> exp.Expression:
    """`event_id` in SQL."""
    head = exp.DPipe(this=tenant, expression=exp.Literal.string(f"/{launch}/"))
    return exp.MD5(this=exp.DPipe(this=head, expression=customer))
