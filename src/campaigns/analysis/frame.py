"""The frame: who takes part in an analysis, from when on, in which arm, and split by which weights."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from campaigns.analysis import sql
from campaigns.analysis.strata import Stratum, strata_of
from campaigns.definitions import Definition, Experiment
from campaigns.engines.port import Engine, Query
from campaigns.errors import InvalidDefinition

HOLDOUT = "holdout"
"""How documents call those who were held out."""

MOST_VALUES = 50
"""Values of an attribute by which an analysis can be told."""

_HELD = -1


@dataclass(frozen=True, slots=True)
class Part:
    """A launch of the experiment: its frozen definition, and the files of its decisions."""

    launch_id: str
    as_of: datetime
    definition: Definition
    files: Sequence[Path]

    @property
    def experiment(self) -> Experiment:
        """The experiment as this launch froze it."""
        assert self.definition.campaign.experiment is not None  # noqa: S101 - only such launches are parts
        return self.definition.campaign.experiment


@dataclass(frozen=True, slots=True)
class Frame:
    """The table `frame` of an engine: pid, tenant, customer, exposure, arm, stratum, launch; one row per customer.

    `arms` are the names of the arms by number, `strata` the strata by number, `launches` the parts by
    number. `customers` counts them by stratum and arm, HOLDOUT for who was held out; `assigned` the customers that each
    launch assigned to an arm, whatever others did.
    """

    arms: Sequence[str]
    strata: Sequence[Stratum]
    launches: Sequence[Part]
    customers: Mapping[int, Mapping[str, int]]
    assigned: Mapping[int, int]
    suppressed: Mapping[str, int]
    forced: int
    crossovers: int

    @property
    def exposed(self) -> dict[str, int]:
        """Customers by arm over all strata; only arms of somebody."""
        return {arm: count for arm in [*self.arms, HOLDOUT] if (count := self.count(arm))}

    def arm(self, number: int) -> str:
        """The name of an arm."""
        return HOLDOUT if number == _HELD else self.arms[number]

    @property
    def late(self) -> int:
        """Customers whom an earlier launch matched and let wait."""
        return sum(sum(arms.values()) for number, arms in self.customers.items() if self.strata[number].late)

    def count(self, arm: str) -> int:
        """Customers of an arm over all strata."""
        return sum(stratum.get(arm, 0) for stratum in self.customers.values())


def framed(engine: Engine, parts: Sequence[Part]) -> Frame:
    """Fill the table `frame` from the decisions of launches, oldest first.

    The first launch that assigned a customer counts: intention to treat. Who was never assigned but held out is held
    out from the first such launch on. Customers whose variant was forced are left out.
    """
    arms = list(dict.fromkeys(arm for part in parts for arm in part.experiment.arms))
    strata: list[Stratum] = []
    decided = " UNION ALL ".join(
        _decided(number, part, arms, strata, _marks(engine, part)) for number, part in enumerate(parts)
    )
    engine.run(Query(f"CREATE OR REPLACE TEMP VIEW decided AS {decided}"))
    if len(parts) == 1:
        columns = "tenant, customer, arm, 2 * stratum AS stratum, launch, false AS crossed"
        one = f"SELECT {columns} FROM decided WHERE arm IS NOT NULL"
    else:
        assigned = f"FILTER (arm > {_HELD})"
        first = f"coalesce(arg_min(#, launch) {assigned}, arg_min(#, launch) FILTER (arm IS NOT NULL))"
        columns = ", ".join(f"{first.replace('#', column)} AS {column}" for column in ("arm", "stratum", "launch"))
        grouped = (
            f"SELECT tenant, customer, {columns}, min(launch) AS entry, "
            f"min(arm) {assigned} <> max(arm) {assigned} AS crossed FROM decided "
            "GROUP BY tenant, customer HAVING count(arm) > 0"
        )
        late = "(entry < launch)::INTEGER"
        one = f"SELECT tenant, customer, arm, 2 * stratum + {late} AS stratum, launch, crossed FROM ({grouped})"
    exposures = " ".join(f"WHEN {number} THEN {sql.instant(part.as_of)}" for number, part in enumerate(parts))
    engine.run(
        Query(
            "CREATE OR REPLACE TEMP TABLE frame AS SELECT row_number() OVER () AS pid, *, "
            f"CASE launch {exposures} END AS exposure FROM ({one})"
        )
    )
    customers: dict[int, dict[str, int]] = {}
    crossovers = 0
    counted = (
        "SELECT stratum, arm, count(*) AS n, count(*) FILTER (crossed) AS crossed FROM frame GROUP BY ALL ORDER BY ALL"
    )
    for row in engine.rows(Query(counted)):
        arm = HOLDOUT if row["arm"] == _HELD else arms[_number(row["arm"])]
        customers.setdefault(_number(row["stratum"]), {})[arm] = _number(row["n"])
        crossovers += _number(row["crossed"])
    suppressed, forced = _suppressed(engine), _forced(engine, parts)
    return Frame(arms, strata, parts, customers, _assigned(engine, parts), suppressed, forced, crossovers)


def _decided(number: int, part: Part, arms: Sequence[str], strata: list[Stratum], marks: Collection[str]) -> str:
    """tenant, customer, arm, stratum, launch, reason of every decision of a launch; arm NULL for who takes no part."""
    known = " ".join(f"WHEN {sql.text(arm)} THEN {index}" for index, arm in enumerate(arms))
    arm = f"CASE WHEN outcome = 'holdout' THEN {_HELD} ELSE CASE variant {known} END END"
    if "sticky" in marks:  # an earlier launch assigned it: where that one was purged, nobody knows by which weights
        arm = f"CASE WHEN NOT coalesce(sticky, false) THEN {arm} END"
    reason = "CASE WHEN outcome = 'suppressed' THEN reason END"
    chance = "WHERE NOT coalesce(forced, false)" if "forced" in marks else ""
    return (
        f"SELECT tenant, customer, ({arm})::SMALLINT AS arm, ({_stratum(number, part, strata)})::INTEGER AS stratum, "
        f"{number}::SMALLINT AS launch, {reason} AS reason FROM {sql.files(part.files)} {chance}"
    )


def _marks(engine: Engine, part: Part) -> set[str]:
    """The columns of a launch's decisions."""
    return {str(row["column_name"]) for row in engine.rows(Query(f"DESCRIBE SELECT * FROM {sql.files(part.files)}"))}


def _stratum(number: int, part: Part, strata: list[Stratum]) -> str:
    """The number of the stratum of a decision's tenant; every one is added twice, for who came late as well."""
    cases = []
    for stratum, tenants in strata_of(number, part.definition, part.as_of):
        cases.append((len(strata) // 2, tenants))
        strata += [stratum, stratum._replace(late=True)]
    *some, (others, _) = cases
    if not some:
        return str(others)
    tested = " ".join(f"WHEN tenant IN {sql.among(keys)} THEN {index}" for index, keys in some)
    return f"CASE {tested} ELSE {others} END"


def _assigned(engine: Engine, parts: Sequence[Part]) -> dict[int, int]:
    counted = f"SELECT launch, count(*) FILTER (arm > {_HELD}) AS n FROM decided GROUP BY launch"
    found = {_number(row["launch"]): _number(row["n"]) for row in engine.rows(Query(counted))}
    return {number: found.get(number, 0) for number in range(len(parts))}


def _suppressed(engine: Engine) -> dict[str, int]:
    """Customers that were matched and took no part in any launch, by the reason of the first."""
    query = (
        "SELECT reason, count(*) AS n FROM (SELECT arg_min(reason, launch) AS reason FROM decided d "
        "ANTI JOIN frame f ON f.tenant = d.tenant AND f.customer = d.customer "
        "WHERE reason IS NOT NULL GROUP BY d.tenant, d.customer) GROUP BY reason ORDER BY reason"
    )
    return {str(row["reason"]): _number(row["n"]) for row in engine.rows(Query(query))}


def valued(engine: Engine, values: Sequence[Query] | None) -> list[str | None]:
    """Fill the table `by_values` (pid, value), and the values that there are: of the attribute that `values` tell
    (tenant, customer, value) for each launch, or of the tenant.

    Raises InvalidDefinition when there are more than MOST_VALUES.
    """
    if values is None:
        engine.run(Query("CREATE OR REPLACE TEMP TABLE by_values AS SELECT pid, tenant AS value FROM frame"))
    else:
        engine.run(Query("CREATE OR REPLACE TEMP TABLE by_values (pid BIGINT, value VARCHAR)"))
        for number, query in enumerate(values):
            found = f"SELECT pid, value FROM frame JOIN ({query.text}) USING (tenant, customer) WHERE launch = {number}"
            engine.run(Query(f"INSERT INTO by_values {found}", query.parameters))
    counted = (
        "SELECT DISTINCT value FROM frame LEFT JOIN by_values USING (pid) ORDER BY value NULLS LAST "
        f"LIMIT {MOST_VALUES + 1}"
    )
    known = [None if row["value"] is None else str(row["value"]) for row in engine.rows(Query(counted))]
    if len(known) > MOST_VALUES:
        raise InvalidDefinition(f"the attribute has more than {MOST_VALUES} values; analyze by one that has fewer")
    return known


def _forced(engine: Engine, parts: Sequence[Part]) -> int:
    files = list(_files(parts))
    if not files:
        return 0
    query = f"SELECT count(DISTINCT (tenant, customer)) AS n FROM {sql.files(files)} WHERE forced"
    return _number(engine.rows(Query(query))[0]["n"])


def _files(parts: Sequence[Part]) -> Iterator[Path]:
    for part in parts:
        if part.experiment.forced:
            yield from part.files


def _number(value: object) -> int:
    return int(str(value))
