"""Kafka, a real broker on the same machine: emissions against the plain client at its best, and whole launches."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import launch
from benchmarks.brokers import Kafka, kafka
from benchmarks.figures import Bar, Figure, at_least
from benchmarks.freeze import freeze
from benchmarks.results import Result
from benchmarks.sides import Measured, highest, in_turns, middle, side
from benchmarks.workspaces import copy_of, redirect, workspace

_CLIENT = "the plain client"


def run(customers: int, rounds: int) -> Result:
    """Events acknowledged a second, and customers launched a second."""
    sizes = launch.sizes(customers)
    with copy_of(workspace(customers)) as frozen, kafka() as broker:
        side(freeze, workspace=str(frozen))()
        _check_same_events(frozen)
        _on(broker, frozen, produce)()  # not measured: the broker compiles what it runs often
        emitted = in_turns(
            rounds,
            ceiling=_on(broker, frozen, produce),
            emit=_on(broker, frozen, emit),
            ceiling_without_header=_on(broker, frozen, produce, header=False),
            emit_without_header=_on(broker, frozen, emit, header=False),
            ceiling_mock=side(produce_mock, workspace=str(frozen)),
            emit_mock=partial(_on_mock, frozen),
        )
        launches = {str(size): _on(broker, workspace(size), launched, customers=size) for size in sizes}
        whole = in_turns(rounds, **launches, naive=_on(broker, workspace(customers), naive))
    naives = whole.pop("naive")
    return Result(
        [
            *emission("Kafka", emitted["emit"], emitted["ceiling"], at_least(0.7)),
            *emission(
                "Kafka, no header", emitted["emit_without_header"], emitted["ceiling_without_header"], at_least(0.7)
            ),
            *emission("mock broker", emitted["emit_mock"], emitted["ceiling_mock"]),
            *launch.figures(sizes, list(whole.values()), " on Kafka"),
            *_beside_naive(whole[str(customers)], naives, customers),
        ],
        {**emitted, **whole, "naive": naives},
    )


def produce(workspace: str, address: str, topic: str, header: bool = True) -> Mapping[str, Any]:
    """Ready payloads through the plain client, as one endless pipeline."""
    from benchmarks.producer import produced

    return produced(workspace, {"bootstrap.servers": address}, topic, header=header)


def produce_mock(workspace: str) -> Mapping[str, Any]:
    """The same to librdkafka's broker in this very process, which keeps next to nothing."""
    from benchmarks.producer import produced

    return produced(workspace, {"test.mock.num.brokers": 1}, "benchmark", header=True)


def emit(workspace: str, address: str, topic: str, header: bool = True) -> Mapping[str, Any]:
    """Resume a frozen launch: from its claim until the broker has acknowledged the last event."""
    from benchmarks.resumed import resumed

    redirect(Path(workspace), f"kafka://{address}/{topic}", **_config(header))
    return resumed(workspace)


def emit_mock(workspace: str) -> Mapping[str, Any]:
    """The same to librdkafka's broker in this very process."""
    from benchmarks.producer import mock_broker

    with mock_broker("benchmark") as address:
        return emit(workspace, address, "benchmark")


def launched(workspace: str, address: str, topic: str, customers: int) -> Mapping[str, Any]:
    """A whole launch onto the topic."""
    redirect(Path(workspace), f"kafka://{address}/{topic}")
    return launch.launch(workspace, customers)


def naive(workspace: str, address: str, topic: str) -> Mapping[str, Any]:
    """What a user would write instead."""
    from benchmarks.naive import loop

    return loop(workspace, address, topic)


def same_events(workspace: str) -> Mapping[str, Any]:
    """See `benchmarks.naive.same_events`."""
    from benchmarks.naive import same_events

    return same_events(workspace)


def _on(
    broker: Kafka, root: Path, function: Callable[..., Mapping[str, Any]], **more: object
) -> Callable[[], Measured]:
    """A side on a copy of the workspace and a topic of its own, on which there must be each event once."""

    def measure() -> Measured:
        with copy_of(root) as place, broker.topic() as topic:
            run = side(function, workspace=str(place), address=broker.address, topic=topic, **more)
            found = broker.beside(run)
            assert broker.messages(topic) == found["events"]
            return found

    return measure


def _on_mock(root: Path) -> Measured:
    with copy_of(root) as place:
        return side(emit_mock, workspace=str(place))()


def _config(header: bool) -> dict[str, bool]:
    return {} if header else {"content_type_header": False}


def emission(where: str, mine: list[Measured], client: list[Measured], bar: Bar | None = None) -> Iterator[Figure]:
    """An emission beside the plain client that publishes the same payloads."""
    events = mine[0]["events"]
    assert {each["events"] for each in [*mine, *client]} == {events}
    rates = [events / middle(each, "seconds") for each in (mine, client)]
    yield Figure(f"emit, {where}", rates[0], "events/s", _CLIENT, rates[1], bar)
    yield Figure("– the same in seconds", middle(mine, "seconds"), "s", _CLIENT, middle(client, "seconds"))
    yield _processors("– processor time an event", mine, client, "cpu")
    if "broker_cpu" in mine[0]:
        yield _processors("– the broker's processor time an event", mine, client, "broker_cpu")
        cores = os.cpu_count() or 1
        shares = [middle(each, "broker_cpu") / middle(each, "seconds") / cores * 100 for each in (mine, client)]
        yield Figure("– the broker's part of the processors", shares[0], "%", _CLIENT, shares[1])
    yield Figure("– bytes an event", client[0]["bytes"] / events, "B")
    yield Figure("– peak memory", highest(mine, "peak_mib"), "MiB")


def _processors(what: str, mine: list[Measured], client: list[Measured], name: str) -> Figure:
    mean, other = (middle(each, name) / each[0]["events"] * 1e6 for each in (mine, client))
    return Figure(what, mean, "µs", _CLIENT, other)


def _beside_naive(mine: list[Measured], naives: list[Measured], customers: int) -> Iterator[Figure]:
    what = "query, json.dumps, a callback each"
    assert mine[0]["events"] == naives[0]["events"]
    seconds, other = middle(mine, "seconds"), middle(naives, "seconds")
    yield Figure("launch on Kafka", customers / seconds, "customers/s", what, customers / other, at_least(2))
    yield Figure("– the same in seconds", seconds, "s", what, other)
    after = other - middle(naives, "query")
    yield Figure("– of it after the decisions", middle(mine, "emit"), "s", what, after)
    yield Figure("– peak memory", highest(mine, "peak_mib"), "MiB", what, highest(naives, "peak_mib"))


def _check_same_events(frozen: Path) -> None:
    found = side(same_events, workspace=str(frozen))()
    assert 0 < found["same"] == found["ours"] == found["theirs"], f"benchmarks/naive.py makes other events: {found}"
