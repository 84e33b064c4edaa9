"""Doctor: everything that a launch depends on, looked at one by one and told in words. Nothing is created."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import Any

from sqlglot import exp

from campaigns.app import machine
from campaigns.app.checks import Check, about, size
from campaigns.app.workplace import Workplace
from campaigns.definitions import WorkspaceFile
from campaigns.engines.port import Query, ResolvedSource
from campaigns.errors import CampaignsError, Damaged, InvalidData, InvalidDefinition, Stopped, Unavailable
from campaigns.ledger import FINAL, Launch, State
from campaigns.plan import events_table
from campaigns.plan.sql import alias, column, function, select

Look = Callable[[], Iterable[Check]]


def doctor(file: WorkspaceFile, place: Workplace, validate: Callable[[], list[str]]) -> dict[str, Any]:
    """Every check of a workspace, whatever the others find: `{"checks": [{check, ok, found, advice, kind}], "ok"}`.

    `kind` names the error that a launch would meet (a class of `campaigns.errors`, or `Internal`); null when all is
    well. Looking creates neither ledger nor stream; spill files of killed processes are removed, as by any command.
    """
    launches: list[Launch] = []
    sizes: list[int] = []
    looks: dict[str, Look] = {
        "leftovers": partial(_leftovers, place),  # before the first engine is opened, which removes them
        "definitions": partial(_definitions, validate),
        **{f"source {source.name}": look for source, look in _source_looks(file, place, sizes)},
        "secret": partial(machine.secret, file, place),
        "ledger": partial(_ledger, place, launches),
        "launches": partial(_launches, launches),
        "stream": partial(_stream, file, place, launches),
        "clock": partial(machine.clock, place, launches),
        "disk": partial(machine.disk, file, place, sizes),
        "memory": partial(machine.memory, file),
    }
    checks = [check.document() for name, look in looks.items() for check in _looked(name, look)]
    return {"checks": checks, "ok": all(check["ok"] for check in checks)}


def _looked(name: str, look: Look) -> Iterator[Check]:
    """The checks of one look; what it raises is a check that failed."""
    try:
        yield from look()
    except CampaignsError as error:
        yield Check(name, str(error), kind=type(error))
    except OSError as error:
        yield Check(
            name, ": ".join(str(part) for part in (error.filename, error.strerror or error) if part), kind=Unavailable
        )
    except Exception as error:  # noqa: BLE001 - the other checks must still be told
        yield Check(name, f"internal error: {type(error).__name__}: {error}, please report", kind=type(error))


def _leftovers(place: Workplace) -> Iterator[Check]:
    """Rows of customers that killed processes spilled to disk."""
    left = place.left_spill()
    taken = sum(file.stat().st_size for folder in left for file in folder.rglob("*") if file.is_file())
    place.clear_spill()
    if kept := place.left_spill():
        found = f"killed processes left {about(len(kept), 'folder')} with customers' rows that cannot be removed"
        yield Check("leftovers", found, f"remove {', '.join(each.name for each in kept)} by hand", Unavailable)
    elif left:
        yield Check("leftovers", f"removed {about(len(left), 'spill folder')} of killed processes, {size(taken)}")
    else:
        yield Check("leftovers", "none")


def _definitions(validate: Callable[[], list[str]]) -> Iterator[Check]:
    try:
        yield Check("definitions", f"the workspace and {about(len(validate()), 'campaign')} are valid")
    except InvalidDefinition as error:
        first, *more = error.problems
        place = f"{first.file}:{first.line}: " if first.line else f"{first.file}: " if first.file else ""
        told = f"{place}{first.message}" + (f", and {about(len(more), 'more problem')}" if more else "")
        yield Check("definitions", told, "see all with: campaigns validate", InvalidDefinition)
    except InvalidData:
        yield Check("definitions", "cannot be checked without the sources", "repair the source below", InvalidData)


def _source_looks(file: WorkspaceFile, place: Workplace, sizes: list[int]) -> Iterator[tuple[ResolvedSource, Look]]:
    times = {events_table(key): source.at for key, source in file.record.events.items()}
    for table, source in place.sources(file.record, all_events=True).items():
        yield source, partial(_source, place, table, source, times.get(table), sizes)


def _source(place: Workplace, table: str, source: ResolvedSource, at: str | None, sizes: list[int]) -> Iterator[Check]:
    """Open a source and read it once; `at` is the column that tells when an event happened."""
    newest = exp.cast(function("max", column(at)), "VARCHAR") if at else exp.null()
    query = select(alias(function("count", exp.Star()), "rows"), alias(newest, "newest")).from_(
        exp.table_(table, db="source", quoted=True)
    )
    with closing(place.engine()) as engine:
        columns = engine.attach(table, source)
        (row,) = engine.rows(Query(query.sql(engine.dialect)))
        sizes.append(engine.size(table))
    told = f"{row['rows']:,} rows, {about(len(columns), 'column')}"
    told += f", {size(sizes[-1])}" if sizes[-1] else ""
    told += f", the newest of {row['newest']}" if row["newest"] else ""
    yield Check(f"source {source.name}", told)


def _ledger(place: Workplace, launches: list[Launch]) -> Iterator[Check]:
    ledger = place.existing_ledger()
    if ledger is None:
        yield Check("ledger", "not created yet: the first launch creates it")
        return
    with closing(ledger):
        launches.extend(ledger.all())
    states = Counter(str(launch.state) for launch in launches)
    counted = ", ".join(f"{number:,} {state}" for state, number in sorted(states.items()))
    yield Check("ledger", f"opens; {about(len(launches), 'launch', 'launches')}" + (f": {counted}" if counted else ""))


def _launches(launches: Sequence[Launch]) -> Iterator[Check]:
    """The launches that are not finished: who works on them, and what to do where nobody does."""
    unfinished = [launch for launch in launches if launch.state not in FINAL]
    if not unfinished:
        yield Check("launches", "none is unfinished")
    for launch in unfinished:
        yield _unfinished(launch)


def _unfinished(launch: Launch) -> Check:
    name = f"launch {launch.launch_id}"
    sends = sum(shard.sends for shard in launch.shards)
    found = (
        f"{launch.state}, {launch.acknowledged:,} of {sends:,} events acknowledged"
        if launch.books
        else f"{launch.state}"
    )
    resume = f"campaigns resume {launch.launch_id}"
    if owner := launch.live_owner():
        return Check(name, f"{found}; {owner} works on it")
    if launch.past_expiry:
        advice = f"it cannot go on; give it up with: campaigns cancel {launch.launch_id}"
        return Check(name, f"{found}; it expired at {launch.expires_at}", advice, Stopped)
    if launch.state == State.PAUSED:
        return Check(name, found, f"when it may go on: {resume}")
    if launch.state == State.FAILED:
        return Check(name, found, f"campaigns status {launch.launch_id} tells why; then: {resume}", Stopped)
    return Check(name, f"{found}; nobody works on it", f"finish it with: {resume}", Stopped)


def _stream(file: WorkspaceFile, place: Workplace, launches: Sequence[Launch]) -> Iterator[Check]:
    """Open the stream as a launch would, and see whether it is the one that unfinished launches began on."""
    url = file.record.stream.url
    stream = place.existing_stream()
    if stream is None:
        identity, told = None, f"{url} is not created yet: the first launch creates it"
    else:
        with closing(stream.publisher()) as publisher:
            identity, told = publisher.identity, f"{url} opens; it is {publisher.identity}"
    begun = [launch for launch in launches if launch.state not in FINAL and launch.acknowledged]
    gone = [launch for launch in begun if launch.stream == url and launch.stream_identity != identity]
    moved = [launch for launch in begun if launch.stream != url]
    if gone:
        which = "is another stream than" if identity else "is gone:"
        told = f"{url} {which} the one that acknowledged events of {', '.join(launch.launch_id for launch in gone)}"
        yield Check("stream", told, "restore the stream, or give these launches up", Damaged)
    elif moved:
        told += f"; {moved[0].launch_id} began on {moved[0].stream}"
        yield Check("stream", told, "name that stream again to finish the launch", Stopped)
    else:
        yield Check("stream", told)
