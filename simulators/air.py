"""The city in motion: load counted by meters, told over the air, ready as frames per step."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mdms.domain.readings import Bool, Int64
from simulators.arrays import Floats
from simulators.calendar import LocalDay, days_from
from simulators.channels import Counters, blocks_of
from simulators.city import City
from simulators.encoders import MTYPE_PERIODIC, READING, Frames, quality_bits
from simulators.load.customers import Customers, Load
from simulators.load.source import Metered
from simulators.radio import Copies, Faults, Messages, Radio

WINDOW_S = 6 * 3600
"""Frames are prepared for this long at once: fast, and memory stays bounded in a large city."""


@dataclass(frozen=True, slots=True)
class Told:
    """
    What the meters said in one window, one row per message.

    Attributes:
        channel: Number of the channel.
        sent_s: When it was on the air, seconds since 1970-01-01 UTC.
        newest_s: True end of the newest interval.
        stamp_s: The same as the meter's clock has it.
        register: At that instant, wrapped [quanta].
        count: Intervals carried, those without a value included.
        acknowledged: Whether some collector's copy reached the broker; written as it happens.
    """

    channel: Int64
    sent_s: Floats
    newest_s: Int64
    stamp_s: Int64
    register: Int64
    count: Int64
    acknowledged: Bool


@dataclass(frozen=True, slots=True)
class Heard:
    """
    What the collectors heard in a stretch of time, one row per copy, in order of time.

    Attributes:
        frames: As on the wire, but `rx_age`, which follows from the close of the batch.
        collector: Collector id.
        arrived_s: When the collector had the frame.
        message: Row in `told`.
        told: What the meters said.
    """

    frames: Frames
    collector: Int64
    arrived_s: Floats
    message: Int64
    told: Told

    def __len__(self) -> int:
        return len(self.frames)

    def take(self, rows: npt.NDArray[np.intp] | slice) -> "Heard":
        """Return some of the copies."""
        return Heard(
            self.frames[rows],
            self.collector[rows],
            self.arrived_s[rows],
            self.message[rows],
            self.told,
        )


@dataclass(frozen=True, slots=True)
class DayCounted:
    """What happened in one local day, block by block."""

    day: LocalDay
    metered: Sequence[Metered]
    told: list[Told]


class Air:
    """
    Plays the city forward from its start, step by step.

    Attributes:
        blocks: The city's channels.
        now_s: End of the last step, seconds since 1970-01-01 UTC.
        unwritten: Days whose truth nobody took yet, oldest first; the last one still goes on.
    """

    def __init__(self, city: City, customers: Customers, faults: Faults) -> None:
        self.blocks = blocks_of(city)
        self.now_s = city.start_s
        self.unwritten: list[DayCounted] = []
        self._load = Load(customers.groups, self.blocks)
        self._radio = Radio(city, faults)
        self._radio_id = np.array([meter.radio_id for meter in city.registry.meters])
        self._counters = [Counters(block, city.start_s) for block in self.blocks]
        self._channel = np.full((len(city.sites), 2), -1, np.int64)
        for block in self.blocks:
            self._channel[block.meter, block.ordinal] = block.first + np.arange(len(block))
        self._days = days_from(LocalDay.at(city.start_s).date)
        self._windows: Iterator[int] = iter(())
        self._window_end_s = city.start_s
        self._heard: Heard | None = None
        self._sent_s: Floats = np.empty(0)

    def step(self, until_s: int) -> Heard:
        """
        Return what was heard of messages sent after the last step, up to and with `until_s`.

        Args:
            until_s: End of the step; steps never straddle a window of WINDOW_S within a day.
        """
        assert until_s > self.now_s, "time goes forward"
        if self.now_s == self._window_end_s:
            self._open_window()
        assert self._heard is not None
        assert until_s <= self._window_end_s, "a step lies within one window"
        first, last = np.searchsorted(self._sent_s, [self.now_s, until_s], side="right")
        self.now_s = until_s
        return self._heard.take(slice(int(first), int(last)))

    def _open_window(self) -> None:
        end_s = next(self._windows, None)
        if end_s is None:
            self._open_day()
            end_s = next(self._windows)
        messages, copies = self._radio.window(end_s)
        told, frames = self._tell(messages, copies)
        self.unwritten[-1].told.append(told)
        self._heard = Heard(frames, copies.collector, copies.arrived_s, copies.message, told)
        self._sent_s = told.sent_s[copies.message]
        self._window_end_s = end_s

    def _open_day(self) -> None:
        day = next(self._days)
        metered = self._load.day(day)
        for counters, one in zip(self._counters, metered, strict=True):
            counters.count(day, one)
        self.unwritten.append(DayCounted(day, metered, []))
        self._windows = iter([*range(day.start_s + WINDOW_S, day.end_s, WINDOW_S), day.end_s])

    def _tell(self, messages: Messages, copies: Copies) -> tuple[Told, Frames]:
        """Return what the messages say, and the frame of each copy."""
        count = len(messages.meter)
        channel = self._channel[messages.meter, messages.ordinal]
        said = np.zeros(count, READING)
        newest_s = np.zeros(count, np.int64)
        for counters in self._counters:
            block = counters.block
            rows = np.flatnonzero((channel >= block.first) & (channel < block.first + len(block)))
            row = channel[rows] - block.first
            whole_s = messages.sent_s[rows].astype(np.int64)
            newest_s[rows] = whole_s - whole_s % block.interval_s
            recall = counters.recall(row, newest_s[rows])
            said["register"][rows] = recall.register
            said["delta"][rows] = recall.delta
            said["q"][rows] = quality_bits(recall.gap)
            said["n"][rows] = recall.count
            said["ilen"][rows] = block.interval_s // 60
            said["chan"][rows] = block.wire[row]
        stamp_s = newest_s + messages.clock_s
        said["meter_id"] = self._radio_id[messages.meter]
        said["t_newest"] = stamp_s
        said["seq"] = messages.sequence
        said["mtype"] = MTYPE_PERIODIC

        frames = said[copies.message]
        frames["rssi"] = np.rint(copies.rssi_dbm * 10)
        frames["snr"] = np.rint(copies.snr_db)
        frames["repeat"] = copies.relays
        told = Told(
            channel=channel,
            sent_s=messages.sent_s,
            newest_s=newest_s,
            stamp_s=stamp_s,
            register=said["register"].astype(np.int64),
            count=said["n"].astype(np.int64),
            acknowledged=np.zeros(count, np.bool_),
        )
        return told, frames
