"""What campaigns' experiments are to each other: layers that are shared, and launches that came before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

from campaigns.definitions import (
    Campaign,
    CampaignFile,
    Definition,
    Experiment,
    WorkspaceFile,
    overlaps,
    targeted,
    without,
)
from campaigns.definitions.instants import format_instant
from campaigns.engines.port import Engine
from campaigns.errors import InvalidDefinition, Problem
from campaigns.launch.definition import definition_of
from campaigns.launch.snapshot import open_snapshot
from campaigns.ledger import Launch, State
from campaigns.plan import NOT_ALLOCATED, Earlier, allocation_salt, assigned_among


def layer_problems(workspace: WorkspaceFile, files: Sequence[CampaignFile], only: str | None = None) -> list[Problem]:
    """Experiments that do not exclude each other although they share a layer and can run at the same time.

    `only` looks at one campaign's experiment beside all others.
    """
    problems: list[Problem] = []
    for number, file in enumerate(files):
        for other in files[:number]:
            if only in (None, file.record.campaign, other.record.campaign):
                problems += _conflicts(workspace, file, other)
    return problems


def check_period(campaign: Campaign, as_of: datetime) -> None:
    """Refuse a launch at an instant at which the campaign's experiment does not run. Raises InvalidDefinition."""
    experiment = campaign.experiment
    if experiment is not None and not experiment.covers(as_of):
        raise InvalidDefinition(
            f"campaign {campaign.campaign!r}: experiment {experiment.key!r} runs {experiment.dates}, not at as_of "
            f"{format_instant(as_of)}; change its start or end, or leave the experiment out"
        )


def same_experiment(launches: Sequence[Launch], key: str, but: str = "") -> list[tuple[Launch, Definition]]:
    """The other launches of an experiment that reached somebody and whose decisions are there, in the order in which
    they were made. One that was stopped before its first event told nobody anything.
    """
    found = []
    for launch in sorted(launches, key=lambda each: (each.created_at, each.launch_id)):
        if launch.launch_id == but or launch.manifest is None or launch.purged_at or _silent(launch):
            continue
        if f'"{key}"' not in launch.definition:  # cheaper than to parse the definitions of all launches there ever were
            continue
        definition = definition_of(launch)
        experiment = definition.campaign.experiment
        if experiment is not None and experiment.key == key:
            found.append((launch, definition))
    return found


def _silent(launch: Launch) -> bool:
    return launch.state != State.COMPLETED and not launch.acknowledged


def verified_files(snapshots: Path, launch: Launch) -> list[Path]:
    """The files of a launch's decisions, compared with their checksums. Raises Damaged."""
    snapshot = open_snapshot(snapshots, launch)
    return [snapshot.verified(number) for number in range(len(snapshot.files))]


def earlier(snapshots: Path, launches: Sequence[tuple[Launch, Definition]]) -> list[Earlier]:
    """What earlier launches assigned. Raises Damaged."""
    return [
        Earlier(files, experiment.bucket_version, experiment.unit is not None, bool(experiment.forced))
        for launch, definition in launches
        if (experiment := definition.campaign.experiment) and (files := verified_files(snapshots, launch))
    ]


def remembers(experiment: Experiment | None) -> bool:
    """Whether a launch must know what earlier ones assigned."""
    return experiment is not None and (experiment.sticky or experiment.min_bucket_version > 0)


def shrinking(
    claim: Launch, frozen: Path, snapshots: Path, launches: Sequence[Launch], reader: Callable[[], Engine]
) -> str | None:
    """How many customers of a frozen launch lose their assignment because the allocation shrank since the campaign's
    last launch of the experiment; None when it did not. `frozen` is the folder of its own snapshot. Raises Damaged.
    """
    experiment = definition_of(claim).campaign.experiment
    before = same_experiment(launches, experiment.key, claim.launch_id) if experiment else []
    mine = [
        definition for launch, definition in before if launch.campaign == claim.campaign and not definition.promotes
    ]
    last = mine[-1].campaign.experiment if mine else None
    if experiment is None or last is None or definition_of(claim).promotes:
        return None
    moved = allocation_salt(last) != allocation_salt(experiment)
    gone = without(last.allocation, () if moved and not experiment.everyone else experiment.allocation)
    if not gone:
        return None
    with closing(reader()) as engine:
        files = verified_files(frozen, claim)
        count = engine.rows(assigned_among(earlier(snapshots, before), files, NOT_ALLOCATED)) if files else []
    losing = int(str(count[0]["customers"])) if count else 0
    ranges = [", ".join(map(str, each.allocation)) for each in (last, experiment)]
    return (
        f"shrinks the allocation of experiment {experiment.key!r} from {ranges[0]} to {ranges[1]}: {losing:,} "
        "customers lose their assignment"
    )


def _conflicts(workspace: WorkspaceFile, file: CampaignFile, other: CampaignFile) -> Iterator[Problem]:
    mine, theirs = file.record.experiment, other.record.experiment
    if mine is None or theirs is None or mine.layer is None or mine.layer != theirs.layer or mine.key == theirs.key:
        return
    if not targeted(workspace.record, file.record).keys() & targeted(workspace.record, other.record).keys():
        return  # no customer of the one is a customer of the other
    if not mine.meets(theirs):
        return
    whose = f"experiment {mine.key!r} (campaign {file.record.campaign!r})"
    others = f"experiment {theirs.key!r} (campaign {other.record.campaign!r})"
    if mine.unit != theirs.unit:
        message = f"{whose} buckets {mine.unit or 'the customer'}, {others} {theirs.unit or 'the customer'}"
        yield file.problem(("experiment", "unit"), f"layer {mine.layer!r}: {message}; one layer needs one unit")
    elif shared := overlaps(mine.allocation, theirs.allocation):
        both = ", ".join(map(str, shared))
        message = f"layer {mine.layer!r}: {whose} and {others} both own {both}, and can run at the same time"
        path = ("experiment", "allocation") if "allocation" in mine.model_fields_set else ("experiment", "layer")
        yield file.problem(path, message)
