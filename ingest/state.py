"""A collector's state message, `col/{c}/state`: retained JSON, headend notes 2.8."""

import re
from datetime import datetime
from typing import Annotated

import msgspec

from ingest.sequence import Offer
from mdms.domain.errors import DecodeError, RejectReason
from mdms.domain.time import to_epoch_us

_TOPIC = re.compile(r"ami/v1/[^/]+/col/(?P<collector>[1-9][0-9]{0,9})/state", re.ASCII)

Natural = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]


class _State(msgspec.Struct, frozen=True):
    """What is read of it; the rest is for people."""

    s: str
    id: Natural
    boot: Natural | None = None
    seq: Natural | None = None
    oldest_seq: Natural | None = None
    t: datetime | None = None


def is_state(topic: str) -> bool:
    """Tell whether a topic is one of collectors' states."""
    return _TOPIC.fullmatch(topic) is not None


def read(topic: str, payload: bytes, received_at: datetime) -> Offer | None:
    """
    Read what a collector says about its count; None if it says nothing of it.

    Raises:
        DecodeError: It cannot be read, or speaks for another collector.
    """
    parts = _TOPIC.fullmatch(topic)
    assert parts is not None, "the topic has been looked at"
    try:
        state = msgspec.json.decode(payload, type=_State)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DecodeError(RejectReason.BAD_BODY, f"state: {error}") from error
    if state.id != int(parts["collector"]):
        raise DecodeError(
            RejectReason.WRONG_COLLECTOR,
            f"collector {state.id} on the state of {parts['collector']}",
        )
    if state.boot is None or state.seq is None:
        return None
    at = received_at if state.t is None or state.t.tzinfo is None else state.t
    return Offer(state.id, state.boot, state.seq, state.oldest_seq, to_epoch_us(at))
