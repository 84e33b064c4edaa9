"""The whole decision path in plain Python, written from the specification and not from the engine.

One customer after the other, no SQL; rules are Python functions. What it computes is what a launch must put on the
stream and into the books.
"""

from __future__ import annotations

import calendar
import hashlib
import hmac
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

Row = Mapping[str, Any]
Rule = Callable[[Row, datetime], object]
Who = tuple[str, str]

ALPHABET = "34679CDFHJKMNPRT"


@dataclass(frozen=True)
class World:
    """A workspace and a campaign as documents, the rows of their sources, and every rule as a Python function.

    `rules` maps the text of a rule, segment or expression to its meaning. Attributes of a row are None for NULL.
    """

    workspace: Mapping[str, Any]
    campaign: Mapping[str, Any]
    customers: Sequence[Row]
    orders: Sequence[Row]
    rules: Mapping[str, Rule]
    as_of: datetime
    launch_id: str
    secret: bytes


@dataclass
class Expected:
    """What must come out."""

    quarantined_rows: Counter[str] = field(default_factory=Counter)
    decisions: dict[Who, dict[str, Any]] = field(default_factory=dict)
    events: dict[str, dict[str, Any]] = field(default_factory=dict)

    def books(self) -> dict[str, Any]:
        """The counts of the report."""
        rows = list(self.decisions.values())
        sent = [row for row in rows if row["outcome"] == "send"]
        return {
            "matched": len(rows),
            "sent": len(sent),
            "held_out": sum(row["outcome"] == "holdout" for row in rows),
            "suppressed": {},
            "quarantined": counted(row["reason"] for row in rows if row["outcome"] == "quarantined"),
            "quarantined_rows": dict(self.quarantined_rows),
            "variants": counted(row["variant"] for row in sent),
            "offers": counted(row["offer"] for row in sent),
            "tenants": counted(row["tenant"] for row in sent),
        }


def counted(values: Iterable[str | None]) -> dict[str, int]:
    """How often each value comes, None left out."""
    return dict(Counter(value for value in values if value is not None))


def decide(world: World) -> Expected:
    """Everything a launch of the world must decide."""
    expected = Expected()
    aggregated = _by_customer(world)
    for who, row in _decidable(world, expected).items():
        attributes = {name: known(value) for name, value in row.items()}
        for name, attribute in world.workspace["attributes"].items():
            attributes[name] = _aggregate(world, attribute, aggregated.get(who, []))
        if who[0] in _targeted(world) and _matches(world, attributes):
            expected.decisions[who] = _decision(world, who, attributes)
    for who, decision in expected.decisions.items():
        if decision["outcome"] == "send":
            expected.events[event_id(world, who)] = _event(world, who, decision)
    return expected


def known(value: Any) -> Any:
    """NaN counts as NULL; a time is UTC without a zone."""
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    return value


def event_id(world: World, who: Who) -> str:
    """The id of a customer's event."""
    return hashlib.md5(f"{who[0]}/{world.launch_id}/{who[1]}".encode()).hexdigest()  # noqa: S324


def _identity(row: Row) -> tuple[str | None, str | None]:
    tenant, customer = row["tenant_id"], row["customer_id"]
    return tenant, None if customer is None else str(customer)


def _decidable(world: World, expected: Expected) -> dict[Who, Row]:
    copies = Counter(map(_identity, world.customers))
    kept: dict[Who, Row] = {}
    for row in world.customers:
        tenant, customer = _identity(row)
        if not customer:
            expected.quarantined_rows["missing_id"] += 1
        elif "\0" in customer:
            expected.quarantined_rows["nul_in_id"] += 1
        elif tenant is None or tenant not in world.workspace["tenants"]:
            expected.quarantined_rows["unknown_tenant"] += 1
        elif copies[tenant, customer] > 1:
            expected.quarantined_rows["duplicate_id"] += 1
        else:
            kept[tenant, customer] = row
    return kept


def _targeted(world: World) -> set[str]:
    tenants, wanted = world.workspace["tenants"], world.campaign["tenants"]
    if wanted == "all":
        return set(tenants)
    if isinstance(wanted, Mapping):
        return {key for key, tenant in tenants.items() if tenant["surface"] == wanted["surface"]}
    return set(wanted)


def _by_customer(world: World) -> dict[Who, list[Row]]:
    found: dict[Who, list[Row]] = {}
    for row in world.orders:
        tenant, customer = _identity(row)
        if tenant is not None and customer is not None:
            found.setdefault((tenant, customer), []).append({name: known(value) for name, value in row.items()})
    return found


def _moment(value: date | datetime | None) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return value
    return datetime.combine(value, time())


def _aggregate(world: World, attribute: Mapping[str, Any], orders: Sequence[Row]) -> Any:
    as_of = known(world.as_of)
    rows = [row for row in orders if (at := _moment(row["ordered_at"])) is not None and at < as_of]
    if window := attribute.get("within"):
        rows = [row for row in rows if (at := _moment(row["ordered_at"])) is not None and at >= before(as_of, window)]
    if where := attribute.get("where"):
        rows = [row for row in rows if world.rules[where](row, as_of) is True]
    kind = next(kind for kind in ("count", "exists", "sum", "min", "max", "avg") if kind in attribute)
    if kind in ("count", "exists"):
        return len(rows) if kind == "count" else bool(rows)
    column = attribute[kind].partition(".")[2]
    values = [row[column] for row in rows if row[column] is not None]
    match kind:
        case "sum":
            return in_range(known(sum(values)) if values else 0)
        case "min" | "max":
            return {"min": min, "max": max}[kind](values) if values else None
        case _:
            return known(sum(values) / len(values)) if values else None


def in_range(value: Any) -> Any:
    """An integer beyond 64 bits is NULL."""
    return None if isinstance(value, int) and not -(2**63) <= value < 2**63 else value


def before(as_of: datetime, window: str) -> datetime:
    """`as_of` minus a window such as `90 days` or `3 months`."""
    amount, unit = window.split()
    if unit.rstrip("s") not in ("month", "year"):
        return as_of - timedelta(**{unit.rstrip("s") + "s": int(amount)})
    months = as_of.year * 12 + as_of.month - 1 - int(amount) * (12 if unit.startswith("year") else 1)
    year, month = divmod(months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return as_of.replace(year=year, month=month + 1, day=min(as_of.day, last))


def _matches(world: World, attributes: Row) -> bool:
    as_of, audience = known(world.as_of), world.campaign["audience"]
    segments = [world.workspace["segments"][name] for name in audience.get("exclude", [])]
    if any(world.rules[text](attributes, as_of) is True for text in segments):
        return False
    return world.rules[audience["where"]](attributes, as_of) is True


def _decision(world: World, who: Who, attributes: Row) -> dict[str, Any]:
    campaign, as_of = world.campaign, known(world.as_of)
    outcome, reason = _outcome(world, who, attributes)
    sent = outcome == "send"
    variant = _variant(world, who, attributes) if sent else None
    candidate = _offer(campaign, variant) if sent else None
    passed_over = False
    if candidate and (rule := world.workspace["offers"][candidate].get("eligible")):
        passed_over = world.rules[rule](attributes, as_of) is not True
    return {
        "tenant": who[0],
        "outcome": outcome,
        "reason": reason,
        "variant": variant,
        "offer": None if passed_over else candidate,
        "offer_reason": "not_eligible" if passed_over else None,
        "variables": {
            name: _json(world.rules[text](attributes, as_of)) for name, text in campaign["variables"].items()
        },
    }


def _outcome(world: World, who: Who, attributes: Row) -> tuple[str, str | None]:
    holdout, experiment = world.campaign.get("holdout"), world.campaign.get("experiment")
    if holdout:
        unit = _unit(holdout, who, attributes)
        if unit is None:
            return "quarantined", "missing_unit"
        if int(_md5(f"holdout.{holdout['key']}:{unit}")[:8], 16) < round(holdout["percent"] * 100) * 2**32 // 10_000:
            return "holdout", holdout["key"]
    if experiment and _unit(experiment, who, attributes) is None:
        return "quarantined", "missing_unit"
    return "send", None


def _unit(part: Mapping[str, Any], who: Who, attributes: Row) -> str | None:
    if "unit" not in part:
        return f"{who[0]}/{who[1]}"
    value = attributes[part["unit"]]
    return None if value is None else str(value)


def _variant(world: World, who: Who, attributes: Row) -> str | None:
    experiment = world.campaign.get("experiment")
    if not experiment:
        return None
    salt = experiment.get("salt", f"experiment.{experiment['key']}")
    place = int(_md5(f"{salt}:{_unit(experiment, who, attributes)}")[8:16], 16)
    total, reached = sum(arm["weight"] for arm in experiment["variants"].values()), 0
    for name, arm in experiment["variants"].items():
        reached += arm["weight"]
        if arm["weight"] and place < reached * 2**32 // total:
            return str(name)
    raise AssertionError("every place belongs to a variant")


def _offer(campaign: Mapping[str, Any], variant: str | None) -> str | None:
    named = campaign["experiment"]["variants"][variant] if variant else {}
    key: str | None = named["offer"] if "offer" in named else campaign.get("offer")
    return key


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()  # noqa: S324


def _json(value: Any) -> Any:
    match value:
        case float() if not math.isfinite(value):
            return None
        case datetime():
            return value.isoformat(timespec="microseconds") + "Z"
        case date():
            return value.isoformat()
        case _:
            return value


def _event(world: World, who: Who, decision: Row) -> dict[str, Any]:
    campaign = world.campaign
    return {
        "specversion": "1.0",
        "id": event_id(world, who),
        "source": f"/workspaces/{world.workspace['workspace']}/campaigns/{campaign['campaign']}"
        f"/launches/{world.launch_id}",
        "type": "campaigns.customer.v1",
        "subject": who[1],
        "time": instant(world.as_of),
        "datacontenttype": "application/json",
        "dataschema": "urn:campaigns-engine:schema:campaigns.customer.v1",
        "data": {
            "tenant_id": who[0],
            "customer_id": who[1],
            "campaign": campaign["campaign"],
            "launch_id": world.launch_id,
            "channel": campaign["channel"],
            "experiment": campaign["experiment"]["key"] if campaign.get("experiment") else None,
            "variant": decision["variant"],
            "offer": _issued(world, who, decision["offer"]),
            "variables": decision["variables"],
            "tenant": world.workspace["tenants"][who[0]].get("variables", {}),
        },
    }


def instant(moment: datetime) -> str:
    """RFC 3339 in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _issued(world: World, who: Who, key: str | None) -> dict[str, Any] | None:
    if key is None:
        return None
    offer = dict(world.workspace["offers"][key])
    offer.pop("eligible", None)
    valid_for, prefix = offer.pop("valid_for", None), offer.pop("code", {}).get("prefix", "")
    message = f"{who[0]}/{world.launch_id}/{key}/{who[1]}".encode()
    digits = hmac.new(world.secret, message, hashlib.sha256).hexdigest()[:16]
    expires = world.as_of + timedelta(days=int(valid_for.split()[0])) if valid_for else None
    return {
        "offer": key,
        **offer,
        "expires_at": instant(expires) if expires else None,
        "code": prefix + "".join(ALPHABET[int(digit, 16)] for digit in digits),
    }
