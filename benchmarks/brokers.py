"""Real servers for the benchmarks, as the tests start them: what lies on them, and what their process takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import psutil

from benchmarks.sides import Measured
from benchmarks.workspaces import scratch

if TYPE_CHECKING:
    from nats.js import JetStreamContext

PARTITIONS = 8


@dataclass(frozen=True, slots=True)
class Broker:
    """A running server. Nothing that one round puts there is left for the next."""

    address: str
    pid: int
    _numbers: Iterator[int] = field(default_factory=count)

    def beside(self, run: Callable[[], Measured]) -> Measured:
        """Run a side; what it found, with the processor seconds that the server's process took meanwhile."""
        before = self._cpu()
        found = run()
        return {**found, "broker_cpu": round(self._cpu() - before, 3)}

    def name(self) -> str:
        """A name that nothing on this server has yet."""
        return f"benchmark-{next(self._numbers)}"

    def _cpu(self) -> float:
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)


class Kafka(Broker):
    """A Kafka broker of one node."""

    @contextmanager
    def topic(self) -> Iterator[str]:
        """A topic for one round. Its files are removed at once, not after Kafka's minute: the disk stays bounded."""
        from confluent_kafka.admin import AdminClient
        from confluent_kafka.cimpl import NewTopic

        admin, name = AdminClient({"bootstrap.servers": self.address, "log_level": 0}), self.name()
        settings = {"file.delete.delay.ms": "0", "max.message.bytes": str(2 << 20)}
        for created in admin.create_topics([NewTopic(name, PARTITIONS, 1, config=settings)]).values():
            created.result()
        try:
            yield name
        finally:
            for deleted in admin.delete_topics([name]).values():
                deleted.result()

    def messages(self, topic: str) -> int:
        """How many lie on a topic, duplicates and all."""
        from confluent_kafka import Consumer, TopicPartition

        consumer = Consumer({"bootstrap.servers": self.address, "group.id": "benchmarks"})
        with closing(consumer):
            ends = [consumer.get_watermark_offsets(TopicPartition(topic, number)) for number in range(PARTITIONS)]
        return sum(end for _, end in ends)


class Nats(Broker):
    """A NATS server with JetStream on the disk."""

    @contextmanager
    def stream(self) -> Iterator[str]:
        """A stream for one round, as `campaigns stream create` makes them."""
        from campaigns.streams.nats import NatsStream

        name = self.name()
        NatsStream(self.address, name).create(PARTITIONS)
        try:
            yield name
        finally:
            self._ask(lambda jetstream: jetstream.delete_stream(name))

    def messages(self, stream: str) -> int:
        """How many lie on a stream, duplicates and all."""
        found: int = self._ask(lambda jetstream: jetstream.stream_info(stream)).state.messages
        return found

    def _ask(self, question: Callable[[JetStreamContext], Any]) -> Any:
        async def asked() -> Any:
            import nats

            connection = await nats.connect(self.address)
            try:
                return await question(connection.jetstream())
            finally:
                await connection.close()

        return asyncio.run(asked())


@contextmanager
def kafka() -> Iterator[Kafka]:
    """A broker of its own, ended with the block."""
    from support.servers.kafka import KafkaServer

    with scratch() as folder, closing(KafkaServer.started(folder)) as server:
        yield Kafka(server.address, server.pid)


@contextmanager
def nats() -> Iterator[Nats]:
    """A server of its own, ended with the block."""
    from support.servers.nats import NatsServer

    with scratch() as folder, closing(NatsServer.started(folder)) as server:
        yield Nats(server.address, server.pid)
