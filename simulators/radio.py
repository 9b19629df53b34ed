"""
The air between meters and collectors: when meters talk, and which collectors hear them.

Meters talk unasked, a quarter as often as they measure, off beat by up to 20 %; a new meter
says hello three times. Everyone in range that hears a message forwards it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from mdms.domain.readings import Bool, Int64
from simulators.arrays import Floats
from simulators.channels import HISTORY
from simulators.city import City
from simulators.clocks import clock_errors_s
from simulators.links import (
    FADE_DB,
    FADE_S,
    MESSAGE_DB,
    NOISE_DBM,
    SNR_SPREAD_DB,
    link_loss,
    survey,
)
from simulators.seeds import generator

REDUNDANCY = 3
"""How many messages carry each interval."""
JITTER = 0.2
_HELLOS = 3
_HELLO_S = (5.0, 840.0)
"""When a new meter says hello after its first interval began: before that interval ends."""
_AIR_S = 0.111
_ARRIVAL_SPREAD_S = 3.0
_RELAYED_SHARE = 0.02
_RELAY_DELAY_S = (5.0, 60.0)
_FADE_STEP_S = 900
_CLOCK_SPREAD_S = 2.0
_STORM_LOSS = 2.0
_RSSI_CLIP_DBM = (-125.0, -50.0)
SNR_CLIP_DB = (-128.0, 127.0)


class Faults(StrEnum):
    """What goes wrong: nothing, what goes wrong on any ordinary day, or everything at once."""

    NONE = "none"
    NORMAL = "normal"
    STORM = "storm"


@dataclass(frozen=True, slots=True)
class Messages:
    """
    What was sent, heard or not, in order of time; one row per channel and transmission.

    Attributes:
        meter: Position of the meter in the city.
        ordinal: Which of its channels.
        sent_s: When it was on the air, seconds since 1970-01-01 UTC.
        clock_s: How far the meter's clock is off, whole seconds; the same in every copy.
        sequence: The meter's message counter.
    """

    meter: Int64
    ordinal: Int64
    sent_s: Floats
    clock_s: Int64
    sequence: npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Copies:
    """
    What was heard, in order of the time on the air; one row per message and collector.

    Attributes:
        message: Row in Messages.
        collector: Collector id.
        arrived_s: When the collector had it, seconds since 1970-01-01 UTC.
        rssi_dbm: Strength.
        snr_db: Strength over noise.
        relays: 1 when a neighbouring meter repeated it, else 0.
    """

    message: Int64
    collector: Int64
    arrived_s: Floats
    rssi_dbm: Floats
    snr_db: Floats
    relays: Int64


class Radio:
    """
    Plays the air forward, window by window; the windows must follow each other.

    Attributes:
        clock_error_s: By how much each meter's clock is grossly off, 0 for ordinary meters.
    """

    def __init__(self, city: City, faults: Faults) -> None:
        self._seed, self._faults = city.seed, faults
        self._lossless = faults is Faults.NONE
        self._links = survey(
            city, lossless=self._lossless, worse=_STORM_LOSS if faults is Faults.STORM else 1.0
        )
        self.clock_error_s = (
            clock_errors_s(city) if faults is Faults.STORM else np.zeros(len(city.sites), np.int64)
        )
        self._channels = np.array([len(site.reading_types) for site in city.sites])
        intervals_s = np.array([site.reading_types[0].interval_s for site in city.sites])
        self._period_s: Floats = intervals_s * HISTORY / REDUNDANCY
        self._every = np.array(
            [
                site.reading_types[-1].interval_s // site.reading_types[0].interval_s
                for site in city.sites
            ]
        )
        """A channel of longer intervals is told of with every so many messages of its meter."""
        self._turn: Int64 = np.zeros(len(city.sites), np.int64)
        self._now_s = self._start_s = city.start_s
        rng = generator(self._seed, "first words")
        count = len(city.sites)
        self._next_s: Floats = city.start_s + rng.random(count) * self._period_s
        self._hello_s: Floats = city.start_s + rng.uniform(*_HELLO_S, (count, _HELLOS))
        self._sequence: Int64 = rng.integers(0, 1 << 16, count)
        self._fading: Bool = rng.random(count) < self._links.fading_share

    def window(self, end_s: int) -> tuple[Messages, Copies]:
        """Return what is sent after the last window's end, up to and with `end_s`."""
        rng = generator(self._seed, "air", self._now_s)
        faded = self._fade(end_s, rng)
        messages = self._talk(end_s, rng)
        copies = self._listen(messages, faded, rng)
        self._now_s = end_s
        return messages, copies

    def level_dbm(self, meter: int, collector_id: int) -> float | None:
        """Return how loud this collector and this meter hear each other, if in range."""
        links = self._links
        level = float(links.rssi_dbm[meter][links.collector[meter] == collector_id].sum())
        return level if level > -np.inf else None

    def is_dead(self, meter: int) -> bool:
        """Return whether nobody ever hears this meter."""
        return bool(self._links.silent[meter])

    def listeners(self, meter: int) -> Sequence[tuple[int, float]]:
        """Return the collectors in range, nearest first, and how loud they hear a meter [dBm]."""
        links = self._links
        if self.is_dead(meter):
            return ()
        near = zip(links.collector[meter].tolist(), links.rssi_dbm[meter].tolist(), strict=True)
        return [(collector_id, level) for collector_id, level in near if level > -np.inf]

    def count_message(self, meter: int) -> int:
        """Return the number of one more message, out of turn."""
        sequence = int(self._sequence[meter]) % (1 << 16)
        self._sequence[meter] += 1
        return sequence

    def _talk(self, end_s: int, rng: np.random.Generator) -> Messages:
        shortest_s = self._period_s.min() * (1 - JITTER)
        turns = int((end_s - self._now_s) / shortest_s) + 2
        gaps_s = rng.uniform(1 - JITTER, 1 + JITTER, (len(self._period_s), turns))
        gaps_s *= self._period_s[:, None]
        times_s = np.concatenate(
            [self._next_s[:, None], self._next_s[:, None] + np.cumsum(gaps_s, axis=1)], axis=1
        )
        due = times_s <= end_s
        assert not due[:, -1].any(), "nobody talks more often than the shortest gap allows"
        self._next_s = times_s[np.arange(len(times_s)), due.sum(axis=1)]
        if self._now_s == self._start_s:
            times_s = np.concatenate([times_s, self._hello_s], axis=1)
            due = np.concatenate([due, self._hello_s <= end_s], axis=1)
        meter, turn = np.nonzero(due)
        sent_s = times_s[meter, turn]

        # One message for each channel, one after the other, counted in the order of sending.
        by_meter = np.lexsort((sent_s, meter))
        channels = self._channels_due(meter[by_meter])
        row = np.repeat(by_meter, channels)
        ordinal = np.arange(len(row)) - np.repeat(np.cumsum(channels) - channels, channels)
        meter, sent_s = meter[row], sent_s[row] + _AIR_S * ordinal
        sent = np.bincount(meter, minlength=len(self._channels))
        place = np.arange(len(meter)) - (np.cumsum(sent) - sent)[meter]
        sequence = (self._sequence[meter] + place) % (1 << 16)
        self._sequence += sent
        clock_s = self.clock_error_s[meter]
        if not self._lossless:
            clock_s += np.rint(rng.normal(0.0, _CLOCK_SPREAD_S, len(meter))).astype(np.int64)

        # A second channel's message may end just past the window; it still belongs to it.
        sent_s = np.minimum(sent_s, end_s)
        order = np.argsort(sent_s, kind="stable")
        return Messages(
            meter[order],
            ordinal[order],
            sent_s[order],
            clock_s[order],
            sequence[order].astype(np.uint16),
        )

    def _channels_due(self, meter: Int64) -> Int64:
        """Return of how many channels each transmission tells; those of a meter in order."""
        count = np.bincount(meter, minlength=len(self._turn))
        turn = self._turn[meter] + np.arange(len(meter)) - (np.cumsum(count) - count)[meter]
        self._turn += count
        return np.where(turn % self._every[meter] == 0, self._channels[meter], 1)

    def _fade(self, end_s: int, rng: np.random.Generator) -> Bool:
        """Return which meter fades in which step of the window, shape (steps, meters)."""
        steps = -(-(end_s - self._now_s) // _FADE_STEP_S)
        faded = np.zeros((steps, len(self._fading)), np.bool_)
        if self._lossless:
            return faded
        share = self._links.fading_share
        recovers = -np.expm1(-_FADE_STEP_S / FADE_S)
        begins = recovers * share / (1 - share)
        for step in range(steps):
            chance = rng.random(len(self._fading))
            self._fading = np.where(self._fading, chance >= recovers, chance < begins)
            faded[step] = self._fading
        return faded

    def _listen(self, messages: Messages, faded: Bool, rng: np.random.Generator) -> Copies:
        links, meter = self._links, messages.meter
        towers = links.collector.shape[1]
        shape = (len(meter), towers)
        step = np.ceil((messages.sent_s - self._now_s) / _FADE_STEP_S).astype(np.int64) - 1
        rssi = links.rssi_dbm[meter] + rng.uniform(-MESSAGE_DB, MESSAGE_DB, shape)
        rssi -= FADE_DB * faded[np.maximum(step, 0), meter][:, None]
        snr = rssi - NOISE_DBM + rng.normal(0.0, SNR_SPREAD_DB, shape)
        heard = rng.random(shape) >= link_loss(snr)
        if self._lossless:
            heard[:, 0] |= ~heard.any(axis=1)
        reached = rng.random(len(meter)) >= links.extra_loss[meter]
        heard &= (reached & ~links.silent[meter])[:, None]

        message, tower = np.nonzero(heard)
        arrived_s = messages.sent_s[message] + rng.random(len(message)) * _ARRIVAL_SPREAD_S
        relays = np.zeros(len(message), np.int64)
        relayed = np.flatnonzero(rng.random(len(message)) < _RELAYED_SHARE)
        late_s = messages.sent_s[message[relayed]] + rng.uniform(*_RELAY_DELAY_S, len(relayed))
        message = np.concatenate([message, message[relayed]])
        tower = np.concatenate([tower, tower[relayed]])
        order = np.argsort(message, kind="stable")
        at = message[order], tower[order]
        return Copies(
            message=at[0],
            collector=links.collector[meter[at[0]], at[1]],
            arrived_s=np.concatenate([arrived_s, late_s])[order],
            rssi_dbm=np.clip(rssi[at], *_RSSI_CLIP_DBM),
            snr_db=np.clip(snr[at], *SNR_CLIP_DB),
            relays=np.concatenate([relays, np.ones(len(relayed), np.int64)])[order],
        )
