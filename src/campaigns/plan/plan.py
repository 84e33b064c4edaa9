"""The plan: an ordered list of stages that composes one query, and the few small queries around it.

Reading `Plan._until_attributes` and `Plan._after_attributes` top to bottom is reading the order of evaluation:

    customers -> identified -> <events>_by_customer -> attributes -> audience -> buckets -> assigned -> offered
    -> decided -> decisions

Names that start with `_` are the engine's own, all others are the author's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlglot import exp

from campaigns.audience import conjuncts, render, truth
from campaigns.definitions import Definition
from campaigns.engines.port import Query
from campaigns.events.encode import Envelope, payload_sql
from campaigns.offers import codes
from campaigns.offers.terms import terms
from campaigns.plan.aggregates import by_customer, used_events
from campaigns.plan.assignment import Assigning, assigned, buckets
from campaigns.plan.compile import Compiled
from campaigns.plan.customers import attributes, audience, customers, has_nul, identified, not_excluded
from campaigns.plan.decisions import decided, decision_columns, decisions, offered
from campaigns.plan.earlier import Earlier, awaiting, remembered
from campaigns.plan.shards import tenant_json_sql
from campaigns.plan.sql import alias, all_of, any_of, column, function, literal, select, total, total_text
from campaigns.plan.stage import AS_OF, QUARANTINED, Customer, Stage, as_of_sql, identity_sql

SAMPLES = 5
"""How many examples a preview and a quarantine report show."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a launch asks of an engine. The secret is bound as parameters, never part of a text.

    `earlier` are the launches whose assignments are kept, oldest first; `waiting` the snapshot of the test that this
    launch finishes.
    """

    compiled: Compiled
    definition: Definition
    launch_id: str
    as_of: datetime
    secret: bytes = field(repr=False)
    earlier: Sequence[Earlier] = ()
    waiting: Sequence[Path] = ()

    @property
    def envelope(self) -> Envelope:
        """What is the same in all events of the launch."""
        return envelope_of(self.definition, self.launch_id, self.as_of)

    @property
    def marks(self) -> list[str]:
        """The columns of a decision that tell that something else than chance assigned the variant."""
        return [name for name in decision_columns(self.compiled, self._assigning) if name in ("forced", "sticky")]

    def screen(self) -> Query:
        """Fill the temporary table of rows that cannot be decided; run before any other query of the plan.

        Only rows whose ids hash alike are compared as text: equal ids hash alike, so no duplicate is missed.
        """
        source, known = exp.table_("customers", db="source"), self.definition.known_tenants
        hashed = function("hash", *(column(name) for name in self._id_columns))
        alike = select(alias(hashed, "h")).from_(source).group_by(literal(1))
        alike = alike.having(exp.GT(this=exp.Count(this=exp.Star()), expression=literal(1)))
        names = zip(self._id_columns, ("_tenant", "_customer"), strict=True)
        identities = [alias(identity_sql(self.compiled, "customers", name), shown) for name, shown in names]
        rows = select(*identities, alias(hashed.copy(), "h")).from_(source)
        suspects = (
            select(column("_tenant"), column("_customer"), alias(exp.Count(this=exp.Star()), "copies"))
            .from_(rows.subquery("rows"))
            .where(
                any_of(
                    *_undecidable(known).values(),
                    exp.In(this=column("h"), query=alike.subquery()),
                )
            )
            .group_by(literal(1), literal(2))
        )
        reasoned = select(exp.Star(), alias(_quarantine_reason(known), "reason"))
        reasoned = reasoned.from_(suspects.subquery("suspects"))
        query = select(exp.Star()).from_(reasoned.subquery("reasoned")).where(column("reason").is_(exp.null()).not_())
        return Query(f"CREATE OR REPLACE TEMP TABLE {QUARANTINED} AS\n{self._text(query)}")

    @property
    def _id_columns(self) -> tuple[str, str]:
        source = self.compiled.scope.customers
        return source.tenant, source.id

    def quarantine(self) -> Query:
        """reason, rows, samples: the rows that cannot be decided, with a few examples."""
        sample = function(
            "list",
            exp.Struct(
                expressions=[
                    exp.PropertyEQ(this=exp.to_identifier("tenant"), expression=column("_tenant")),
                    exp.PropertyEQ(
                        this=exp.to_identifier("customer"),
                        expression=function("left", column("_customer"), literal(200)),
                    ),
                ]
            ),
        )
        query = (
            select(
                column("reason"),
                alias(exp.cast(exp.Sum(this=column("copies")), "BIGINT"), "rows"),
                alias(function("list_slice", sample, literal(1), literal(SAMPLES)), "samples"),
            )
            .from_(QUARANTINED)
            .group_by(column("reason"))
            .order_by(column("reason"))
        )
        return self._query(query)

    def quarantine_of(self, customer: str) -> Query:
        """reason, tenant: the quarantined rows of one customer id."""
        query = (
            select(column("reason"), alias(column("_tenant"), "tenant"))
            .from_(QUARANTINED)
            .where(column("_customer").eq(literal(customer)))
        )
        return self._query(query)

    def decide(self) -> Query:
        """The decisions of every matched customer: what the snapshot holds."""
        return self._query(self._composed([*self._until_attributes(), *self._after_attributes()], "decisions"))

    def funnel(self) -> Query:
        """tenant, passed, outcome, reason, variant, offer, chance, customers, examples: everyone, by steps passed.

        Only who passed every step has an outcome. Exact: the same stages as `decide`, with the audience marked
        instead of filtered.
        """
        c, carry = self.compiled, ("_passed",)
        chance = all_of(exp.true(), *(exp.Not(this=total(column(mark))) for mark in self.marks))
        outcomes = [alias(self._if_matched(name), name) for name in ("outcome", "reason", "variant", "offer")]
        query = (
            select(column("tenant"), alias(column("_passed"), "passed"), *outcomes, alias(chance, "chance"))
            .select(alias(exp.Count(this=exp.Star()), "customers"), alias(_examples(), "examples"))
            .from_("decisions")
            .group_by(*(literal(position) for position in range(1, 8)))
        )
        parts = [
            *self._until_attributes(),
            self._steps(),
            *self._assigning_stages("steps"),
            offered(c),
            decided(c, self._assigning, self.launch_id, carry),
            decisions(c, self._assigning, self.envelope, carry),
        ]
        return self._query(_with(parts, query))

    def steps(self) -> list[str]:
        """What `_passed` counts: the rule's conjuncts, then the exclusions, as the author wrote them."""
        excluded = [f"not in_segment({name})" for name in self.compiled.excluded]
        return [part.text for part in conjuncts(self.compiled.where)] + excluded

    def events_of(self, only: Sequence[Customer]) -> Query:
        """payload: the events of a few customers, as they would be emitted."""
        payload = payload_sql(self.envelope, tenant_json_sql(self.envelope), variables=bool(self.compiled.variables))
        query = select(alias(payload, "payload")).from_("decisions").where(column("outcome").eq(literal("send")))
        parts = [*self._until_attributes(only), *self._after_attributes()]
        return self._query(_with(parts, query.order_by(column("event_id"))))

    def decisions_of(self, only: Sequence[Customer]) -> Query:
        """The decisions of a few customers."""
        return self._query(self._composed([*self._until_attributes(only), *self._after_attributes()], "decisions"))

    def parts_of(self, only: Sequence[Customer]) -> Query:
        """One row per customer: `attribute <name>` values, and `step <n>` true, false or NULL for every step."""
        c = self.compiled
        steps = [*(render(part, column, as_of_sql()) for part in conjuncts(c.where)), *not_excluded(c)]
        eligible = [alias(render(rule, column, as_of_sql()), f"eligible {key}") for key, rule in c.eligible.items()]
        query = select(
            column("_tenant"),
            column("_customer"),
            *(alias(column(name), f"attribute {name}") for name in sorted(c.used) if name in c.types),
            *(alias(step, f"step {number}") for number, step in enumerate(steps)),
            *eligible,
        ).from_("attributes")
        return self._query(_with(self._until_attributes(only), query))

    def attribute_of(self, name: str) -> Query:
        """tenant, customer, value: an attribute of everybody who can be decided, as of the plan's instant."""
        value = exp.cast(column(name), "VARCHAR")
        query = select(
            alias(column("_tenant"), "tenant"), alias(column("_customer"), "customer"), alias(value, "value")
        )
        return self._query(_with(self._until_attributes(), query.from_("attributes")))

    def _until_attributes(self, only: Sequence[Customer] = ()) -> list[Stage]:
        c = self.compiled
        keys = used_events(c)
        return [
            customers(c, only),
            identified(self.definition.tenants, self.definition.known_tenants),
            *(by_customer(c, key, only) for key in keys),
            attributes(c, keys),
        ]

    def _after_attributes(self) -> list[Stage]:
        c = self.compiled
        return [
            audience(c),
            *self._assigning_stages("audience"),
            offered(c),
            decided(c, self._assigning, self.launch_id),
            decisions(c, self._assigning, self.envelope),
        ]

    @property
    def _assigning(self) -> Assigning:
        promotes = self.definition.promotes
        return Assigning(self.as_of, bool(self.earlier), promotes.variant if promotes else None)

    def _assigning_stages(self, source: str) -> list[Stage]:
        parts, experiment = [], self.compiled.campaign.experiment
        if self.definition.promotes:
            parts.append(awaiting(source, self.waiting))
        if self.earlier and experiment:
            parts.append(remembered(self.compiled, experiment, self.earlier, source))
        last = parts[-1].name if parts else source
        return [*parts, buckets(self.compiled, self._assigning, last), assigned(self.compiled, self._assigning)]

    def _steps(self) -> Stage:
        """How many steps each customer passes, in order; all of them means matched."""
        c = self.compiled
        passes = [*(total(truth(part, column, as_of_sql())) for part in conjuncts(c.where)), *not_excluded(c)]
        case = exp.Case()
        for number, step in enumerate(passes):
            case = case.when(exp.Not(this=step), literal(number))
        return Stage(
            "steps", select(exp.Star(), alias(case.else_(literal(len(passes))), "_passed")).from_("attributes")
        )

    def _if_matched(self, name: str) -> exp.Expression:
        return exp.Case().when(column("_passed").eq(literal(len(self.steps()))), column(name))

    def _composed(self, parts: Sequence[Stage], last: str) -> exp.Select:
        names = [exp.column(name, quoted=True) for name in decision_columns(self.compiled, self._assigning)]
        return _with(parts, select(*names).from_(last))

    def _query(self, query: exp.Select) -> Query:
        values: dict[str, object] = {
            AS_OF: self.as_of.astimezone(UTC).replace(tzinfo=None),
            **codes.parameters(self.secret),
        }
        used = {str(placeholder.this) for placeholder in query.find_all(exp.Placeholder)}
        return Query(self._text(query), {name: value for name, value in values.items() if name in used})

    def _text(self, query: exp.Expression) -> str:
        return query.sql(dialect=self.compiled.dialect, pretty=True)


def _examples() -> exp.Expression:
    """A few customers of each group, the same whatever the order of rows."""
    who = exp.Struct(
        expressions=[
            exp.PropertyEQ(this=exp.to_identifier(name), expression=column(name)) for name in ("tenant", "customer")
        ]
    )
    return function("min_by", who, exp.MD5(this=column("customer")), literal(SAMPLES))


def _undecidable(tenants: Sequence[str]) -> dict[str, exp.Expression]:
    """Reasons for which a row cannot be decided, whatever the other rows are; never NULL."""
    customer, tenant = column("_customer"), column("_tenant")
    known = exp.Coalesce(this=tenant.isin(*(literal(key) for key in tenants)), expressions=[exp.false()])
    return {
        "missing_id": total_text(customer).eq(literal("")),
        "nul_in_id": total(has_nul(customer)),
        "unknown_tenant": exp.Not(this=known),
    }


def _quarantine_reason(tenants: Sequence[str]) -> exp.Expression:
    """The first reason that applies; the last is that several rows have the same (tenant, id): all copies of it."""
    case = exp.Case()
    for reason, applies in _undecidable(tenants).items():
        case = case.when(applies, literal(reason))
    return case.when(exp.GT(this=column("copies"), expression=literal(1)), literal("duplicate_id"))


def envelope_of(definition: Definition, launch_id: str, as_of: datetime) -> Envelope:
    """What is the same in all events of a launch of this definition."""
    campaign = definition.campaign
    return Envelope(
        workspace=definition.workspace,
        campaign=campaign.campaign,
        campaign_version=definition.version,
        launch_id=launch_id,
        channel=campaign.channel,
        experiment=campaign.experiment.key if campaign.experiment else None,
        levels=bool(campaign.experiment and campaign.experiment.factors),
        as_of=as_of,
        offers={key: terms(definition.offers[key], as_of) for key in sorted(campaign.offers)},
        tenants={key: dict(tenant.variables) for key, tenant in definition.tenants.items()},
    )


def _with(parts: Sequence[Stage], query: exp.Select) -> exp.Select:
    for part in parts:
        query = query.with_(
            exp.to_identifier(part.name, quoted=not part.name.isidentifier()), as_=part.query, copy=False
        )
    return query
