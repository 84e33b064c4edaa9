"""The functions of librdkafka that publishing by columns needs, from the library that confluent-kafka brings along.

confluent-kafka's own producer takes an object for every key, value and header, and calls into Python for every message
that was delivered, even if only failures are asked for. Both are done in the thread that publishes, and cost more than
all the rest of it. The names and layouts here are of librdkafka's public header `rdkafka.h`, which its releases keep.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import c_char_p, c_int, c_int32, c_int64, c_size_t, c_void_p
from typing import Any

import numpy as np
from confluent_kafka import cimpl

# A library of ctypes' gives the GIL away around every call. That pays for calls that wait, not for those that take
# a microsecond: the first are looked up in one library, the others in the other.
_WAITING, _SHORT = ctypes.CDLL(cimpl.__file__), ctypes.PyDLL(cimpl.__file__)

PRODUCER, CONF_OK = 0, 0
EVENT_DELIVERY, EVENT_LOG, EVENT_ERROR = 0x1, 0x4, 0x8
COPY = 0x2
"""The message flag for bytes that the caller may free or change when the call returns."""
PURGE_ALL = 0x1 | 0x2 | 0x4
"""What is queued and what is under way, without waiting for who handles it."""
TOPIC, VALUE, KEY, FLAGS, HEADER = 2, 4, 5, 7, 9
"""What an argument of `produceva` is, its `vtype`."""

ARGUMENT = np.dtype(
    {"names": ["vtype", "a", "b", "c"], "formats": ["<i8", *["<u8"] * 3], "offsets": [0, 8, 16, 24], "itemsize": 72}
)
"""`rd_kafka_vu_t`: what an argument is and up to three words: address and size, or name, address and size."""


class Message(ctypes.Structure):
    """`rd_kafka_message_t`."""

    _fields_ = (
        ("error", c_int32),
        ("topic", c_void_p),
        ("partition", c_int32),
        ("value", c_void_p),
        ("size", c_size_t),
        ("key", c_void_p),
        ("key_size", c_size_t),
        ("offset", c_int64),
        ("private", c_void_p),
    )


def _function(library: ctypes.CDLL, name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
    try:
        function = library[f"rd_kafka_{name}"]
    except AttributeError:
        raise ImportError(
            f"{cimpl.__file__} does not give access to librdkafka's rd_kafka_{name}; on this platform Kafka cannot be "
            "published to"
        ) from None
    function.restype, function.argtypes = result, arguments
    return function


conf_new = _function(_SHORT, "conf_new", c_void_p)
conf_destroy = _function(_SHORT, "conf_destroy", None, c_void_p)
conf_set = _function(_SHORT, "conf_set", c_int, c_void_p, c_char_p, c_char_p, c_char_p, c_size_t)
conf_set_events = _function(_SHORT, "conf_set_events", None, c_void_p, c_int)
new = _function(_WAITING, "new", c_void_p, c_int, c_void_p, c_char_p, c_size_t)
destroy = _function(_WAITING, "destroy", None, c_void_p)
set_log_queue = _function(_SHORT, "set_log_queue", c_int, c_void_p, c_void_p)
topic_new = _function(_SHORT, "topic_new", c_void_p, c_void_p, c_char_p, c_void_p)
topic_destroy = _function(_SHORT, "topic_destroy", None, c_void_p)

produceva = _function(_SHORT, "produceva", c_void_p, c_void_p, c_void_p, c_size_t)
error_code = _function(_SHORT, "error_code", c_int, c_void_p)
error_string = _function(_SHORT, "error_string", c_char_p, c_void_p)
error_is_fatal = _function(_SHORT, "error_is_fatal", c_int, c_void_p)
error_destroy = _function(_SHORT, "error_destroy", None, c_void_p)
fatal_error = _function(_SHORT, "fatal_error", c_int, c_void_p, c_char_p, c_size_t)

outq_len = _function(_SHORT, "outq_len", c_int, c_void_p)
flush = _function(_WAITING, "flush", c_int, c_void_p, c_int)
purge = _function(_WAITING, "purge", c_int, c_void_p, c_int)
queue_get_main = _function(_SHORT, "queue_get_main", c_void_p, c_void_p)
queue_poll = _function(_WAITING, "queue_poll", c_void_p, c_void_p, c_int)
queue_destroy = _function(_SHORT, "queue_destroy", None, c_void_p)

event_type = _function(_SHORT, "event_type", c_int, c_void_p)
event_error = _function(_SHORT, "event_error", c_int, c_void_p)
event_error_string = _function(_SHORT, "event_error_string", c_char_p, c_void_p)
event_message_next = _function(_SHORT, "event_message_next", ctypes.POINTER(Message), c_void_p)
event_log = _function(
    _SHORT,
    "event_log",
    c_int,
    c_void_p,
    ctypes.POINTER(c_char_p),
    ctypes.POINTER(c_char_p),
    ctypes.POINTER(c_int),
)
event_destroy = _function(_SHORT, "event_destroy", None, c_void_p)
