"""A JetStream stream of NATS servers. Needs the package nats-py."""

from campaigns.streams.nats.stream import NatsStream

__all__ = ["NatsStream"]
