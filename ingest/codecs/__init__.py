"""Codecs: pure, one module per wire format; the topic says which one reads a message."""

import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from ingest.codecs import fnb1, fnb1_plain
from ingest.codecs.decoded import Decoded, Opened
from ingest.codecs.frames import Arrival
from mdms.domain.errors import DecodeError, RejectReason
from mdms.ports.messages import Envelope

_TOPIC = re.compile(
    r"ami/v1/[^/]+/col/(?P<collector>[1-9][0-9]{0,9})/up/(?P<kind>read|event|backfill|ack)",
    re.ASCII,
)
_COLLECTOR = re.compile(r"ami/v1/[^/]+/col/(?P<collector>[1-9][0-9]{0,9})/", re.ASCII)
_COLLECTOR_ID_MAX = 2**32 - 1
_TOPICS_MAX = 4096
"""Remembered: each collector speaks on four of them, over and over, and many times in a batch."""

_FEW = 16
"""Columns of fewer messages cost more than they spare."""


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


def open_plain(batch: Sequence[Envelope], received_at: datetime) -> Sequence[Opened | None]:
    """
    Open what came at one time and needs no closer look; None for what `open_message` must see.

    What is opened here `open_message` would open to the same, in twice the time.
    """
    if len(batch) < _FEW:
        return [None] * len(batch)
    arrivals = [_arrival(each.topic, received_at) for each in batch]
    return fnb1_plain.open_plain([each.payload for each in batch], arrivals)


def arrival(topic: str, received_at: datetime) -> Arrival:
    """
    Read a topic.

    Raises:
        DecodeError: It is none of the topics that collectors publish to.
    """
    known = _arrival(topic, received_at)
    if known is None:
        raise DecodeError(RejectReason.BAD_TOPIC, "no topic of a collector")
    return known


def collector_of(topic: str) -> int | None:
    """Return the collector that a topic of any kind names, None where it names none."""
    named = _COLLECTOR.match(topic)
    return int(named["collector"]) if named else None


@lru_cache(maxsize=_TOPICS_MAX)
def _arrival(topic: str, received_at: datetime) -> Arrival | None:
    parts = _parts(topic)
    return None if parts is None else Arrival(*parts, received_at)


@lru_cache(maxsize=_TOPICS_MAX)
def _parts(topic: str) -> tuple[int, str] | None:
    parts = _TOPIC.fullmatch(topic)
    if parts is None or int(parts["collector"]) > _COLLECTOR_ID_MAX:
        return None
    return int(parts["collector"]), parts["kind"]
