"""Put messages through today's decoder and registry once more, within a transaction."""

from dataclasses import dataclass

import numpy as np

from ingest.appending import append
from ingest.assembly import Assembled
from ingest.known import Verdict, Window, sieve
from ingest.late import VeeHorizon, touch
from mdms.domain.readings import Int32, Int64, IntervalReads, UInt8
from mdms.ports.unit_of_work import UnitOfWork

_LEAST_SLOTS = 32


class _SeenNothing(Window):
    """A window that was never filled: every read is put to the database."""

    def __init__(self) -> None:
        super().__init__(_LEAST_SLOTS)

    def judge(self, channel_id: Int32, at_s: Int64, value: Int64) -> UInt8:
        del at_s, value  # nothing is known of any
        return np.full(len(channel_id), Verdict.UNSURE, np.uint8)


@dataclass(frozen=True, slots=True)
class Restored:
    """How much was stored that was not there before."""

    interval_count: int = 0
    register_count: int = 0
    event_count: int = 0

    def __add__(self, other: "Restored") -> "Restored":
        return Restored(
            self.interval_count + other.interval_count,
            self.register_count + other.register_count,
            self.event_count + other.event_count,
        )


async def store_again(work: UnitOfWork, assembled: Assembled, horizon: VeeHorizon) -> Restored:
    """Store what is new of some reads and events; days that were judged already are touched."""
    window = _SeenNothing()
    intervals = sieve(window, assembled.intervals)
    new = await append(work.readings, intervals, sieve(window, assembled.registers))
    disputed = IntervalReads.concat(new.intervals, new.disputed)
    await touch(work.vee, horizon, disputed, new.registers)
    events = await work.events.append(assembled.events)
    return Restored(len(new.intervals), len(new.registers), events)
