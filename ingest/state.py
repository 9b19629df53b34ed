"""A collector's state message, `col/{c}/state`: retained JSON, headend notes 2.8."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final

import msgspec

from ingest.codecs.limits import EARLY_S_MAX
from ingest.sequence import Offer
from mdms.domain.collectors import CollectorReport
from mdms.domain.errors import DecodeError, RejectReason
from mdms.domain.time import EPOCH, to_epoch_us

_TOPIC = re.compile(r"ami/v1/[^/]+/col/(?P<collector>[1-9][0-9]{0,9})/state", re.ASCII)
_ONLINE: Final = "online"
_NUMBER_END: Final = 1 << 62
"""Whatever is added to a number below it still fits the database's."""

_Natural = Annotated[int, msgspec.Meta(ge=0, lt=_NUMBER_END)]
_Offset = Annotated[float, msgspec.Meta(gt=-_NUMBER_END, lt=_NUMBER_END)]
_Text = Annotated[str, msgspec.Meta(max_length=200)]


class _State(msgspec.Struct, frozen=True):
    """What is read of it; names as on the wire, the rest is for people."""

    s: _Text
    id: _Natural
    reason: _Text = ""
    boot: _Natural | None = None
    seq: _Natural | None = None
    oldest_seq: _Natural | None = None
    buf: _Natural | None = None
    off_ms: _Offset | None = None
    gps: bool | None = None
    fw: _Text = ""
    temp: float | None = None
    t: datetime | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What a state says of the collector, and of its count; None if nothing of that."""

    report: CollectorReport
    offer: Offer | None


def is_state(topic: str) -> bool:
    """Tell whether a topic is one of collectors' states."""
    return _TOPIC.fullmatch(topic) is not None


def read(topic: str, payload: bytes, received_at: datetime, *, retained: bool = False) -> Said:
    """
    Read a state.

    Args:
        topic: A state's.
        payload: What it says.
        received_at: When it came.
        retained: The broker kept it for whoever comes, so it is as old as it says.

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
    written_at = _written_at(state, received_at)
    report = CollectorReport(
        collector_id=state.id,
        online=state.s == _ONLINE,
        reason=_printable(state.reason or state.s),
        boot_id=state.boot,
        # Of a kept message that does not say when it was written nothing is known.
        alive_at=(written_at or EPOCH) if retained else received_at,
        clock_offset_ms=None if state.off_ms is None else round(state.off_ms),
        buffered=state.buf,
        gps=state.gps,
        firmware=_printable(state.fw),
        temperature_c=state.temp,
    )
    if state.boot is None or state.seq is None:
        return Said(report, None)
    at_us = to_epoch_us(written_at or received_at)
    return Said(report, Offer(state.id, state.boot, state.seq, state.oldest_seq, at_us))


def _written_at(state: _State, received_at: datetime) -> datetime | None:
    """Return when a state was written; None if it does not say, or cannot know."""
    if state.t is None or state.t.tzinfo is None:
        return None
    return state.t if EPOCH <= state.t <= received_at + timedelta(seconds=EARLY_S_MAX) else None


def _printable(text: str) -> str:
    """Return a text that every database and terminal takes."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
