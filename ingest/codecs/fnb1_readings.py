"""
The reading frame of FNB1, schema 1: a register and up to twelve intervals, 64 bytes.

Source: headend notes 2.3 (layout) and 2.9 (ranges, snapping, quality bits).
"""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.codecs.frames import UNTOLD, Frames, Refusal, Refusals
from ingest.codecs.limits import EARLY_S_MAX, LATE_S_MAX, REGISTER_END
from mdms.domain.errors import RejectReason
from mdms.domain.events import EventCode
from mdms.domain.readings import FLAG_PARTIAL, FLAG_POWER_FAIL, Int32, Int64

SCHEMA_ID: Final = 1
INTERVALS_MAX: Final = 12
SNAP_S_MAX: Final = 150

READ: Final = np.dtype([
    ("meter_id", "<u4"), ("t_newest", "<u4"), ("register", "<u8"), ("seq", "<u2"),
    ("rx_age", "<u2"), ("rssi", "<i2"), ("snr", "i1"), ("mtype", "u1"), ("chan", "u1"),
    ("ilen", "u1"), ("n", "u1"), ("scale", "i1"), ("flags", "<u2"), ("repeat", "u1"),
    ("rsv", "u1"), ("delta", "<u2", (INTERVALS_MAX,)), ("q", "<u4"), ("tag", "<u4"),
])  # fmt: skip
FRAME_SIZE: Final = READ.itemsize
Float64 = npt.NDArray[np.float64]

_FLAGS_KNOWN = (1 << 10) - 1
_FLAG_POWER_FAIL, _FLAG_RESTORED = 1 << 0, 1 << 1
(
    FLAG_LOW_BATTERY, FLAG_TAMPER, FLAG_REGISTER_RESET, FLAG_REVERSE_FLOW, FLAG_LEAK,
) = (1 << bit for bit in range(3, 8))  # fmt: skip
ALARM_CODES: Final[Mapping[int, EventCode]] = MappingProxyType(
    {
        FLAG_LOW_BATTERY: EventCode.LOW_BATTERY,
        FLAG_TAMPER: EventCode.TAMPER,
        FLAG_REGISTER_RESET: EventCode.REGISTER_RESET,
        FLAG_REVERSE_FLOW: EventCode.BACKFLOW,
        FLAG_LEAK: EventCode.LEAK,
    }
)
"""Bits that are set as long as an alarm lasts, and what it is; backflow of energy has its own."""
ALARMS: Final = sum(ALARM_CODES)
_SCALE_MAX = 4
_MTYPE_MAX = 4
_MTYPE_PERIODIC = 1
_AGE_END = (1 << 16) - 1
"""An age of reception that is no less than what it can tell."""
_KNOWN_MINUTES = np.zeros(256, np.bool_)
_KNOWN_MINUTES[[5, 15, 30, 60]] = True
_Q_OK, _Q_OVERFLOW, _Q_PARTIAL = 0, 2, 3
_POWERS_OF_TEN = 10 ** np.arange(_SCALE_MAX + 1, dtype=np.int64)
_POSITIONS = np.arange(INTERVALS_MAX)
_MEASURED = ("register", "n", "scale", "flags", "delta", "q", "tag")
"""What a frame says about its customer; the tag counts, because guesses can be tried on it."""


def read(
    body: bytes, received_s: int, closed_s: float | Float64 = math.nan
) -> tuple[Frames, tuple[Refusal, ...]]:
    """
    Expand frames to columns, in one pass over each field.

    Args:
        body: Whole frames, one after the other.
        received_s: When they arrived, seconds since 1970-01-01 UTC.
        closed_s: When their collector closed the batch, by a clock that it trusts; NaN where it
            has none, or where the frames were sent long before. One time, or one a frame.

    Returns:
        The frames that can be used, and what is wrong with the others. A frame whose stamp lies
        off the grid is in both: its register counts, its intervals do not.
    """
    raw = np.frombuffer(body, READ)
    refused = Refusals(raw["meter_id"])
    _check(raw, received_s, refused)
    n = raw["n"].astype(np.int64)
    at_s = raw["t_newest"].astype(np.int64)

    step_s: Int64 = raw["ilen"].astype(np.int64) * 60 * (n > 0)
    offset_s = _offset_from_grid(at_s, step_s)
    aligned = np.abs(offset_s) <= SNAP_S_MAX
    refused.note(~aligned, RejectReason.BAD_ALIGNMENT, "stamp is off the grid; register kept")

    usable = ~refused.whole
    quality = raw["q"].astype(np.int64)[:, None] >> (2 * _POSITIONS) & 3
    present = (
        (n[:, None] > _POSITIONS)
        & ((quality == _Q_OK) | (quality == _Q_PARTIAL))
        & aligned[:, None]
    )
    # A frame that is refused may say anything; what comes of it is thrown away below.
    factor = _POWERS_OF_TEN[np.minimum(raw["scale"].view(np.uint8), _SCALE_MAX)]
    register = np.minimum(raw["register"], REGISTER_END).astype(np.int64)
    power_failed = raw["flags"] & _FLAG_POWER_FAIL != 0
    flags = FLAG_PARTIAL * (quality == _Q_PARTIAL).astype(np.int64)
    flags |= FLAG_POWER_FAIL * power_failed[:, None].astype(np.int64)
    frames = Frames(
        index=np.arange(len(raw), dtype=np.int32),
        radio_id=raw["meter_id"].astype(np.int64),
        wire_channel=raw["chan"].copy(),
        interval_s=step_s.astype(np.int32),
        at_s=at_s,
        register=register * factor,
        start_s=(at_s - offset_s)[:, None] - step_s[:, None] * (_POSITIONS + 1),
        value=raw["delta"].astype(np.int64) * factor[:, None],
        present=present,
        flags=flags,
        lag_s=_lag_s(raw, closed_s),
        alarms=raw["flags"] & np.uint16(ALARMS),
        overflow=quality == _Q_OVERFLOW,
    )
    return (frames if usable.all() else frames.take(usable)), refused.found()


def stamps(
    body: bytes, frames: npt.NDArray[np.integer], closed_s: Float64
) -> tuple[Int64, Int64, Int32, Int64]:
    """Return radio id, stamp, interval length and lag of these frames, also of refused ones."""
    raw = np.frombuffer(body, READ)[frames]
    return (
        raw["meter_id"].astype(np.int64),
        raw["t_newest"].astype(np.int64),
        raw["ilen"].astype(np.int32) * 60,
        _lag_s(raw, closed_s[frames]),
    )


def _lag_s(raw: npt.NDArray[np.void], closed_s: float | Float64) -> Int64:
    """Return how old the newest interval of each frame was when it was sent."""
    age = raw["rx_age"]
    lag_s = np.rint(closed_s - age / 10 - raw["t_newest"])
    dark = raw["flags"] & (_FLAG_POWER_FAIL | _FLAG_RESTORED) != 0
    silent = (raw["n"] == 0) | dark | (age == _AGE_END) | (raw["mtype"] != _MTYPE_PERIODIC)
    told: Int64 = np.where(silent | np.isnan(lag_s), UNTOLD, lag_s).astype(np.int64)
    return told


def blank(body: bytes, frames: npt.NDArray[np.integer]) -> bytes:
    """
    Return the frames with everything that these ones measured set to 0.

    They are of no type that there is, so that nobody ever reads a register of 0 in them: who should
    be silent the registry may say otherwise one day.
    """
    raw = np.frombuffer(body, READ).copy()
    for name in (*_MEASURED, "mtype"):
        raw[name][frames] = 0
    return raw.tobytes()


def _check(raw: npt.NDArray[np.void], received_s: int, refused: Refusals) -> None:
    """Refuse frames with anything outside the ranges of 2.9."""
    n, at_s = raw["n"], raw["t_newest"].astype(np.int64)
    scale, mtype = raw["scale"], raw["mtype"]
    unknown_length = ~_KNOWN_MINUTES[raw["ilen"]]
    beyond = raw["q"].astype(np.int64) >> (2 * np.minimum(n, INTERVALS_MAX).astype(np.int64))
    for wrong, reason, detail in (
        (raw["flags"] > _FLAGS_KNOWN, RejectReason.BAD_FLAGS, "unknown flag bit"),
        (raw["rsv"] != 0, RejectReason.BAD_VALUE, "reserved byte is not 0"),
        (n > INTERVALS_MAX, RejectReason.BAD_COUNT, "more than 12 intervals"),
        (unknown_length & (n > 0), RejectReason.BAD_INTERVAL, "interval length is not on the list"),
        ((scale < 0) | (scale > _SCALE_MAX), RejectReason.BAD_VALUE, "scale is not 0 to 4"),
        (raw["register"] >= REGISTER_END, RejectReason.BAD_VALUE, "register takes over 40 bits"),
        ((mtype < 1) | (mtype > _MTYPE_MAX), RejectReason.BAD_VALUE, "message type is not 1 to 4"),
        (beyond != 0, RejectReason.BAD_VALUE, "quality bits of intervals that were not sent"),
        (at_s > received_s + EARLY_S_MAX, RejectReason.TIME_FUTURE, "stamped in the future"),
        (at_s < received_s - LATE_S_MAX, RejectReason.TIME_PAST, "stamped over 45 days ago"),
    ):
        refused.add(wrong, reason, detail)


def _offset_from_grid(at_s: Int64, step_s: Int64) -> Int64:
    """Return how far each stamp lies after (or, negative, before) the nearest interval end."""
    step_s = np.maximum(step_s, 1)
    half_s = step_s // 2
    return (at_s + half_s) % step_s - half_s
