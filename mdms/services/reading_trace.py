"""Where a value came from: its versions, and the raw frames that brought it."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from mdms.domain.errors import DecodeError
from mdms.domain.readings import RAW_VERSION, IntervalReads, Method, Source
from mdms.domain.registry import ChannelTable
from mdms.domain.time import Period, from_epoch_s, from_epoch_us, local_day, to_epoch_s
from mdms.ports.clock import Clock
from mdms.ports.frames import CarriedValue, OpenFrames, Sought
from mdms.ports.messages import UplinkMessage
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from mdms.services.channel_bench import one_channel
from mdms.services.reading_tables import displayed_status
from vee.names import in_words

KEPT_DAYS: Final = 90
"""Raw messages older than this are gone; design.md 9."""

MESSAGES_MAX: Final = 5_000
_REPEATS: Final = 12
"""A frame carries so many intervals: an interval is sent so many times."""
_SLACK: Final = timedelta(hours=1)


class TraceService:
    """
    Traces single values.

    Args:
        unit_of_work: Opens a transaction.
        clock: The one source of time.
        zone: Where the utility's days begin.
        open_frames: Today's decoder.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        clock: Clock,
        zone: ZoneInfo,
        open_frames: OpenFrames,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._zone = zone
        self._open_frames = open_frames

    async def trace(
        self, meter: str, at: datetime, *, reading_type: str | None = None
    ) -> dict[str, Any]:
        """
        Follow the value of the interval in which an instant lies back to its frames.

        Returns:
            Plain values: `versions`, oldest first, each with the `file` that brought it; `frames`
            that carried it, as they were heard; `note`, why there are none or not all; `same`,
            whether all of them say what was stored as received, None where either is missing.

        Raises:
            NotFoundError: There is no such meter.
        """
        async with self._unit_of_work() as work:
            table = one_channel(await work.registry.channels_at(meter), meter, reading_type)
            length, channel_id = int(table.interval_s[0]), int(table.channel_id[0])
            start_s = to_epoch_s(at) // length * length
            interval = Period(from_epoch_s(start_s), from_epoch_s(start_s + length))
            reads = await work.readings.intervals(interval, channel_ids=[channel_id])
            day = local_day(interval.start_utc, self._zone)
            outcomes = await work.vee.days(day, day, channel_ids=[channel_id])
            messages = await self._messages(work, interval, reads)
            oldest = await work.raw_messages.oldest()
            files = await _files(work, reads)
        shown = displayed_status(reads, outcomes, self._zone)
        frames, refused = await asyncio.to_thread(self._frames, messages, _sought(table, start_s))
        received = reads.take(reads.version == RAW_VERSION)
        said = {frame["value"] for frame in frames}
        return {
            "meter": str(table.badge[0]),
            "reading_type": str(table.reading_type[0]),
            "start": interval.start_utc.astimezone(self._zone).isoformat(),
            "end": interval.end_utc.astimezone(self._zone).isoformat(),
            "versions": [
                {
                    "version": int(reads.version[i]),
                    "value": int(reads.value[i]),
                    "status": chr(shown[i]),
                    "method": Method(int(reads.method[i])).name,
                    "source": Source(int(reads.source[i])).name.lower(),
                    "file": files.get(int(reads.recorded_us[i]), ""),
                    "recorded_at": from_epoch_us(int(reads.recorded_us[i])).isoformat(),
                    "rules": in_words(int(reads.flags[i])),
                }
                for i in range(len(reads))
            ],
            "frames": frames,
            "same": said == {int(received.value[0])} if len(received) and frames else None,
            "note": self._too_old(interval, oldest) or _note(len(messages), len(frames), refused),
        }

    async def _messages(
        self, work: UnitOfWork, interval: Period, reads: IntervalReads
    ) -> list[UplinkMessage]:
        """Return the messages that may carry an interval: when it was due, and when it came."""
        length = interval.end_utc - interval.start_utc
        due = Period(interval.end_utc - _SLACK, interval.end_utc + _REPEATS * length + _SLACK)
        found = {_key(each): each for each in await work.raw_messages.sent(due, MESSAGES_MAX)}
        for recorded_us in reads.recorded_us[reads.version == RAW_VERSION].tolist():
            came = from_epoch_us(recorded_us)
            if not due.start_utc <= came < due.end_utc:
                around = Period(came - _SLACK, came + _SLACK)
                more = await work.raw_messages.sent(around, MESSAGES_MAX)
                found |= {_key(each): each for each in more}
        return sorted(found.values(), key=lambda each: (each.received_at, _key(each)))

    def _frames(
        self, messages: Sequence[UplinkMessage], sought: Sequence[Sought]
    ) -> tuple[list[dict[str, Any]], int]:
        """Return the frames that carry an interval, and how many messages are refused today."""
        frames: list[dict[str, Any]] = []
        refused = 0
        for message in messages:
            try:
                carried = [each for one in sought for each in self._open_frames(message, one)]
            except DecodeError:
                refused += 1
            else:
                frames += [_frame_view(message, each) for each in carried]
        return frames, refused

    def _too_old(self, interval: Period, oldest: datetime | None) -> str:
        """Return why no frame can be known; nothing where one can."""
        if self._clock.now() - interval.end_utc > timedelta(days=KEPT_DAYS):
            return f"raw messages are kept for {KEPT_DAYS} days: the trace ends at the stored reads"
        if oldest is None or oldest > interval.end_utc + _SLACK:
            return "no raw message is kept from that time: the trace ends at the stored reads"
        return ""


async def _files(work: UnitOfWork, reads: IntervalReads) -> dict[int, str]:
    """Return the names of the files that brought versions, by when these became known."""
    names = {}
    for recorded_us in set(reads.recorded_us[reads.source == Source.FILE].tolist()):
        made = await work.reading_imports.made_at(from_epoch_us(recorded_us))
        if made is not None:
            names[recorded_us] = f"{made.name} ({made.reading_import_id})"
    return names


def _note(messages: int, frames: int, refused: int) -> str:
    """Return what the frames alone do not say."""
    parts = []
    if not frames:
        parts.append(f"none of {messages} messages of that time carries it")
    if messages >= MESSAGES_MAX:
        parts.append(f"only {MESSAGES_MAX} messages were opened")
    if refused:
        parts.append(f"today's decoder refuses {refused} messages")
    return "; ".join(parts)


def _sought(table: ChannelTable, start_s: int) -> list[Sought]:
    """Return what frames call the interval; a meter's radio may have been exchanged."""
    there = (table.installed_s <= start_s) & (table.removed_s > start_s)
    rows = np.flatnonzero(there)
    return [Sought(int(table.radio_id[i]), int(table.wire_channel[i]), start_s) for i in rows]


def _key(message: UplinkMessage) -> tuple[int, int, int]:
    return message.collector_id, message.boot_id, message.batch_seq


def _frame_view(message: UplinkMessage, carried: CarriedValue) -> dict[str, Any]:
    return {
        "collector": message.collector_id,
        "boot": message.boot_id,
        "batch": message.batch_seq,
        "frame": carried.frame_index,
        "kind": message.kind,
        "heard_at": carried.heard_at.isoformat(),
        "received_at": message.received_at.isoformat(),
        "rssi_dbm": carried.rssi_dbm,
        "snr_db": carried.snr_db,
        "value": carried.value,
        "register": carried.register,
        "register_at": carried.register_at.isoformat(),
    }
