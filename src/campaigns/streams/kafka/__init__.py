"""A Kafka topic as a stream, through librdkafka. Needs the package confluent-kafka."""

from campaigns.streams.kafka.stream import KafkaStream

__all__ = ["KafkaStream"]
