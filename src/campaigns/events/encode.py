"""A decision becomes the bytes of an event, in SQL, where the decision is read.

The text is put together from constant pieces, which are encoded here once per launch, and a few columns. Only text
needs escaping and DuckDB's `to_json` does it; keys, codes and ids are of characters that need none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlglot import exp

from campaigns.definitions.instants import format_instant
from campaigns.events.record import DATA_SCHEMA, EVENT_TYPE, launch_source


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is the same in all events of one launch.

    `offers` maps an offer's key to its terms (everything of the event's `offer` object but the code);
    `tenants` maps a tenant's key to its variables. Values must be JSON without NaN or infinity. `levels` says whether
    the experiment has factors.
    """

    workspace: str
    campaign: str
    campaign_version: str
    launch_id: str
    channel: str
    experiment: str | None
    as_of: datetime
    offers: Mapping[str, Mapping[str, object]]
    tenants: Mapping[str, Mapping[str, object]]
    levels: bool = False

    @property
    def source(self) -> str:
        """CloudEvents `source` of the launch."""
        return launch_source(self.workspace, self.campaign, self.launch_id)

    def tenant_json(self) -> dict[str, str]:
        """Each tenant's variables, encoded."""
        return {key: encode(variables) for key, variables in self.tenants.items()}


def encode(value: object) -> str:
    """Compact JSON text, keys in the order given; raises ValueError on NaN and infinity."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def payload_sql(envelope: Envelope, tenant_json: exp.Expression, *, variables: bool) -> exp.Expression:
    """The event's JSON text from the columns tenant, customer, event_id, variant, offer, code and variables.

    `tenant_json` is the expression of the tenant's encoded variables; `variables` says whether the campaign
    declares any (without, the column does not exist). Equal decisions give equal bytes.
    """
    head = {
        "specversion": "1.0",
        "id": _Hole("event_id"),
        "source": envelope.source,
        "type": EVENT_TYPE,
        "subject": _to_json("customer"),
        "time": format_instant(envelope.as_of),
        "datacontenttype": "application/json",
        "dataschema": DATA_SCHEMA,
    }
    body = {
        "tenant_id": _Hole("tenant"),
        "customer_id": _to_json("customer"),
        "campaign": envelope.campaign,
        "campaign_version": envelope.campaign_version,
        "launch_id": envelope.launch_id,
        "channel": envelope.channel,
        "experiment": envelope.experiment,
        "variant": _nullable(_quoted("variant")),
        **({"levels": _nullable(_to_json("levels"))} if envelope.levels else {}),
        "offer": _offer_sql(envelope.offers),
        "variables": _to_json("variables") if variables else {},
        "tenant": tenant_json,
    }
    return _concat(_braced([*_members(head), ',"data":', *_braced(_members(body))]))


@dataclass(frozen=True, slots=True)
class _Hole:
    """A text column of safe characters, to stand between quotes."""

    column: str


def _members(fields: Mapping[str, object]) -> list[str | exp.Expression]:
    """The members of a JSON object without its braces: constant text and expressions, alternating as they come."""
    pieces: list[str | exp.Expression] = []
    for position, (key, value) in enumerate(fields.items()):
        pieces.append(f'{"," if position else ""}"{key}":')
        match value:
            case _Hole(column):
                pieces += ['"', exp.column(column), '"']
            case exp.Expression():
                pieces.append(value)
            case constant:
                pieces.append(encode(constant))
    return pieces


def _braced(pieces: list[str | exp.Expression]) -> list[str | exp.Expression]:
    return ["{", *pieces, "}"]


def _concat(pieces: list[str | exp.Expression]) -> exp.Expression:
    """`||` over the pieces, neighbouring constants merged."""
    terms: list[exp.Expression] = []
    constant = ""
    for piece in [*pieces, None]:
        if isinstance(piece, str):
            constant += piece
            continue
        terms += [exp.Literal.string(constant)] if constant else []
        terms += [piece] if piece is not None else []
        constant = ""
    return _joined(terms)


def _joined(terms: list[exp.Expression]) -> exp.Expression:
    """`||` as a balanced tree: each `||` copies its operands, a chain would copy the beginning over and over."""
    if len(terms) == 1:
        return terms[0]
    half = len(terms) // 2
    left, right = _joined(terms[:half]), _joined(terms[half:])
    return exp.DPipe(this=left, expression=exp.Paren(this=right) if half < len(terms) - 1 else right)


def _to_json(column: str) -> exp.Expression:
    return exp.cast(exp.Anonymous(this="to_json", expressions=[exp.column(column)]), exp.DataType.Type.VARCHAR)


def _quoted(column: str) -> exp.Expression:
    return _concat(['"', exp.column(column), '"'])


def _nullable(value: exp.Expression) -> exp.Expression:
    return exp.Coalesce(this=value, expressions=[exp.Literal.string("null")])


def _offer_sql(offers: Mapping[str, Mapping[str, object]]) -> object:
    """The `offer` object by the offer's key; the constant null when the launch has no offers."""
    if not offers:
        return None
    case = exp.Case(this=exp.column("offer"))
    for key, terms in offers.items():
        text = _concat(_braced(_members({"offer": key, **terms, "code": _Hole("code")})))
        case = case.when(exp.Literal.string(key), text)
    return case.else_(exp.Literal.string("null"))
