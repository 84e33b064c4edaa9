"""An opened workspace: the library's front door, and the only place that chooses concrete adapters."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

from campaigns.analysis.power import power, powers
from campaigns.app.analyses import analysis, assignments, attach_metrics, known_metrics
from campaigns.app.doctor import doctor
from campaigns.app.experiments import (
    check_period,
    earlier,
    layer_problems,
    remembers,
    same_experiment,
    shrinking,
    verified_files,
)
from campaigns.app.holdouts import holdouts
from campaigns.app.promotion import SUFFIX, promoted_before, promotion_of
from campaigns.app.streams import check_partitions
from campaigns.app.workplace import Workplace, check_places
from campaigns.definitions import (
    CampaignFile,
    Definition,
    WorkspaceFile,
    campaign_keys,
    find_workspace,
    load_campaign,
    load_workspace,
    resolve_url,
)
from campaigns.definitions.documents import read_document
from campaigns.definitions.files import CAMPAIGNS_FOLDER, WORKSPACE_FILE
from campaigns.definitions.instants import format_instant, parse_instant
from campaigns.definitions.words import listed, suggestion
from campaigns.engines.port import Engine
from campaigns.errors import (
    Conflict,
    Damaged,
    InvalidData,
    InvalidDefinition,
    NeedsConfirmation,
    NotFound,
    Problem,
    Unavailable,
)
from campaigns.failpoints import reach
from campaigns.launch.books import report
from campaigns.launch.definition import definition_of
from campaigns.launch.dry_run import dry_run
from campaigns.launch.explain import Frozen, Sources, explain, explain_launch
from campaigns.launch.guards import Misfire
from campaigns.launch.preview import preview
from campaigns.launch.purge import purge
from campaigns.launch.run import Ports, Watch, run
from campaigns.launch.snapshot import launch_folder, open_snapshot
from campaigns.launch.verify import verify
from campaigns.ledger import FINAL, Launch, Ledger, NewLaunch, Owner, State, person
from campaigns.plan import (
    Compiled,
    Locate,
    Plan,
    campaign_problems,
    check_metrics,
    check_workspace,
    compile_campaign,
    decisions_query,
    define,
    workspace_problems,
)
from campaigns.streams import Creatable, Stream

PARTITIONS = 8
"""Partitions of a stream that is created without saying how many."""

_LET_GO_SECONDS = 3.0
"""How long a resume waits for the launcher of a launch that was paused just now: it lets go within 2 s."""

_LOOK_SECONDS = 0.1

LAUNCH_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class Campaigns:
    """The campaigns of one workspace. Every method may be called from a fresh process at any time.

    >>> Campaigns("acme").launch("winback", as_of=parse_instant("2026-06-01"))  # doctest: +SKIP
    """

    def __init__(self, workspace: str | Path | None = None) -> None:
        """Open the workspace in a folder; without one, the nearest from the current folder upwards.

        Raises NotFound when there is none, InvalidDefinition with every problem of its file.
        """
        root = find_workspace(Path.cwd()) if workspace is None else Path(workspace)
        self.file: WorkspaceFile = _loaded(root)
        self._place = Workplace(self.file)

    def keys(self) -> list[str]:
        """The campaigns of the workspace, valid or not."""
        return campaign_keys(self.file)

    def validate(self, key: str | None = None) -> list[str]:
        """The campaigns that were checked: one, or all with everything else in the workspace.

        Raises InvalidDefinition with every problem of every file, InvalidData for sources that cannot be opened.
        """
        keys = self.keys() if key is None else [key]
        problems: list[Problem] = []
        with closing(self._place.engine()) as engine:
            if key is None:
                with _collected(problems):
                    check_places(self.file)
                with _collected(problems):
                    tables = self._place.attach(engine, self.file.record, all_events=True)
                    check_workspace(self.file.record, tables, engine.dialect, self._locate(None))
                with _collected(problems):
                    check_metrics(
                        self.file.record, self.file.record.metrics, tables, engine.dialect, self._locate(None)
                    )
            for each in keys:
                with _collected(problems):
                    file = self._load(each)
                    self._check(engine, file, define(self.file.record, file.record))
            problems += layer_problems(self.file, self._valid_campaigns(), key)
            if key is None:
                problems += self._unknown_overrides()
        if problems:
            raise InvalidDefinition(list(dict.fromkeys(problems)))
        return keys

    def preview(self, key: str, as_of: datetime | None = None) -> dict[str, Any]:
        """What a launch would do, exactly; nothing is written. Raises as `launch` does, but for overlaps in a layer."""
        with self._planned(key, as_of) as (plan, engine):
            return preview(plan, engine) | {"power": self._powers(plan, engine)}

    def plan(self, key: str, as_of: datetime | None = None) -> Plan:
        """The plan of a campaign, without running it. Raises as `validate` does."""
        with self._planned(key, as_of) as (plan, _):
            return plan

    def launch(
        self,
        key: str,
        as_of: datetime | None = None,
        launch_id: str | None = None,
        watch: Watch | None = None,
        *,
        rate: int | None = None,
        expires: datetime | None = None,
        confirm: bool = False,
        stop: Event | None = None,
    ) -> dict[str, Any]:
        """Emit one event per matched customer, at least once; the launch's report.

        The same id again resumes the launch, or returns the report of a completed one. `as_of` is now unless given.
        `rate` is in events a second; a launch that is not complete at `expires` never will be; `confirm` says that an
        audience of any size is meant; whoever sets `stop` makes it let go and raise Terminated.

        Raises InvalidDefinition, InvalidData (nothing was emitted), Conflict (the id is another definition's or
        another launcher's), Unavailable (may be resumed), NeedsConfirmation (nothing was emitted), Damaged, Stopped.
        """
        new, known = self._asked(key, as_of, launch_id, expires, rate)
        self._place.secret()
        stream = self._stream_of(known)
        with closing(self._place.ledger()) as ledger:
            reach("before-claim")
            claim = ledger.claim(new, Owner.current())
            return self._run(ledger, stream, claim, watch, stop, confirm=confirm)

    def promote(
        self,
        launch_id: str,
        variant: str | None = None,
        as_of: datetime | None = None,
        watch: Watch | None = None,
        *,
        rate: int | None = None,
        confirm: bool = False,
        stop: Event | None = None,
    ) -> dict[str, Any]:
        """Send the winner of a completed test to everybody who waited for it; the report of that launch.

        The audience's rule must still hold at `as_of`, and holdouts stay held out. Without a `variant` the analysis
        chooses, where the test says so. The same test again resumes its promotion: nobody gets two.

        Raises Conflict when nothing can be promoted, or not by itself; else as `launch`.
        """
        test = self._find(launch_id)
        if not LAUNCH_ID.fullmatch(launch_id + SUFFIX):
            raise InvalidDefinition(f"launch id {launch_id + SUFFIX!r} would be too long: use shorter ids for tests")
        known = self._found(launch_id + SUFFIX)
        if known is not None:
            definition = promoted_before(known, test, variant)
        else:
            definition = promotion_of(test, variant, _now(), self._analyzed_alone)
        instant = _checked(as_of or (parse_instant(known.as_of) if known else _now()))
        if instant < parse_instant(test.as_of):
            raise InvalidDefinition(f"as_of {format_instant(instant)} is before that of the test, {test.as_of}")
        new = self._new(definition, launch_id + SUFFIX, instant, explicit=as_of is not None, expires=None, rate=rate)
        self._place.secret()
        stream = self._stream_of(known)
        with closing(self._place.ledger()) as ledger:
            return self._run(ledger, stream, ledger.claim(new, Owner.current()), watch, stop, confirm=confirm)

    def dry_run(
        self,
        key: str,
        as_of: datetime | None = None,
        launch_id: str | None = None,
        watch: Watch | None = None,
        *,
        expires: datetime | None = None,
        confirm: bool = False,
        stop: Event | None = None,
    ) -> dict[str, Any]:
        """Do everything a new launch would do but publish; its report, with the `bytes` of all events.

        Nothing is kept: no launch, no snapshot, no event. Raises as `launch` does.
        """
        new, _ = self._asked(key, as_of, launch_id, expires, again=False)
        place, stream = self._place, self._place.stream()
        with place.scratch() as folder, closing(Ledger(resolve_url(folder, "sqlite:///ledger.db"))) as ledger:
            claim = ledger.claim(new, Owner.current())
            planner = partial(self._planner, create_secret=False)
            url = self.file.record.stream.url
            shrinks = partial(self._shrinks, folder)
            ports = Ports(self._root, ledger, url, stream.publisher, folder, planner, place.reader, self._last, shrinks)
            try:
                done, size = dry_run(claim, ports, watch, stop, confirm=confirm)
            except Misfire as error:
                raise NeedsConfirmation(f"{error.why}; the launch would ask for --confirm") from None
            found = self._reported(done, folder)
        told = {"state": "dry_run", "acknowledged": 0, "dry_run": True, "bytes": size, "already_complete": False}
        return found | told

    def resume(
        self,
        launch_id: str,
        watch: Watch | None = None,
        *,
        rate: int | None = None,
        confirm: bool = False,
        stop: Event | None = None,
    ) -> dict[str, Any]:
        """Finish a launch as it was frozen, whatever its files say by now; the launch's report. Raises as `launch`.

        A launch that was paused a moment ago may still be finishing its last publish: this waits for it, 3 s at most.
        """
        stream = self._stream_of(self._find(launch_id))
        with closing(self._place.ledger()) as ledger:
            reach("before-claim")
            claim = _resumed(ledger, launch_id, rate)
            return self._run(ledger, stream, claim, watch, stop, confirm=confirm)

    def pause(self, launch_id: str) -> dict[str, Any]:
        """Make whoever works on a launch let go within 2 s; only `resume` goes on with it. The launch's status.

        Raises NotFound, Conflict when there is nothing to pause.
        """
        return self._told(launch_id, lambda ledger: ledger.pause(launch_id, person()))

    def cancel(self, launch_id: str) -> dict[str, Any]:
        """End a launch for good: whoever works on it lets go within 2 s. The launch's status.

        What was emitted stays emitted. Raises NotFound, Conflict when it is complete or has expired.
        """
        return self._told(launch_id, lambda ledger: ledger.cancel(launch_id, person()))

    def launches(self) -> list[dict[str, Any]]:
        """The reports of all launches, the newest first."""
        return [self._status(launch) for launch in self._launches()]

    def status(self, launch_id: str) -> dict[str, Any]:
        """The report of a launch, who works on it, what happened to it, and whether it was purged. Raises NotFound."""
        return self._told(launch_id, lambda _: None)

    def explain(
        self, subject: str, customer: str, tenant: str | None = None, as_of: datetime | None = None
    ) -> dict[str, Any]:
        """Why a customer did or did not get a campaign or a launch. Raises NotFound, Ambiguous."""
        launch = self._found(subject)
        if tenant is not None and tenant not in self.file.record.tenants:
            raise NotFound(f"tenant {tenant!r} does not exist; the workspace has {', '.join(self.file.record.tenants)}")
        if launch is None:
            if subject not in self.keys():
                raise NotFound(f"{subject!r} is neither a campaign nor a launch of this workspace")
            with self._planned(subject, as_of) as (plan, engine):
                return explain(Sources(plan, engine), customer, tenant)
        if launch.manifest is None or launch.purged_at:
            why = "was purged" if launch.purged_at else f"is {launch.state}: nothing is frozen yet"
            raise NotFound(f"launch {launch.launch_id!r} {why}; explain the campaign instead")
        frozen = self._frozen(launch, customer)
        try:
            plan, engine = self._planner(launch)
        except (InvalidData, InvalidDefinition, Damaged, NotFound):  # also what an earlier launch decided may be gone
            return explain_launch(frozen, None, customer, tenant)
        with closing(engine):
            return explain_launch(frozen, Sources(plan, engine), customer, tenant)

    def analyze(
        self,
        experiment: str,
        *,
        metrics: Sequence[str] | None = None,
        by: str | None = None,
        as_of: datetime | None = None,
    ) -> dict[str, Any]:
        """What an experiment has shown over all its launches, as one document; outcomes until `as_of`, which is now.

        `metrics` are all without; `by` tells them for each value of an attribute too. Raises NotFound for what does
        not exist, InvalidDefinition for a metric that cannot be measured, InvalidData, Damaged, and Unavailable when
        the extra `analysis` is missing.
        """
        return analysis(
            self._place, self.file.record, self._launches(), experiment, metrics, by, _checked(as_of or _now())
        )

    def power(
        self, key: str, metric: str, *, effect: float | None = None, as_of: datetime | None = None
    ) -> dict[str, Any]:
        """Which effects on a metric a launch could show; `effect` is relative. Raises NotFound; else as `preview`."""
        known_metrics(self.file.record, [metric])
        with self._planned(key, as_of) as (plan, engine):
            tables = attach_metrics(self._place, engine, self.file.record, [metric])
            return power(plan, engine, self.file.record, tables, metric, effect)

    def _powers(self, plan: Plan, engine: Engine) -> list[dict[str, Any]] | None:
        """What a launch could show by each metric; None without an experiment, or where it cannot be told."""
        record = self.file.record
        if not record.metrics or plan.definition.campaign.experiment is None:
            return None
        try:
            tables = attach_metrics(self._place, engine, record, list(record.metrics))
            return powers(plan, engine, record, tables, list(record.metrics))
        except (InvalidData, InvalidDefinition, Unavailable):  # `power` says why; a preview needs no metric
            return None

    def assignments(self, experiment: str, out: Path) -> dict[str, Any]:
        """Write who was in an experiment, in which arm and since when, as Parquet into a new or empty folder.

        Raises NotFound, Conflict, Unavailable, Damaged.
        """
        return assignments(self._place, self._launches(), experiment, out)

    def holdouts(self) -> list[dict[str, Any]]:
        """The workspace's holdouts as they are and as earlier launches knew them; see `campaigns.app.holdouts`."""
        return holdouts(self.file.record, self._launches())

    def events(self, launch_id: str | None = None) -> Iterator[bytes]:
        """The events on the stream, oldest first within a partition, duplicates kept. Raises NotFound, Unavailable."""
        mark = f'"launch_id":"{launch_id}"'.encode() if launch_id else b""
        if launch_id:
            self._find(launch_id)
        for message in self._place.stream().read():
            if mark in message.value and (
                launch_id is None or json.loads(message.value)["data"]["launch_id"] == launch_id
            ):
                yield message.value

    def verify(self, launch_id: str) -> dict[str, Any]:
        """Hold the stream against a launch's snapshot; see `campaigns.launch.verify.verify` for errors.

        Raises Conflict when the workspace names another stream by now.
        """
        launch, settings = self._find(launch_id), self.file.record.stream
        if launch.stream != settings.url:
            raise Conflict(
                f"launch {launch_id!r} emitted to {launch.stream}, the workspace names {settings.url} by now; "
                "name the first one again to verify it"
            )
        retention = settings.config.get("retention")
        with closing(self._place.reader()) as engine:
            return verify(launch, self._place.snapshots, self._place.stream(), engine, str(retention or "") or None)

    def doctor(self) -> dict[str, Any]:
        """Look at everything that a launch depends on; see `campaigns.app.doctor`. Nothing is created or launched."""
        return doctor(self.file, self._place, self.validate)

    def purge(self, launch_id: str, *, confirmed: bool = False) -> dict[str, Any]:
        """Remove a launch's personal data; its books stay. See `campaigns.launch.purge.purge`."""
        launch, place = self._find(launch_id), self._place
        definition = definition_of(launch)
        with closing(place.ledger()) as ledger:
            found = purge(launch, definition.workspace, ledger, place.stream(), place.snapshots, confirmed=confirmed)
        place.clear_spill()
        return found

    def create_stream(
        self, partitions: int | None = None, replication: int = 1, min_insync_replicas: int = 1
    ) -> dict[str, Any]:
        """Create the workspace's stream; one that exists as asked for stays as it is.

        Raises Conflict when it exists with other partitions, InvalidDefinition for what the stream cannot do and for
        one that cannot be created from here, Unavailable.
        """
        stream, url = self._place.new_stream(), self.file.record.stream.url
        if not isinstance(stream, Creatable):
            raise InvalidDefinition(f"stream {url}: cannot be created from here; use its own tools")
        partitions = partitions or int(getattr(stream, "partitions", PARTITIONS))
        check_partitions(partitions)
        stream.create(partitions, replication, min_insync_replicas)
        return {
            "stream": url,
            "partitions": partitions,
            "replication": replication,
            "min_insync_replicas": min_insync_replicas,
        }

    def _stream_of(self, launch: Launch | None) -> Stream:
        """The workspace's stream. Raises Conflict when an unfinished launch began to emit to another one."""
        url = self.file.record.stream.url
        begun = launch is not None and launch.state not in FINAL and launch.stream_identity is not None
        if launch is not None and begun and launch.stream != url:
            raise Conflict(
                f"launch {launch.launch_id!r} emits to {launch.stream}, the workspace names {url} by now; "
                "name the first one again to finish it: a launch is never split over two streams"
            )
        return self._place.stream()

    def _asked(
        self,
        key: str,
        as_of: datetime | None,
        launch_id: str | None,
        expires: datetime | None,
        rate: int | None = None,
        *,
        again: bool = True,
    ) -> tuple[NewLaunch, Launch | None]:
        """What to claim and, if that may be claimed `again`, the launch of this id that exists.

        What cannot be planned is told here, before the claim: it leaves no trace in the ledger.
        """
        if launch_id is not None and not LAUNCH_ID.fullmatch(launch_id):
            raise InvalidDefinition(
                f"launch id {launch_id!r}: use at most 128 of A-Z a-z 0-9 . _ - with a letter or digit first"
            )
        file = self._load(key)
        definition = define(self.file.record, file.record)
        known = self._known(launch_id, definition, as_of) if again else None
        instant = _checked(as_of or (parse_instant(known.as_of) if known else _now()))
        if known is None or known.manifest is None:
            check_period(file.record, instant)
            _refuse(layer_problems(self.file, self._valid_campaigns(), key))
            with closing(self._place.engine()) as engine:
                self._check(engine, file, definition)
        wanted = launch_id or derived_id(definition, instant)
        return self._new(definition, wanted, instant, explicit=as_of is not None, expires=expires, rate=rate), known

    def _new(
        self,
        definition: Definition,
        launch_id: str,
        as_of: datetime,
        *,
        explicit: bool,
        expires: datetime | None,
        rate: int | None,
    ) -> NewLaunch:
        campaign = definition.campaign
        return NewLaunch(
            launch_id=launch_id,
            campaign=campaign.campaign,
            campaign_version=definition.version,
            as_of=format_instant(as_of),
            stream=self.file.record.stream.url,
            definition=definition.model_dump_json(by_alias=True, exclude_defaults=True),
            explicit_as_of=explicit,
            expires_at=format_instant(expires or campaign.expires_after.after(_now())),
            rate=rate,
        )

    def _run(
        self,
        ledger: Ledger,
        stream: Stream,
        claim: Launch,
        watch: Watch | None,
        stop: Event | None,
        *,
        confirm: bool,
    ) -> dict[str, Any]:
        reach("after-claim")
        if claim.state == State.COMPLETED:
            return self._reported(claim) | {"already_complete": True}
        place = self._place

        def last(found: Launch) -> Launch | None:
            return ledger.last_completed(found.campaign, found.launch_id)

        url = self.file.record.stream.url
        frozen, shrinks = place.snapshots, partial(self._shrinks, place.snapshots)
        ports = Ports(self._root, ledger, url, stream.publisher, frozen, self._planner, place.reader, last, shrinks)
        return self._reported(run(claim, ports, watch, stop, confirm=confirm)) | {"already_complete": False}

    @property
    def _root(self) -> Path:
        return self.file.root.absolute()

    def _last(self, claim: Launch) -> Launch | None:
        """The campaign's last complete launch before this one, by the workspace's own ledger."""
        ledger = self._place.existing_ledger()
        if ledger is None:
            return None
        with closing(ledger):
            return ledger.last_completed(claim.campaign, claim.launch_id)

    def _shrinks(self, frozen: Path, claim: Launch) -> str | None:
        return shrinking(claim, frozen, self._place.snapshots, self._launches(), self._place.reader)

    def _frozen(self, launch: Launch, customer: str) -> Frozen:
        """What the snapshot of a launch holds of a customer. Raises Damaged."""
        snapshot = open_snapshot(self._place.snapshots, launch)
        files = [snapshot.verified(shard.shard) for shard in launch.shards]
        with closing(self._place.reader()) as reader:
            decisions = reader.rows(decisions_query(files, customer)) if files else []
        definition = definition_of(launch)
        return Frozen(definition, launch.launch_id, parse_instant(launch.as_of), decisions)

    def _planner(self, claim: Launch, *, create_secret: bool = True) -> tuple[Plan, Engine]:
        """The plan of a claimed launch, from its frozen definition."""
        definition = definition_of(claim)
        engine = self._place.engine()
        try:
            tables = self._place.attach(engine, definition)
            compiled = compile_campaign(definition, definition.campaign, tables, engine.dialect)
            secret = self._place.secret(create=create_secret)
            return self._plan(compiled, definition, claim.launch_id, parse_instant(claim.as_of), secret), engine
        except BaseException:
            engine.close()
            raise

    def _plan(self, compiled: Compiled, definition: Definition, launch_id: str, as_of: datetime, secret: bytes) -> Plan:
        """The plan of a launch, with the earlier launches that it builds on. Raises Damaged, NotFound."""
        experiment, promotes, snapshots = definition.campaign.experiment, definition.promotes, self._place.snapshots
        kept, waiting = [], []
        if promotes is not None:
            waiting = verified_files(snapshots, self._find(promotes.launch_id))
        elif experiment is not None and remembers(experiment):
            kept = earlier(snapshots, same_experiment(self._launches(), experiment.key, launch_id))
        return Plan(compiled, definition, launch_id, as_of, secret, kept, waiting)

    def _analyzed_alone(self, test: Launch, metric: str, as_of: datetime) -> dict[str, Any]:
        """The analysis of one launch by one metric."""
        experiment = definition_of(test).campaign.experiment
        assert experiment is not None  # noqa: S101 - it was a test
        return analysis(self._place, self.file.record, [test], experiment.key, [metric], None, as_of)

    def _launches(self) -> list[Launch]:
        ledger = self._place.existing_ledger()
        if ledger is None:
            return []
        with closing(ledger):
            return list(ledger.all())

    @contextmanager
    def _planned(self, key: str, as_of: datetime | None) -> Iterator[tuple[Plan, Engine]]:
        """The plan of a campaign as its files stand, for looking only."""
        file = self._load(key)
        instant = _checked(as_of or _now())
        with closing(self._place.engine()) as engine:
            definition = define(self.file.record, file.record)
            compiled = self._check(engine, file, definition)
            secret = self._place.secret(create=False)
            check_period(file.record, instant)
            yield self._plan(compiled, definition, derived_id(definition, instant), instant, secret), engine

    def _valid_campaigns(self) -> list[CampaignFile]:
        """The campaigns whose files are valid."""
        found = []
        for key in self.keys():
            with suppress(InvalidDefinition):
                found.append(load_campaign(self.file, key))
        return found

    def _unknown_overrides(self) -> list[Problem]:
        known = self.keys()
        return [
            self.file.problem(
                ("tenants", key, "overrides", campaign),
                f"tenant {key!r} overrides campaign {campaign!r}, which does not exist{suggestion(campaign, known)}; "
                f"known: {listed(known)}",
                on_key=True,
            )
            for key, tenant in self.file.record.tenants.items()
            for campaign in tenant.overrides
            if campaign not in known
        ]

    def _load(self, key: str) -> CampaignFile:
        """The campaign's file. Raises InvalidDefinition with its problems and those of its rules, all at once."""
        try:
            return load_campaign(self.file, key)
        except InvalidDefinition as error:
            raise _with(error, lambda: self._rule_problems(key)) from None

    def _rule_problems(self, key: str) -> list[Problem]:
        document = read_document(self.file.root, f"{CAMPAIGNS_FOLDER}/{key}.yaml")
        with closing(self._place.engine()) as engine:
            tables = self._place.attach(engine, self.file.record, all_events=True)
            return campaign_problems(document, self.file.record, tables, engine.dialect)

    def _check(self, engine: Engine, file: CampaignFile, definition: Definition) -> Compiled:
        tables = self._place.attach(engine, definition)
        return compile_campaign(self.file.record, file.record, tables, engine.dialect, self._locate(file))

    def _locate(self, campaign: CampaignFile | None) -> Locate:
        def locate(kind: str, path: tuple[str | int, ...], message: str, start: int, end: int | None) -> Problem:
            file = campaign if kind == "campaign" and campaign else self.file
            return file.problem(path, message, start, end)

        return locate

    def _known(self, launch_id: str | None, definition: Definition, as_of: datetime | None) -> Launch | None:
        """The launch that a claim of this id would meet, if it exists."""
        wanted = launch_id or (derived_id(definition, as_of) if as_of else None)
        return self._found(wanted) if wanted else None

    def _found(self, launch_id: str) -> Launch | None:
        # Looked for before the ledger: a launch that begins meanwhile is in the ledger before it has a folder.
        frozen = LAUNCH_ID.fullmatch(launch_id) and launch_folder(self._place.snapshots, launch_id).exists()
        found = None
        if ledger := self._place.existing_ledger():
            with closing(ledger):
                found = ledger.find(launch_id)
        if found is None and frozen:
            raise Damaged(
                f"launch {launch_id!r} has a snapshot, but the ledger does not know it: restore the ledger from a "
                "backup; launching anew could decide differently"
            )
        return found

    def _find(self, launch_id: str) -> Launch:
        launch = self._found(launch_id)
        if launch is None:
            known = ", ".join(found["launch_id"] for found in self.launches()[:10])
            raise NotFound(f"launch {launch_id!r} does not exist" + (f"; there are {known}" if known else ""))
        return launch

    def _reported(self, launch: Launch, snapshots: Path | None = None) -> dict[str, Any]:
        """The report, with a few quarantined source rows by reason; none once they are purged or damaged."""
        samples: Mapping[str, Any] = {}
        if launch.manifest and launch.books and launch.books["quarantined_rows"] and not launch.purged_at:
            with suppress(Damaged):
                samples = open_snapshot(snapshots or self._place.snapshots, launch).samples
        return report(launch) | {"quarantine_samples": samples}

    def _status(self, launch: Launch) -> dict[str, Any]:
        owner = launch.live_owner()
        return self._reported(launch) | {
            "owner": str(owner) if owner else None,
            "created_at": launch.created_at,
            "completed_at": launch.completed_at,
            "expires_at": launch.expires_at,
            "rate": launch.rate,
        }

    def _told(self, launch_id: str, change: Callable[[Ledger], object]) -> dict[str, Any]:
        """The status of a launch after a change of it, with everything that happened to it. Raises NotFound."""
        self._find(launch_id)
        ledger = self._place.existing_ledger()
        assert ledger is not None  # noqa: S101 - the launch was found in it
        with closing(ledger):
            change(ledger)
            launch = ledger.find(launch_id)
            assert launch is not None  # noqa: S101 - launches are never deleted
            history = [{"at": entry.at, "who": entry.who, "what": entry.what} for entry in ledger.audit(launch_id)]
            return self._status(launch) | {"history": history}


def _resumed(ledger: Ledger, launch_id: str, rate: int | None) -> Launch:
    """Claim a launch again; wait a little for one that was paused while its launcher still lets go."""
    deadline = time.monotonic() + _LET_GO_SECONDS
    while True:
        try:
            return ledger.resume(launch_id, Owner.current(), rate=rate)
        except Conflict:
            found = ledger.find(launch_id)
            if found is None or found.state != State.PAUSED or time.monotonic() > deadline:
                raise
            time.sleep(_LOOK_SECONDS)


def _loaded(root: Path) -> WorkspaceFile:
    try:
        return load_workspace(root)
    except InvalidDefinition as error:
        raise _with(error, lambda: workspace_problems(read_document(root.absolute(), WORKSPACE_FILE))) from None


def _with(error: InvalidDefinition, more: Callable[[], list[Problem]]) -> InvalidDefinition:
    """The problems of an error and more of the same file, in the order of its lines; none more if it is unreadable."""
    problems = list(error.problems)
    with suppress(InvalidDefinition, InvalidData):
        problems += more()
    return InvalidDefinition(sorted(dict.fromkeys(problems), key=lambda problem: (problem.line, problem.column)))


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise InvalidDefinition(problems)


def derived_id(definition: Definition, as_of: datetime) -> str:
    """The launch id of a campaign, its version and as_of: the same launch asked for twice is one launch."""
    compact = as_of.astimezone(UTC).strftime("%Y%m%dT%H%M%S") + (
        f".{as_of.microsecond:06d}" if as_of.microsecond else ""
    )
    return f"{definition.campaign.campaign}-{compact}Z-{definition.version[:8]}"


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _checked(as_of: datetime) -> datetime:
    if as_of.tzinfo is None:
        raise InvalidDefinition(f"as_of {as_of.isoformat()} has no time zone; say which, such as +00:00")
    if as_of > datetime.now(UTC):
        raise InvalidDefinition(
            f"as_of {format_instant(as_of)} is in the future; it must not be later than now, {format_instant(_now())}"
        )
    return as_of


@contextmanager
def _collected(problems: list[Problem]) -> Iterator[None]:
    try:
        yield
    except InvalidDefinition as error:
        problems.extend(error.problems)
