"""
The event frame of FNB1, schema 2: one event of one meter, 64 bytes.

Source: headend notes 2.6 (layout, codes) and 2.9 (ranges, golden vector).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.codecs.frames import Refusal, Refusals
from ingest.codecs.limits import EARLY_S_MAX, LATE_S_MAX, REGISTER_END
from mdms.domain.errors import RejectReason
from mdms.domain.events import EventCode, Severity

SCHEMA_ID: Final = 2
CODE_MAX: Final = EventCode.REPLAY_SEEN

EVENT: Final = np.dtype([
    ("meter_id", "<u4"), ("t_event", "<u4"), ("code", "<u2"), ("sub", "<u2"), ("seq", "<u2"),
    ("severity", "u1"), ("flags", "u1"), ("value", "<i8"), ("register", "<u8"), ("rssi", "<i2"),
    ("snr", "i1"), ("repeat", "u1"), ("rsv", "u1", (24,)), ("tag", "<u4"),
])  # fmt: skip

_FLAG_CLEARED = 1
_MEASURED = ("sub", "value", "register", "tag")


@dataclass(frozen=True, slots=True)
class EventFrame:
    """An event as it was sent; whose it is, the radio id and the time say together."""

    index: int
    """Position in the message."""
    radio_id: int
    at_s: int
    code: EventCode
    sub: int
    seq: int
    severity: Severity
    cleared: bool
    value: int
    register: int


def read(body: bytes, received_s: int) -> tuple[tuple[EventFrame, ...], tuple[Refusal, ...]]:
    """
    Read whole event frames, one after the other.

    Args:
        body: The frames.
        received_s: When they arrived, seconds since 1970-01-01 UTC.

    Returns:
        The frames that can be used, and what is wrong with the others.
    """
    raw = np.frombuffer(body, EVENT)
    refused = Refusals(raw["meter_id"])
    at_s = raw["t_event"].astype(np.int64)
    for wrong, reason, detail in (
        ((raw["code"] < 1) | (raw["code"] > CODE_MAX), RejectReason.BAD_VALUE, "unknown code"),
        (raw["severity"] > max(Severity), RejectReason.BAD_VALUE, "severity is not 0 to 3"),
        (raw["flags"] > _FLAG_CLEARED, RejectReason.BAD_FLAGS, "unknown flag bit"),
        ((raw["rsv"] != 0).any(axis=1), RejectReason.BAD_VALUE, "a reserved byte is not 0"),
        (raw["register"] >= REGISTER_END, RejectReason.BAD_VALUE, "register takes over 40 bits"),
        (at_s > received_s + EARLY_S_MAX, RejectReason.TIME_FUTURE, "stamped in the future"),
        (at_s < received_s - LATE_S_MAX, RejectReason.TIME_PAST, "stamped over 45 days ago"),
    ):
        refused.add(wrong, reason, detail)
    frames = (_frame(index, raw[index]) for index in np.flatnonzero(~refused.whole).tolist())
    return tuple(frames), refused.found()


def blank(body: bytes, frames: Sequence[int] | npt.NDArray[np.integer]) -> bytes:
    """Return the frames with everything that these ones measured set to 0."""
    raw = np.frombuffer(body, EVENT).copy()
    for name in _MEASURED:
        raw[name][frames] = 0
    return raw.tobytes()


def _frame(index: int, raw: np.void) -> EventFrame:
    return EventFrame(
        index=index,
        radio_id=int(raw["meter_id"]),
        at_s=int(raw["t_event"]),
        code=EventCode(int(raw["code"])),
        sub=int(raw["sub"]),
        seq=int(raw["seq"]),
        severity=Severity(int(raw["severity"])),
        cleared=bool(raw["flags"] & _FLAG_CLEARED),
        value=int(raw["value"]),
        register=int(raw["register"]),
    )
