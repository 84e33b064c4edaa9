"""A thousand experiments at once on one population, each a stratum of its own: what the engine would find in each.

Only the loop over launches is left out: customers are assigned by the engine's own SQL, measured and compared by the
analysis's own functions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
from sqlglot import exp

from campaigns.analysis import sql
from campaigns.analysis.answer import CONFIDENCE
from campaigns.analysis.compare import Compared, comparisons
from campaigns.analysis.frame import Frame
from campaigns.analysis.outcomes import Group, Groups, collected, looked, totals
from campaigns.analysis.strata import Stratum
from campaigns.app.analyses import attach_metrics
from campaigns.app.workplace import Workplace
from campaigns.definitions import Experiment, load_workspace
from campaigns.definitions.metrics import Metric
from campaigns.engines.port import Engine, Query
from campaigns.experiment.md5x32 import digest_sql, variant_sql
from campaigns.plan import experiment_salt
from campaigns.statistics import Effect
from support.lab import AS_OF, TENANTS, Lab

Order = tuple[str, str, datetime, int | None, str]

HISTORY, DAYS = 28, 14
"""Days of orders before and after AS_OF."""

ARMS = ("control", "tried")
SECONDS = 86_400
_AT_ONCE = 50


def key(number: int) -> str:
    """The key of an experiment, from which its salt is made."""
    return f"trial-{number}"


def life(customer: str) -> str:
    """How the orders call a customer who was treated, in a population with a planted lift."""
    return f"{customer}+"


def orders(random: np.random.Generator, customers: int, *, lift: float | None = None) -> list[Order]:
    """Orders of customers of different habits, most of whom buy little, before AS_OF and after it.

    With a lift there are those of two lives of each customer: one treated, in which so many more orders are placed
    after AS_OF, by those who order most; and one not.
    """
    found: list[Order] = []
    for tenant in TENANTS:
        habits = random.gamma(0.8, 0.05, customers)
        prices = random.lognormal(7.0, 0.4, customers)
        for number, (habit, price) in enumerate(zip(habits, prices, strict=True)):
            name = f"c{number}"
            placed = _placed(random, habit, price, -HISTORY, DAYS)
            more = _placed(random, habit * (lift or 0.0), price, 0, DAYS)
            found += [(tenant, name, *each, "") for each in placed]
            if lift is not None:
                found += [(tenant, life(name), *each, "") for each in [*placed, *more]]
    return found


def _placed(
    random: np.random.Generator, habit: float, price: float, first: int, end: int
) -> list[tuple[datetime, int]]:
    count = random.poisson(habit * (end - first))
    seconds = random.uniform(first * SECONDS, end * SECONDS, count).astype("timedelta64[s]")
    cents = np.maximum(random.lognormal(0.0, 0.5, count) * price, 1).astype(int)
    return [(AS_OF + second.item(), int(amount)) for second, amount in zip(seconds, cents, strict=True)]


@dataclass(frozen=True)
class Trials:
    """What was found of each metric in each experiment: with all outcomes and, where asked for, at each look."""

    frame: Frame
    metrics: Mapping[str, Metric]
    groups: Groups
    looks: Sequence[Groups]

    def effect(self, name: str, number: int) -> Effect:
        """Tried against control in one experiment, with all outcomes."""
        found = self._compared(name, number, ()).effect
        assert found is not None
        return found

    def compared(self, name: str, number: int, *, quick: bool = False) -> Compared:
        """The same at each look; `quick`: past tea-tasting, which takes a millisecond for each look, because a second
        stratum, of nobody, is more than it is asked about.
        """
        return self._compared(name, number, self.looks, quick=quick)

    def _compared(self, name: str, number: int, looks: Sequence[Groups], *, quick: bool = False) -> Compared:
        even = self.frame.strata[number]
        nobody = [even._replace(weights={**even.weights, ARMS[0]: 2})] if quick else []
        mine = replace(self.frame, strata=[even, *nobody], customers={0: self.frame.customers[number]})
        whole, *each_look = (
            {Group(None, 0, arm): each[name][Group(None, number, arm)] for arm in ARMS}
            for each in (self.groups, *looks)
        )
        (found,) = comparisons(mine, self.metrics[name], whole, each_look, ARMS[0], CONFIDENCE)
        return found


def trials(
    lab: Lab, runs: int, metrics: Sequence[str], as_of: datetime, looks: Sequence[datetime] = (), *, lives: bool = False
) -> Trials:
    """Run so many experiments on the customers of a lab; with `lives` the treated ones live their other life."""
    file = load_workspace(lab.root)
    place = Workplace(file)
    with closing(place.engine()) as engine:
        tables = attach_metrics(place, engine, file.record, metrics)
        frame = framed(engine, lab.root, runs, lives=lives)
        columns = collected(engine, file.record, metrics, tables, as_of, looks)
        found = totals(engine, frame, columns)
        return Trials(frame, file.record.metrics, found, looked(engine, frame, columns, looks))


def framed(engine: Engine, root: Path, runs: int, *, lives: bool = False) -> Frame:
    """The table `frame` of all experiments: everybody takes part in each."""
    customers = f"(SELECT tenant, id AS customer FROM read_parquet({sql.text(str(root / 'customers.parquet'))}))"
    engine.run(
        Query(
            "CREATE OR REPLACE TEMP TABLE frame (pid BIGINT, tenant VARCHAR, customer VARCHAR, arm SMALLINT, "
            "stratum SMALLINT, launch SMALLINT, exposure TIMESTAMP)"
        )
    )
    name = f"CASE arm WHEN 1 THEN customer || {sql.text(life(''))} ELSE customer END" if lives else "customer"
    for first in range(0, runs, _AT_ONCE):
        union = " UNION ALL ".join(assigned(number, customers) for number in range(first, min(first + _AT_ONCE, runs)))
        engine.run(
            Query(
                "INSERT INTO frame SELECT (SELECT count(*) FROM frame) + row_number() OVER (), tenant, "
                f"{name}, arm, stratum, 0, {sql.instant(AS_OF)} FROM ({union})"
            )
        )
    counted: dict[int, dict[str, int]] = {}
    for row in engine.rows(Query("SELECT stratum, arm, count(*) AS n FROM frame GROUP BY ALL ORDER BY ALL")):
        stratum, arm, n = (int(str(row[name])) for name in ("stratum", "arm", "n"))
        counted.setdefault(stratum, {})[ARMS[arm]] = n
    even = dict.fromkeys(ARMS, 1)
    strata = [Stratum(0, even, (), late=False)] * runs
    return Frame(ARMS, strata, (), counted, {}, {}, 0, 0)


def assigned(number: int, customers: str, weights: Sequence[int] = (1, 1)) -> str:
    """tenant, customer, arm and stratum of everybody, by the salt of one experiment."""
    variants = {name: {"weight": weight} for name, weight in zip(ARMS, weights, strict=True)}
    experiment = Experiment.model_validate({"key": key(number), "variants": variants})
    unit: exp.Expression = exp.maybe_parse("tenant || '/' || customer")
    variant = variant_sql(ARMS, weights, digest_sql(experiment_salt(experiment), unit)).sql("duckdb")
    return (
        f"SELECT tenant, customer, ({variant} = {sql.text(ARMS[1])})::SMALLINT AS arm, {number} AS stratum "
        f"FROM {customers}"
    )
