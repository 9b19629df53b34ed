"""Codecs: pure, one module per wire format; the topic says which one reads a message."""

import re
from datetime import datetime
from functools import lru_cache

from ingest.codecs import fnb1
from ingest.codecs.decoded import Decoded, Opened
from ingest.codecs.frames import Arrival
from mdms.domain.errors import DecodeError, RejectReason

_TOPIC = re.compile(
    r"ami/v1/[^/]+/col/(?P<collector>[1-9][0-9]{0,9})/up/(?P<kind>read|event|backfill|ack)",
    re.ASCII,
)
_COLLECTOR = re.compile(r"ami/v1/[^/]+/col/(?P<collector>[1-9][0-9]{0,9})/", re.ASCII)
_COLLECTOR_ID_MAX = 2**32 - 1
_TOPICS_MAX = 4096
"""Remembered: each collector speaks on four of them, over and over, and many times in a batch."""


def decode(topic: str, payload: bytes, received_at: datetime) -> Decoded:
    """
    Read one message that came in on a topic.

    Raises:
        DecodeError: It cannot be read; nothing else is ever raised because of what was sent.
    """
    return fnb1.decode(payload, arrival(topic, received_at))


def open_message(topic: str, payload: bytes, received_at: datetime) -> Opened:
    """
    Check one message that came in on a topic; its frames are left for later.

    Raises:
        DecodeError: It cannot be trusted as a whole.
    """
    return fnb1.open_message(payload, arrival(topic, received_at))


@lru_cache(maxsize=_TOPICS_MAX)
def arrival(topic: str, received_at: datetime) -> Arrival:
    """
    Read a topic.

    Raises:
        DecodeError: It is none of the topics that collectors publish to.
    """
    parts = _parts(topic)
    if parts is None:
        raise DecodeError(RejectReason.BAD_TOPIC, "no topic of a collector")
    collector_id, kind = parts
    return Arrival(collector_id, kind, received_at)


def collector_of(topic: str) -> int | None:
    """Return the collector that a topic of any kind names, None where it names none."""
    named = _COLLECTOR.match(topic)
    return int(named["collector"]) if named else None


@lru_cache(maxsize=_TOPICS_MAX)
def _parts(topic: str) -> tuple[int, str] | None:
    parts = _TOPIC.fullmatch(topic)
    if parts is None or int(parts["collector"]) > _COLLECTOR_ID_MAX:
        return None
    return int(parts["collector"]), parts["kind"]
