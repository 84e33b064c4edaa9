"""A campaign's rules checked against the types its sources really have; every error at once, with its place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from campaigns.audience import Rule, RuleError, Type, check
from campaigns.definitions import Attribute, Campaign, EventTable, Override, Workspace
from campaigns.definitions.closure import honoured, targeted
from campaigns.definitions.metrics import Measure
from campaigns.definitions.overrides import override_problems
from campaigns.errors import InvalidDefinition, Problem
from campaigns.plan.columns import column_type, identity, is_reserved
from campaigns.plan.reach import Scope, reach

Path = tuple[str | int, ...]
Locate = Callable[[str, Path, str, int, int | None], Problem]
"""(file kind `workspace` or `campaign`, path in it, message, start, end in the text) -> the problem with its place."""

Tables = Mapping[str, Mapping[str, str]]
"""Columns and SQL types of the attached sources: `customers`, and event tables as `events_<key>`."""

_EVENTS = "events_"
_NUMERIC = {Type.INTEGER, Type.NUMBER}
_ORDERED = _NUMERIC | {Type.TEXT, Type.DATE, Type.TIMESTAMP}


def events_table(key: str) -> str:
    """The name under which an event table is attached."""
    return _EVENTS + key


@dataclass(frozen=True, slots=True)
class Alternative:
    """An expression that takes the place of a variable: for a tenant, or for a variant (of a factor: a level)."""

    rule: Rule
    tenant: str | None = None
    factor: str | None = None
    choice: str | None = None


@dataclass(frozen=True, slots=True)
class Compiled:
    """A campaign whose every reference exists and whose every rule is typed."""

    scope: Scope
    campaign: Campaign
    tables: Tables
    dialect: str
    where: Rule
    excluded: Mapping[str, Rule]
    eligible: Mapping[str, Rule]
    variables: Mapping[str, Rule]
    alternatives: Mapping[str, list[Alternative]]
    attribute_rules: Mapping[str, Rule]
    types: Mapping[str, Type]
    used: frozenset[str]


def unlocated(kind: str, path: Path, message: str, start: int, end: int | None) -> Problem:
    """Where no file is at hand, as for a definition that was frozen: the path stands for the place."""
    return Problem(f"{kind} {'.'.join(map(str, path))}: {message}")


def compile_campaign(
    scope: Scope, campaign: Campaign, tables: Tables, dialect: str, locate: Locate = unlocated
) -> Compiled:
    """Check everything the campaign reaches. Raises InvalidDefinition with all problems."""
    found = reach(scope, campaign)
    checker = _Checker(scope, tables, dialect, locate)
    types = checker.attributes(found.attributes)
    for name in sorted(found.segments):
        if name in scope.segments:
            checker.rule("workspace", ("segments", name), scope.segments[name], types)
    compiled = Compiled(
        scope=scope,
        campaign=campaign,
        tables=tables,
        dialect=dialect,
        where=checker.rule("campaign", ("audience", "where"), campaign.audience.where, types),
        excluded={
            name: checker.rule("workspace", ("segments", name), scope.segments[name], types)
            for name in campaign.audience.exclude
        },
        eligible={
            key: checker.rule("workspace", ("offers", key, "eligible"), rule, types)
            for key in sorted(campaign.offers)
            if (rule := scope.offers[key].eligible) is not None
        },
        variables={
            name: checker.rule("campaign", ("variables", name), text, types, want=None)
            for name, text in campaign.variables.items()
        },
        alternatives=checker.alternatives(campaign, types),
        attribute_rules=checker.attribute_rules,
        types=types,
        used=found.attributes,
    )
    checker.units(campaign, types)
    checker.variables(campaign)
    checker.overrides(campaign)
    for name, variable in compiled.variables.items():
        checker.same_type(name, variable, compiled.alternatives.get(name, ()))
    checker.refuse()
    return compiled


def check_workspace(scope: Scope, tables: Tables, dialect: str, locate: Locate = unlocated) -> None:
    """Check every attribute, segment and offer, used or not. Raises InvalidDefinition with all problems."""
    checker = _Checker(scope, tables, dialect, locate)
    types = checker.attributes(frozenset(scope.attributes))
    for name, text in scope.segments.items():
        checker.rule("workspace", ("segments", name), text, types)
    for key, offer in scope.offers.items():
        if offer.eligible is not None:
            checker.rule("workspace", ("offers", key, "eligible"), offer.eligible, types)
    checker.refuse()


def check_metrics(
    workspace: Workspace, names: Collection[str], tables: Tables, dialect: str, locate: Locate = unlocated
) -> dict[tuple[str, str], Rule | None]:
    """The rule of each part of these metrics, by metric and part; None where it has none.

    `tables` must have the event tables that they measure. Raises InvalidDefinition with all problems.
    """
    checker = _Checker(workspace, tables, dialect, locate)
    rules = {
        (name, part): checker.measure(("metrics", name, *workspace.metrics[name].path(part)), measure)
        for name in names
        for part, measure in workspace.metrics[name].parts.items()
    }
    checker.refuse()
    return rules


def attribute_types(scope: Scope, tables: Tables, dialect: str) -> dict[str, Type]:
    """Types of all attributes. Raises InvalidDefinition when the sources or attributes have problems."""
    checker = _Checker(scope, tables, dialect, unlocated)
    types = checker.attributes(frozenset(scope.attributes))
    checker.refuse()
    return types


_BROKEN = Rule.__new__(Rule)
"""Stands for a rule that has problems; nobody sees it, because `refuse` raises."""


class _Checker:
    """Collects problems; each is told once, however often the broken rule is used."""

    def __init__(self, scope: Scope, tables: Tables, dialect: str, locate: Locate) -> None:
        self._scope, self._tables, self._dialect, self._locate = scope, tables, dialect, locate
        self._problems: dict[Problem, None] = {}
        self._unused: dict[str, Type] = {}
        self.attribute_rules: dict[str, Rule] = {}

    def refuse(self) -> None:
        if self._problems:
            raise InvalidDefinition(list(self._problems))

    def attributes(self, wanted: frozenset[str]) -> dict[str, Type]:
        """Types of the columns of `customers` and of the wanted attributes."""
        self._identity("customers", {"id": self._scope.customers.id, "tenant": self._scope.customers.tenant})
        types = self._columns("customers")
        columns = {name.casefold(): name for name in self._tables["customers"]}
        for name, attribute in self._scope.attributes.items():
            path: Path = ("attributes", name)
            if name.casefold() in columns:
                self._add("workspace", path, f"attribute {name!r} is a column of customers already; rename it")
            elif is_reserved(name):
                self._add("workspace", path, f"attribute {name!r}: the name is the engine's own; rename it")
            elif name not in wanted:
                self._unused[name] = Type.INTEGER  # no rule mentions it, so only its name is seen: in a did-you-mean
            elif type_ := self._attribute(path, name, attribute):
                types[name] = type_
        return types

    def rule(
        self, kind: str, path: Path, text: str, types: Mapping[str, Type], want: Type | None = Type.BOOLEAN
    ) -> Rule:
        try:
            if path[0] in ("attributes", "metrics"):
                return check(text, types, {}, want)
            return check(text, {**self._unused, **types}, self._scope.segments, want)
        except RuleError as error:
            for single in error.errors:
                self._add(kind, path, single.message, single.start, single.end)
            return _BROKEN

    def units(self, campaign: Campaign, types: Mapping[str, Type]) -> None:
        parts: list[tuple[str, Path, str | None]] = [
            ("campaign", ("holdout", "unit"), campaign.holdout.unit if campaign.holdout else None),
            ("campaign", ("experiment", "unit"), campaign.experiment.unit if campaign.experiment else None),
        ]
        parts += [
            ("workspace", ("holdouts", key, "unit"), holdout.unit)
            for key, holdout in honoured(self._scope, campaign).items()
        ]
        for kind, path, unit in parts:
            if unit is not None and types.get(unit) not in (Type.INTEGER, Type.TEXT):
                found = types.get(unit, "no attribute")
                message = f"unit {unit!r} must be an attribute of type integer or text, found {found}"
                self._add(kind, path, message)

    def alternatives(self, campaign: Campaign, types: Mapping[str, Type]) -> dict[str, list[Alternative]]:
        """The expressions that take the place of each variable, a tenant's first: those win."""
        found: dict[str, list[Alternative]] = {}
        for key, override in self._overrides(campaign).items():
            for name, text in override.variables.items():
                path: Path = ("tenants", key, "overrides", campaign.campaign, "variables", name)
                rule = self.rule("workspace", path, text, types, want=None)
                found.setdefault(name, []).append(Alternative(rule, tenant=key))
        for factor, choices in campaign.experiment.choosing if campaign.experiment else ():
            below: Path = ("variants",) if factor is None else ("factors", factor)
            for choice, part in choices.items():
                for name, text in part.variables.items():
                    path = ("experiment", *below, choice, "variables", name)
                    rule = self.rule("campaign", path, text, types, want=None)
                    found.setdefault(name, []).append(Alternative(rule, factor=factor, choice=choice))
        return found

    def same_type(self, name: str, rule: Rule, alternatives: Sequence[Alternative]) -> None:
        """A variable has one type, whoever reads it."""
        for each in alternatives:
            if rule is not _BROKEN and each.rule is not _BROKEN and each.rule.type != rule.type:
                who = f"tenant {each.tenant!r}" if each.tenant else f"{each.factor or 'variant'} {each.choice!r}"
                message = f"variable {name!r} is {rule.type}, for {who} it is {each.rule.type}; need the same type"
                self._add("campaign", ("variables", name), message)

    def overrides(self, campaign: Campaign) -> None:
        """What tenants override must be what the campaign lets them, and within its bounds."""
        for key, override in self._overrides(campaign).items():
            path: Path = ("tenants", key, "overrides", campaign.campaign)
            for below, problem in override_problems(campaign, override):
                self._add("workspace", (*path, *below), problem)

    def _overrides(self, campaign: Campaign) -> dict[str, Override]:
        return {
            key: override
            for key, tenant in targeted(self._scope, campaign).items()
            if (override := tenant.overrides.get(campaign.campaign)) is not None
        }

    def variables(self, campaign: Campaign) -> None:
        """SQL does not tell names by their case, so a decision cannot hold both."""
        seen: dict[str, str] = {}
        for name in campaign.variables:
            if (other := seen.setdefault(name.casefold(), name)) != name:
                self._add("campaign", ("variables", name), f"variable {name!r} differs from {other!r} only by case")

    def measure(self, path: Path, measure: Measure) -> Rule | None:
        """The rule of what a metric measures; its table and column are checked too."""
        table, source = self._scope.events[measure.events], events_table(measure.events)
        self._identity(source, {"customer": table.customer, "tenant": table.tenant}, table)
        if table.id is not None and table.id not in self._tables[source]:
            self._missing(("events", measure.events, "id"), table.id, self._tables[source])
        types = self._columns(source)
        if measure.column is not None and types.get(measure.column) not in _NUMERIC:
            found = types.get(measure.column)
            what = f"found {measure.column!r} of type {found}" if found else f"{measure.events!r} has no such column"
            message = f"sum needs integer or number, {what}; it has {', '.join(sorted(types))}"
            self._add("workspace", (*path, "sum"), message)
        if measure.where is None:
            return None
        return self.rule("workspace", (*path, "where"), measure.where, types)

    def _attribute(self, path: Path, name: str, attribute: Attribute) -> Type | None:
        table = self._scope.events[attribute.events]
        source = events_table(attribute.events)
        if source not in self._tables:
            return None
        self._identity(source, {"customer": table.customer, "tenant": table.tenant}, table)
        types = self._columns(source)
        if attribute.where is not None:
            self.attribute_rules[name] = self.rule("workspace", (*path, "where"), attribute.where, types)
        match attribute.aggregate:
            case "count":
                return Type.INTEGER
            case "exists":
                return Type.BOOLEAN
            case aggregate:
                return self._aggregated(path, aggregate, attribute, types)

    def _aggregated(self, path: Path, aggregate: str, attribute: Attribute, types: Mapping[str, Type]) -> Type | None:
        allowed = _NUMERIC if aggregate in ("sum", "avg") else _ORDERED
        type_ = types.get(attribute.column or "")
        if type_ is None:
            names = ", ".join(sorted(types))
            message = f"{attribute.events!r} has no usable column {attribute.column!r}; it has {names}"
            self._add("workspace", (*path, aggregate), message)
            return None
        if type_ not in allowed:
            message = f"{aggregate} needs {' or '.join(sorted(allowed))}, found {attribute.column!r} of type {type_}"
            self._add("workspace", (*path, aggregate), message)
            return None
        return Type.NUMBER if aggregate == "avg" else type_

    def _identity(self, source: str, columns: Mapping[str, str], table: EventTable | None = None) -> None:
        """The key columns of a source must exist and be text or integers; `at` must be a time."""
        path: Path = ("customers",) if table is None else ("events", source.removeprefix(_EVENTS))
        found = self._tables[source]
        for key, column in columns.items():
            if column not in found:
                self._missing((*path, key), column, found)
            elif identity(exp.column(column), found[column], self._dialect) is None:
                message = f"column {column!r} is of type {found[column]}; an id must be text or an integer"
                self._add("workspace", (*path, key), message)
        if table is None:
            return
        if table.at not in found:
            self._missing((*path, "at"), table.at, found)
        elif column_type(found[table.at], self._dialect) not in (Type.DATE, Type.TIMESTAMP):
            message = f"column {table.at!r} is of type {found[table.at]}; need a timestamp or a date"
            self._add("workspace", (*path, "at"), message)

    def _missing(self, path: Path, column: str, found: Mapping[str, str]) -> None:
        self._add("workspace", path, f"no column {column!r}; the source has {', '.join(found)}")

    def _columns(self, source: str) -> dict[str, Type]:
        found = {name: column_type(type_, self._dialect) for name, type_ in self._tables[source].items()}
        return {name: type_ for name, type_ in found.items() if type_ is not None and not is_reserved(name)}

    def _add(self, kind: str, path: Path, message: str, start: int = 0, end: int | None = None) -> None:
        self._problems.setdefault(self._locate(kind, path, message, start, end))
