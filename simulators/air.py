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
from simulators.encoders import (
    FLAG_RESTORED,
    MTYPE_PERIODIC,
    MTYPE_RESTORED,
    READING,
    Frames,
    quality_bits,
)
from simulators.keys import Keys
from simulators.links import NOISE_DBM
from simulators.load.customers import Customers, Load
from simulators.load.source import Metered
from simulators.radio import SNR_CLIP_DB, Copies, Faults, Messages, Radio
from simulators.supply import Supply

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
        clock_s: How far the meter's clock is off.
        acknowledged: Whether some collector's copy reached the broker; written as it happens.
    """

    channel: Int64
    sent_s: Floats
    newest_s: Int64
    stamp_s: Int64
    register: Int64
    count: Int64
    clock_s: Int64
    acknowledged: Bool

    def acknowledge(self, message: Int64) -> None:
        """Note that the broker has frames of these messages."""
        self.acknowledged[message] = True


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
        radio: Who hears whom.
        supply: Who has power and may talk; `changed` must follow every change of it.
        now_s: End of the last step, seconds since 1970-01-01 UTC.
        unwritten: Days whose truth nobody took yet, oldest first; the last one still goes on.
    """

    def __init__(
        self,
        city: City,
        customers: Customers,
        faults: Faults,
        *,
        supply: Supply | None = None,
        keys: Keys | None = None,
    ) -> None:
        self.blocks = blocks_of(city)
        self.radio = Radio(city, faults)
        self.supply = supply or Supply(())
        self.now_s = city.start_s
        self.unwritten: list[DayCounted] = []
        self._load = Load(customers, self.blocks)
        self._keys, self._meters = keys, city.registry.meters
        self._radio_id = np.array([meter.radio_id for meter in city.registry.meters])
        self._counters = [Counters(block, city.start_s) for block in self.blocks]
        self._channel = np.full((len(city.sites), 2), -1, np.int64)
        for block in self.blocks:
            self._channel[block.meter, block.ordinal] = block.first + np.arange(len(block))
        self._days = days_from(LocalDay.at(city.start_s).date)
        self._windows: Iterator[int] = iter(())
        self._window_end_s = city.start_s
        self._messages: Messages | None = None
        self._heard: Heard | None = None
        self._sent_s: Floats = np.empty(0)

    def step(self, until_s: int) -> Heard:
        """
        Return what was heard of messages sent after the last step, up to and with `until_s`.

        Args:
            until_s: End of the step; steps never straddle a window of WINDOW_S within a day.
        """
        assert until_s > self.now_s, "time goes forward"
        self.look_ahead()
        assert self._heard is not None
        assert self._messages is not None
        assert until_s <= self._window_end_s, "a step lies within one window"
        first, last = np.searchsorted(self._sent_s, [self.now_s, until_s], side="right")
        self.now_s = until_s
        heard = self._heard.take(slice(int(first), int(last)))
        quiet = self.supply.is_quiet(
            self._messages.meter[heard.message], heard.told.sent_s[heard.message]
        )
        return heard.take(np.flatnonzero(~quiet)) if quiet.any() else heard

    def look_ahead(self) -> None:
        """Prepare what follows the last step; what happens next may change it."""
        if self.now_s == self._window_end_s:
            self._open_window()

    def changed(self, meter: int) -> None:
        """Take note that the supply of a meter changed, after the last step's end."""
        self._limit(meter)
        messages, heard = self._messages, self._heard
        assert messages is not None
        assert heard is not None
        rows = np.flatnonzero((messages.meter == meter) & (messages.sent_s > self.now_s))
        said, newest_s = self._say(messages, rows, MTYPE_PERIODIC)
        assert (newest_s == heard.told.newest_s[rows]).all(), "time is not supply's to change"
        heard.told.register[rows] = said["register"]
        at = np.full(len(messages.meter), -1)
        at[rows] = np.arange(len(rows))
        copies = np.flatnonzero(at[heard.message] >= 0)
        for name in ("register", "delta", "flags", "tag"):
            heard.frames[name][copies] = said[name][at[heard.message[copies]]]

    def register_at(self, meter: int, at_s: int) -> int:
        """Return the register of a meter's first channel at any second of this day [quanta]."""
        counters, row = self._place(int(self._channel[meter, 0]))
        begun_s = at_s - at_s % counters.block.interval_s
        flowed = self.supply.energised(meter, np.array([float(begun_s)]), np.array([float(at_s)]))
        return counters.at(row, at_s, float(flowed[0]))

    def speak(self, meter: int, at_s: int, mtype: int) -> Heard:
        """Return what is heard of a message that a meter sends out of turn."""
        channels = np.flatnonzero(self._channel[meter] >= 0)
        count = len(channels)
        messages = Messages(
            meter=np.full(count, meter),
            ordinal=channels,
            sent_s=np.full(count, float(at_s)),
            clock_s=np.full(count, self.radio.clock_error_s[meter]),
            sequence=np.array([self.radio.count_message(meter) for _ in channels], np.uint16),
        )
        listeners = self.radio.listeners(meter)
        towers = np.array([collector_id for collector_id, _ in listeners], np.int64)
        levels = np.array([level for _, level in listeners], np.float64)
        copies = Copies(
            message=np.repeat(np.arange(count), len(towers)),
            collector=np.tile(towers, count),
            arrived_s=np.full(count * len(towers), float(at_s)),
            rssi_dbm=np.tile(levels, count),
            snr_db=np.tile(levels, count) - NOISE_DBM,
            relays=np.zeros(count * len(towers), np.int64),
        )
        told, frames = self._tell(messages, copies, mtype)
        self.unwritten[-1].told.append(told)
        return Heard(frames, copies.collector, copies.arrived_s, copies.message, told)

    def _open_window(self) -> None:
        end_s = next(self._windows, None)
        if end_s is None:
            self._open_day()
            end_s = next(self._windows)
        messages, copies = self.radio.window(end_s)
        told, frames = self._tell(messages, copies, MTYPE_PERIODIC)
        self.unwritten[-1].told.append(told)
        self._messages = messages
        self._heard = Heard(frames, copies.collector, copies.arrived_s, copies.message, told)
        self._sent_s = told.sent_s[copies.message]
        self._window_end_s = end_s

    def _open_day(self) -> None:
        day = next(self._days)
        metered = self._load.day(day)
        for counters, one in zip(self._counters, metered, strict=True):
            counters.count(day, one)
        self.unwritten.append(DayCounted(day, metered, []))
        for meter in self.supply.touched():
            self._limit(meter)
        self._windows = iter([*range(day.start_s + WINDOW_S, day.end_s, WINDOW_S), day.end_s])

    def _limit(self, meter: int) -> None:
        """Let a meter count only while it has power."""
        day = self.unwritten[-1].day
        for channel in self._channel[meter][self._channel[meter] >= 0]:
            counters, row = self._place(int(channel))
            interval_s = counters.block.interval_s
            starts_s = day.starts_s(interval_s).astype(np.float64)
            lit_s = self.supply.energised(meter, starts_s, starts_s + interval_s)
            counters.limit(row, lit_s / interval_s)

    def _place(self, channel: int) -> tuple[Counters, int]:
        """Return the registers that hold a channel, and its row in them."""
        for counters in self._counters:
            if channel < counters.block.first + len(counters.block):
                return counters, channel - counters.block.first
        raise AssertionError("every channel is in a block")

    def _tell(self, messages: Messages, copies: Copies, mtype: int) -> tuple[Told, Frames]:
        """Return what the messages say, and the frame of each copy."""
        count = len(messages.meter)
        said, newest_s = self._say(messages, np.arange(count), mtype)
        frames = said[copies.message]
        frames["rssi"] = np.rint(copies.rssi_dbm * 10)
        frames["snr"] = np.rint(np.clip(copies.snr_db, *SNR_CLIP_DB))
        frames["repeat"] = copies.relays
        told = Told(
            channel=self._channel[messages.meter, messages.ordinal],
            sent_s=messages.sent_s,
            newest_s=newest_s,
            stamp_s=newest_s + messages.clock_s,
            register=said["register"].astype(np.int64),
            count=said["n"].astype(np.int64),
            clock_s=messages.clock_s,
            acknowledged=np.zeros(count, np.bool_),
        )
        return told, frames

    def _say(
        self, messages: Messages, rows: npt.NDArray[np.intp], mtype: int
    ) -> tuple[Frames, Int64]:
        """Return the frames of some messages before anyone heard them, and their true times."""
        meter, sent_s = messages.meter[rows], messages.sent_s[rows]
        channel = self._channel[meter, messages.ordinal[rows]]
        said = np.zeros(len(rows), READING)
        newest_s = np.zeros(len(rows), np.int64)
        for counters in self._counters:
            block = counters.block
            mine = np.flatnonzero((channel >= block.first) & (channel < block.first + len(block)))
            row = channel[mine] - block.first
            whole_s = sent_s[mine].astype(np.int64)
            newest_s[mine] = whole_s - whole_s % block.interval_s
            recall = counters.recall(row, newest_s[mine])
            said["register"][mine] = recall.register
            said["delta"][mine] = recall.delta
            said["q"][mine] = quality_bits(recall.gap)
            said["n"][mine] = recall.count
            said["ilen"][mine] = block.interval_s // 60
            said["chan"][mine] = block.wire[row]
        length_s = said["n"].astype(np.int64) * said["ilen"] * 60
        said["meter_id"] = self._radio_id[meter]
        said["t_newest"] = newest_s + messages.clock_s[rows]
        said["seq"] = messages.sequence[rows]
        said["mtype"] = mtype
        said["flags"] = self.supply.flags(meter, newest_s - length_s, sent_s)
        if mtype == MTYPE_RESTORED:
            said["flags"] |= FLAG_RESTORED
        if self._keys is not None:
            said["tag"] = self._tags(self._keys, meter, said)
        return said, newest_s

    def _tags(self, keys: Keys, meter: Int64, said: Frames) -> npt.NDArray[np.uint32]:
        """Return the tag of each frame; what collectors write is still 0."""
        whole = said.tobytes()
        tags = b"".join(
            keys.tag(self._meters[one].radio_id, self._meters[one].key_id, whole[at : at + 60])
            for one, at in zip(meter.tolist(), range(0, len(whole), 64), strict=True)
        )
        return np.frombuffer(tags, "<u4")
