"""What collectors would publish: registry, messages, and the rows that must come of them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np
import numpy.typing as npt

from mdms.domain.reading_types import reading_type
from mdms.domain.readings import Int64, IntervalReads, RegisterReads, Source
from mdms.domain.registry import (
    Channel,
    Collector,
    Commodity,
    Meter,
    Premise,
    PremiseKind,
    Radio,
    Registry,
    UsagePoint,
)
from mdms.domain.time import to_epoch_s, to_epoch_us
from mdms.ports.messages import Envelope
from simulators.encoders import MTYPE_PERIODIC, READING, BatchHeader, reading_batch
from tests.bench.load import electric_wh

COLLECTOR_ID = 7
NOW = datetime(2026, 12, 15, 12, tzinfo=UTC)
SLOT_S = 900
WIRE_ELECTRIC = 0x10
_RADIO_ID_FIRST = 40_000_000
_OPENING_WH = 1_000_000


@dataclass(frozen=True)
class Traffic:
    """
    Electric meters that report in turn, each frame with the intervals since the one before.

    Attributes:
        meters: How many.
        reports: Frames of each meter; the last ones end at NOW.
        intervals: New intervals of a frame, at most 12.
        frames: Frames of a message.
    """

    meters: int
    reports: int
    intervals: int
    frames: int

    @property
    def slots(self) -> int:
        """Intervals of each meter."""
        return self.reports * self.intervals

    @cached_property
    def value(self) -> Int64:
        """Energy [Wh], oldest first, shape (meters, slots)."""
        return electric_wh(self.meters, self.slots, seed=2)

    @cached_property
    def start_s(self) -> Int64:
        """Start of each interval, shape (slots,)."""
        return to_epoch_s(NOW) - SLOT_S * np.arange(self.slots, 0, -1)

    @cached_property
    def register(self) -> Int64:
        """What each meter shows at the end of each report [Wh], shape (meters, reports)."""
        shown: Int64 = (
            _OPENING_WH + self.value.cumsum(axis=1)[:, self.intervals - 1 :: self.intervals]
        )
        return shown

    def messages(self) -> list[Envelope]:
        """Return one report of every meter after the other, each in any order, in messages."""
        assert self.meters % self.frames == 0, "messages are full"
        generator = np.random.default_rng(3)
        envelopes: list[Envelope] = []
        for report in range(self.reports):
            heard = generator.permutation(self.meters)
            for first in range(0, self.meters, self.frames):
                meters = heard[first : first + self.frames]
                header = BatchHeader(
                    COLLECTOR_ID, 1, len(envelopes) + 1, to_epoch_us(self._ends_at(report))
                )
                payload = reading_batch(header, self._encode(report, meters))
                envelopes.append(Envelope(f"ami/v1/cpau/col/{COLLECTOR_ID}/up/read", payload))
        return envelopes

    def interval_reads(self, channel_id: Int64, slots: slice) -> IntervalReads:
        """Return the rows of these slots, sorted by channel and start."""
        start_s = self.start_s[slots]
        return IntervalReads.raw(
            np.repeat(channel_id, len(start_s)),
            np.tile(start_s, self.meters),
            self.value[:, slots].ravel(),
            recorded_us=to_epoch_us(NOW),
            source=Source.UPLINK,
        )

    def register_reads(self, channel_id: Int64, reports: slice) -> RegisterReads:
        """Return the rows of these reports, sorted by channel and instant."""
        at_s = self.start_s[self.intervals - 1 :: self.intervals][reports] + SLOT_S
        return RegisterReads.raw(
            np.repeat(channel_id, len(at_s)),
            np.tile(at_s, self.meters),
            self.register[:, reports].ravel(),
            recorded_us=to_epoch_us(NOW),
            source=Source.UPLINK,
        )

    def radio_ids(self) -> list[int]:
        """Return the radio of each meter."""
        return [_RADIO_ID_FIRST + number for number in range(self.meters)]

    def registry(self) -> Registry:
        """Return every meter in a place of its own; badges sort as the meters do."""
        kind = reading_type(Commodity.ELECTRIC, 0, SLOT_S)
        numbers = range(self.meters)
        return Registry(
            premises=tuple(
                Premise(f"P{n:06}", PremiseKind.SINGLE_FAMILY, 37.4, -122.1, "", "", ())
                for n in numbers
            ),
            usage_points=tuple(
                UsagePoint(
                    f"U{n:06}", f"P{n:06}", Commodity.ELECTRIC, "electric_100a", 1, False, False,
                    False,
                )
                for n in numbers
            ),
            meters=tuple(
                Meter(
                    badge=f"E{n:06}",
                    serial=f"S{n:06}",
                    radio_id=radio_id,
                    usage_point_id=f"U{n:06}",
                    model="bench",
                    installed_at=NOW - timedelta(days=400),
                    removed_at=None,
                    has_switch=False,
                    pilot=False,
                    radio=Radio.ON,
                    register_dials=9,
                    register_resolution=1,
                    multiplier=1,
                    key_id=0,
                )
                for n, radio_id in enumerate(self.radio_ids())
            ),
            collectors=(Collector(COLLECTOR_ID, "bench", 37.4, -122.1),),
            channels=tuple(
                Channel(f"E{n:06}", 0, kind.name, SLOT_S, kind.unit) for n in numbers
            ),
        )  # fmt: skip

    def _ends_at(self, report: int) -> datetime:
        return NOW - timedelta(seconds=SLOT_S * self.intervals * (self.reports - 1 - report))

    def _encode(
        self, report: int, meters: npt.NDArray[np.intp]
    ) -> np.ndarray[tuple[int], np.dtype[np.void]]:
        frames = np.zeros(self.frames, READING)
        frames["meter_id"] = _RADIO_ID_FIRST + meters
        frames["t_newest"] = to_epoch_s(self._ends_at(report))
        frames["register"] = self.register[meters, report]
        frames["seq"] = report
        frames["mtype"] = MTYPE_PERIODIC
        frames["chan"] = WIRE_ELECTRIC
        frames["ilen"] = SLOT_S // 60
        frames["n"] = self.intervals
        newest_first = np.arange(self.intervals * (report + 1) - 1, self.intervals * report - 1, -1)
        frames["delta"][:, : self.intervals] = self.value[meters][:, newest_first]
        return frames
