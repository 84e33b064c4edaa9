"""What customers of the frame did: sufficient statistics of metrics, made by the engine in one pass over the events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from math import isfinite
from typing import NamedTuple

from campaigns.analysis import sql
from campaigns.analysis.frame import Frame
from campaigns.definitions import Duration, Workspace
from campaigns.definitions.metrics import Measuring, Metric
from campaigns.engines.port import Engine, Query
from campaigns.errors import InvalidData
from campaigns.plan import events_table
from campaigns.plan.compile import Tables
from campaigns.plan.metrics import Measured, event_source, measures
from campaigns.statistics import BEFORE, Moments


class Group(NamedTuple):
    """Customers of one value of the attribute (None without one), one stratum and one arm."""

    value: str | None
    stratum: int
    arm: str


Groups = dict[str, dict[Group, Moments]]
"""Moments by metric and group."""


class Sum(NamedTuple):
    """What the events of a customer add up to, after the exposure or before it. Metrics share those that are equal."""

    number: int
    table: str
    value: str
    window: Duration
    before: bool

    @property
    def name(self) -> str:
        """Its name in the engine's tables."""
        return f"sum_{self.number}"


class Column(NamedTuple):
    """A number per customer: part of a metric, after the exposure or, as its covariate, before it."""

    metric: str
    name: str
    aggregate: Measuring
    sum: Sum
    cap: float | None = None

    @property
    def number(self) -> str:
        """Its name in the engine's queries."""
        return sql.name(f"{self.metric}.{self.name}")

    def value(self, reached: str) -> str:
        """The number of a customer whose sum has reached so much."""
        found = f"({reached} > 0)::INTEGER::DOUBLE" if self.aggregate == "exists" else reached
        return found if self.cap is None else f"least({found}, {self.cap!r})"


def columns_of(metrics: Mapping[str, Metric], measured: Mapping[str, Mapping[str, Measured]]) -> list[Column]:
    """The numbers per customer that metrics need."""
    sums: dict[tuple[str, str, Duration, bool], Sum] = {}

    def column(name: str, part: str, each: Measured, window: Duration, *, before: bool) -> Column:
        value = each.value if each.condition is None else f"CASE WHEN {each.condition} THEN {each.value} END"
        key = (each.table, value, window, before)
        return Column(name, part, each.aggregate, sums.setdefault(key, Sum(len(sums), *key)))

    found = []
    for name, metric in metrics.items():
        for part, each in measured[name].items():
            found.append(column(name, part, each, metric.within, before=False))
            if metric.covariate:
                found.append(column(name, part + BEFORE, each, metric.covariate, before=True))
    return found


def collected(
    engine: Engine,
    workspace: Workspace,
    names: Sequence[str],
    tables: Tables,
    as_of: datetime,
    looks: Sequence[datetime] = (),
) -> list[Column]:
    """Fill the table `outcomes`: pid, look and the sums of the columns, for everybody of the frame who did anything.

    `look` is the first of the instants at which the sums are known. Raises InvalidDefinition for metrics that cannot
    be measured, InvalidData for broken sources.
    """
    metrics = {name: workspace.metrics[name] for name in names}
    columns = columns_of(metrics, measures(workspace, names, tables))
    distinct = _sums(columns)
    since = _earliest(engine, distinct) or as_of
    parts = [
        _events(workspace, table, tables, [one for one in distinct if one.table == table], (since, as_of), looks)
        for table in dict.fromkeys(one.table for one in distinct)
    ]
    sums = ", ".join(f"sum({one.name}) AS {one.name}" for one in distinct)
    union = " UNION ALL BY NAME ".join(parts)
    query = f"CREATE OR REPLACE TEMP TABLE outcomes AS SELECT pid, look, {sums} FROM ({union}) GROUP BY pid, look"
    engine.run(Query(query, {"as_of": as_of.astimezone(UTC).replace(tzinfo=None)} if "$as_of" in query else {}))
    return columns


def _earliest(engine: Engine, sums: Sequence[Sum]) -> datetime | None:
    """The instant before which no sum needs an event; None for a frame of nobody."""
    (exposed,) = engine.rows(Query("SELECT min(exposure) AS first FROM frame"))
    if exposed["first"] is None:
        return None
    first = _utc(exposed["first"])
    return min([first, *(one.window.before(first) for one in sums if one.before)])


def _sums(columns: Sequence[Column]) -> list[Sum]:
    """What columns are made of, each once."""
    return list(dict.fromkeys(column.sum for column in columns))


def _events(
    workspace: Workspace,
    table: str,
    tables: Tables,
    sums: Sequence[Sum],
    period: tuple[datetime, datetime],
    looks: Sequence[datetime],
) -> str:
    """pid, look and what each event adds to each sum, of everybody of the frame. The period holds all that counts."""
    key = next(key for key in workspace.events if events_table(key) == table)
    source = event_source(workspace.events[key], tables[table])
    values = list(dict.fromkeys(one.value for one in sums))
    named = ", ".join(f"{value} AS _value_{number}" for number, value in enumerate(values))
    added = ", ".join(
        f"CASE WHEN {_in_window(one)} THEN _value_{values.index(one.value)} END AS {one.name}" for one in sums
    )
    since, until = map(sql.instant, period)
    rows = (
        f"SELECT {source.at} AS _at, {source.customer} AS _customer, {source.tenant} AS _tenant, {named}, "
        f"{source.id or 'NULL'} AS _id FROM source.{sql.name(table)} WHERE {source.at} < {until}"
    )
    if source.id is None:  # of copies the earliest counts: it must be read, however old it is
        rows += f" AND {source.at} >= {since}"
    events = f"SELECT * FROM ({rows}) JOIN frame ON frame.tenant = _tenant AND frame.customer = _customer"
    if source.id is not None:
        events = _once(events, len(values))
    return (
        f"SELECT pid, {_look(looks)} AS look, {added} FROM ({events}) "
        f"WHERE _at >= least({', '.join(dict.fromkeys(map(_begin, sums)))}) "
        f"AND _at < greatest({', '.join(dict.fromkeys(map(_end, sums)))})"
    )


def _once(events: str, values: int) -> str:
    """Each event of a customer once: its rows have the same id. Where they differ, the earliest time and the smallest
    value of those that a metric's rule is true for count, whatever their order; rows without an id are an event each.

    Ids are compared by 64 bits of a hash, and only within a customer: half the memory, and even with a thousand events
    each, one of ten million customers has two that look the same in one of a million analyses.
    """
    key = "CASE WHEN _id IS NULL THEN hash(uuid()) ELSE hash(_id) END"
    smallest = ", ".join(f"min(_value_{number}) AS _value_{number}" for number in range(values))
    return (
        f"SELECT pid, min(exposure) AS exposure, min(_at) AS _at, {smallest} FROM (SELECT *, {key} AS _key FROM "
        f"({events})) GROUP BY pid, _key"
    )


def _in_window(one: Sum) -> str:
    return f"_at >= {_begin(one)} AND _at < {_end(one)}"


def _begin(one: Sum) -> str:
    return f"exposure - {_interval(one.window)}" if one.before else "exposure"


def _end(one: Sum) -> str:
    return "exposure" if one.before else f"exposure + {_interval(one.window)}"


def _look(looks: Sequence[datetime]) -> str:
    """The number of the first look that knows of an event, and of the exposure of its customer."""
    if not looks:
        return "0"
    cases = " ".join(f"WHEN known < {sql.instant(at)} THEN {number}" for number, at in enumerate(looks))
    return f"CASE {cases} ELSE {len(looks)} END".replace("known", "greatest(_at, exposure)")


def _interval(duration: Duration) -> str:
    return f"INTERVAL {sql.text(str(duration.amount))} {duration.unit.upper()}"


def capped(engine: Engine, columns: Sequence[Column], metrics: Mapping[str, Metric]) -> list[Column]:
    """The columns with the value above which a metric that is winsorized does not count; over all of the frame."""
    wanted = [column for column in columns if metrics[column.metric].winsorize is not None]
    if not wanted:
        return list(columns)
    quantiles = ", ".join(
        f"quantile_cont({column.sum.name}, {_share(metrics[column.metric].winsorize)}) AS {column.number}"
        for column in wanted
    )
    (found,) = engine.rows(Query(f"SELECT {quantiles} FROM ({_per_customer(columns)})"))
    caps = {column: found[f"{column.metric}.{column.name}"] for column in wanted}
    return [column._replace(cap=_float(caps[column])) if column in caps else column for column in columns]


def _share(percent: float | None) -> str:
    return str(Decimal(str(percent)) / 100)


def totals(engine: Engine, frame: Frame, columns: Sequence[Column], *, by: bool = False) -> Groups:
    """The moments of every group with all outcomes; with `by`, of each value of the table `by_values`."""
    aggregates = [f"avg({column.number}) AS {_mean(column)}" for column in columns]
    aggregates += [f"coalesce(covar_samp({a.number}, {b.number}), 0) AS {_covariance(a, b)}" for a, b in pairs(columns)]
    values = ", ".join(f"{column.value(column.sum.name)} AS {column.number}" for column in columns)
    query = (
        f"SELECT value, stratum, arm, count(*) AS n, {', '.join(aggregates)} FROM "
        f"(SELECT value, arm, stratum, {values} FROM ({_per_customer(columns, by=by)})) GROUP BY value, stratum, arm"
    )
    groups: Groups = {}
    for row in engine.rows(Query(query)):
        value = None if row["value"] is None else str(row["value"])
        for name in _metrics(columns):
            mine = [column for column in columns if column.metric == name]
            mean = {column.name: _float(row[f"mean {name}.{column.name}"]) for column in mine}
            cov = {(a.name, b.name): _float(row[f"cov {name}.{a.name}.{b.name}"]) for a, b in pairs(mine)}
            cov |= {pair: max(number, 0.0) for pair, number in cov.items() if pair[0] == pair[1]}
            key = Group(value, *_who(frame, row))
            groups.setdefault(name, {})[key] = _moments(name, int(str(row["n"])), mean, cov)
    return groups


def looked(engine: Engine, frame: Frame, columns: Sequence[Column], looks: Sequence[datetime]) -> list[Groups]:
    """The moments at each look: of who was exposed before, with the outcomes before.

    Sums of values and products are known by how much each row of `outcomes` changed them, so every row is read once,
    however many looks there are.
    """
    exposures = "SELECT stratum, arm, exposure, count(*) AS n FROM frame GROUP BY ALL"
    exposed: dict[tuple[int, str], list[tuple[datetime, int]]] = {}
    for row in engine.rows(Query(exposures)):
        exposed.setdefault(_who(frame, row), []).append((_utc(row["exposure"]), int(str(row["n"]))))
    changes = {(*_who(frame, row), int(str(row["look"]))): row for row in engine.rows(Query(_changes(columns)))}
    by_metric = {name: [each for each in columns if each.metric == name] for name in _metrics(columns)}
    sums: dict[tuple[int, str], dict[str, float]] = {}
    found: list[Groups] = []
    for number, at in enumerate(looks):
        groups: Groups = {name: {} for name in by_metric}
        for (stratum, arm), since in exposed.items():
            n = sum(count for first, count in since if first < at)
            reached = sums.setdefault((stratum, arm), {})
            for name, change in (changes.get((stratum, arm, number)) or {}).items():
                if name not in ("stratum", "arm", "look"):
                    reached[name] = reached.get(name, 0.0) + _float(change)
            for name, mine in by_metric.items():
                groups[name][Group(None, stratum, arm)] = _from_sums(name, n, mine, reached)
        found.append(groups)
    return found


def _who(frame: Frame, row: Mapping[str, object]) -> tuple[int, str]:
    """The stratum and the arm of a row."""
    return int(str(row["stratum"])), frame.arm(int(str(row["arm"])))


def _changes(columns: Sequence[Column]) -> str:
    sums = [one.name for one in _sums(columns)]
    numbers = ", ".join(f"coalesce({name}, 0) AS {name}" for name in sums)
    running = ", ".join(f"sum({name}) OVER w AS now_{name}" for name in sums)
    before = ", ".join(f"now_{name} - {name} AS was_{name}" for name in sums)
    now, was = ({column: column.value(f"{when}_{column.sum.name}") for column in columns} for when in ("now", "was"))
    changes = [f"sum({now[column]} - {was[column]}) AS {_mean(column)}" for column in columns]
    changes += [f"sum({now[a]} * {now[b]} - {was[a]} * {was[b]}) AS {_covariance(a, b)}" for a, b in pairs(columns)]
    rows = f"SELECT pid, look, {numbers} FROM outcomes"
    windowed = (
        f"SELECT *, {running} FROM ({rows}) WINDOW w AS (PARTITION BY pid ORDER BY look ROWS UNBOUNDED PRECEDING)"
    )
    return (
        f"SELECT stratum, arm, look, {', '.join(changes)} FROM (SELECT *, {before} FROM ({windowed})) "
        "JOIN frame USING (pid) GROUP BY stratum, arm, look"
    )


def _from_sums(metric: str, n: int, columns: Sequence[Column], sums: Mapping[str, float]) -> Moments:
    if not n:
        return Moments(0, {column.name: 0.0 for column in columns}, {(a.name, b.name): 0.0 for a, b in pairs(columns)})
    total = {column.name: sums.get(f"mean {column.metric}.{column.name}", 0.0) for column in columns}
    cov = {}
    for a, b in pairs(columns):
        product = sums.get(f"cov {a.metric}.{a.name}.{b.name}", 0.0)
        found = (product - total[a.name] * total[b.name] / n) / (n - 1) if n > 1 else 0.0
        cov[a.name, b.name] = max(found, 0.0) if a == b else found
    return _moments(metric, n, {name: number / n for name, number in total.items()}, cov)


def _moments(metric: str, n: int, mean: Mapping[str, float], cov: Mapping[tuple[str, str], float]) -> Moments:
    if not all(map(isfinite, [*mean.values(), *cov.values()])):
        raise InvalidData(f"metric {metric!r}: sums of its values, or of their squares, exceed 1.8e308")
    return Moments(n, mean, cov)


def _per_customer(columns: Sequence[Column], *, by: bool = False) -> str:
    """value, arm, stratum and the numbers of everybody of the frame, 0 for who did nothing."""
    names = [one.name for one in _sums(columns)]
    sums = ", ".join(f"sum({name}) AS {name}" for name in names)
    numbers = ", ".join(f"coalesce({name}, 0) AS {name}" for name in names)
    value, joined = ("b.value", "LEFT JOIN by_values b USING (pid)") if by else ("NULL::VARCHAR", "")
    return (
        f"SELECT {value} AS value, arm, stratum, {numbers} FROM frame LEFT JOIN "
        f"(SELECT pid, {sums} FROM outcomes GROUP BY pid) USING (pid) {joined}"
    )


def pairs(columns: Sequence[Column]) -> list[tuple[Column, Column]]:
    """Columns of the same metric, in alphabetical order, each with itself too."""
    return [(a, b) for a in columns for b in columns if a.metric == b.metric and a.name <= b.name]


def _metrics(columns: Sequence[Column]) -> list[str]:
    return list(dict.fromkeys(column.metric for column in columns))


def _mean(column: Column) -> str:
    return sql.name(f"mean {column.metric}.{column.name}")


def _covariance(a: Column, b: Column) -> str:
    return sql.name(f"cov {a.metric}.{a.name}.{b.name}")


def _float(value: object) -> float:
    return float(str(value))


def _utc(value: object) -> datetime:
    assert isinstance(value, datetime)  # noqa: S101 - a timestamp of the frame
    return value.replace(tzinfo=UTC)


def pairs_of(metric: Metric) -> tuple[list[str], list[tuple[str, str]]]:
    """The names of a metric's columns, and of their pairs."""
    names = [part + end for part in metric.parts for end in ("", *((BEFORE,) if metric.covariate else ()))]
    return names, [(a, b) for a in names for b in names if a <= b]
