"""Bytes in, acknowledged bytes out: the ports every stream implements. It knows no campaigns."""

from campaigns.streams.port import Lost, Message, Messages, Publisher, Received, Stream, Subscriber

__all__ = ["Lost", "Message", "Messages", "Publisher", "Received", "Stream", "Subscriber"]
