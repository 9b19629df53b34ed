"""What a meter's registers say of its use so far: the previous read, and daily averages."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

import numpy as np

from mdms.billing.registers import IS_ABSENT, IS_ESTIMATE, IS_HELD, best_known
from mdms.domain.reading_types import READING_TYPES, ReadingType
from mdms.domain.readings import RegisterReads, Source, Status
from mdms.domain.registry import STILL_INSTALLED_S, ChannelTable
from mdms.domain.time import SECOND, Period, from_epoch_s, to_epoch_s, to_epoch_us
from mdms.policy.estimate_basis import DailyUsage, EstimateRules, PeriodEstimate, estimate
from mdms.ports.unit_of_work import UnitOfWork
from mdms.services.acting import Act

DAY_S: Final = 86_400
LOOK_BACK_S: Final = 430 * DAY_S
"""A year, a period before it, and what a read may lie off."""
_PERIOD_S: Final = 30 * DAY_S
_YEAR_S: Final = 365 * DAY_S
_OFF_S_MAX: Final = 5 * DAY_S
"""How far a read may lie from the edge of a period whose use it tells."""
_NEWEST_S_MIN: Final = 7 * DAY_S
_NEWEST_S_MAX: Final = 70 * DAY_S


@dataclass(frozen=True, slots=True)
class SelfReadChannel:
    """The register of a meter that people read: what is delivered."""

    channel_id: int
    badge: str
    kind: ReadingType
    modulus: int
    multiplier: int

    def quanta(self, register: Decimal) -> int:
        """Return a register in quanta; what a display does not show is cut off."""
        return int(register * self.kind.quanta_per_billing_unit)

    def units(self, quanta: int) -> Decimal:
        """Return a register in billing units."""
        return Decimal(quanta) / self.kind.quanta_per_billing_unit


def read_channel(table: ChannelTable, badge: str) -> SelfReadChannel | None:
    """Return the channel of a meter in place that a customer reads; None without one."""
    for row in range(len(table)):
        kind = READING_TYPES[str(table.reading_type[row])]
        if (
            table.badge[row] == badge
            and kind.channel == 0
            and table.removed_s[row] == STILL_INSTALLED_S
        ):
            return SelfReadChannel(
                int(table.channel_id[row]),
                badge,
                kind,
                int(table.register_modulus[row]),
                int(table.multiplier[row]),
            )
    return None


@dataclass(frozen=True, slots=True)
class Registers:
    """The current registers of one channel that may be relied on, sorted by time."""

    channel: SelfReadChannel
    reads: RegisterReads

    @classmethod
    async def load(cls, work: UnitOfWork, channel: SelfReadChannel, end_s: int) -> "Registers":
        """Return what is known from LOOK_BACK_S before an instant up to it."""
        period = Period(from_epoch_s(end_s - LOOK_BACK_S), from_epoch_s(end_s))
        every = await work.readings.registers(period, channel_ids=[channel.channel_id])
        current = best_known(every)
        return cls(channel, current.take(~(IS_ABSENT | IS_HELD)[current.status]))

    def until(self, at_s: int) -> "Registers":
        """Return the reads up to an instant, included."""
        return Registers(self.channel, self.reads.take(self.reads.at_s <= at_s))

    @property
    def actual(self) -> "Registers":
        """The reads that are no estimates."""
        return Registers(self.channel, self.reads.take(~IS_ESTIMATE[self.reads.status]))

    @property
    def last(self) -> tuple[int, int] | None:
        """Instant and value of the last read."""
        if not len(self.reads):
            return None
        return int(self.reads.at_s[-1]), int(self.reads.value[-1])

    def expected(self, at_s: int, rules: EstimateRules) -> PeriodEstimate | None:
        """
        Return what was used between the last read and an instant, as far as history tells.

        None where there is no read, no time between, or no history.
        """
        last = self.last
        days = 0 if last is None else round((at_s - last[0]) / DAY_S)
        if last is None or days < 1:
            return None
        from_s = last[0]
        history = DailyUsage(
            prior=self._daily(from_s - _PERIOD_S, from_s) or self._newest(from_s),
            last_year=self._daily(from_s - _YEAR_S, from_s - _YEAR_S + _PERIOD_S),
            prior_last_year=self._daily(from_s - _YEAR_S - _PERIOD_S, from_s - _YEAR_S),
            customer_class=Decimal(0),
        )
        if history.prior is None and history.last_year is None:
            return None  # what such customers use is for a person to say
        return estimate(history, days, rules)

    def _daily(self, from_s: int, to_s: int) -> Decimal | None:
        """Return the daily use of a period that has a read near both of its edges."""
        edges = [self._near(at_s) for at_s in (from_s, to_s)]
        return (
            None
            if None in edges
            else self._between(*(int(row) for row in edges if row is not None))
        )

    def _newest(self, to_s: int) -> Decimal | None:
        """Return the daily use of a younger stretch: an account may not have a whole period."""
        rows = np.flatnonzero((self.reads.at_s >= to_s - _NEWEST_S_MAX) & (self.reads.at_s <= to_s))
        return self._between(int(rows[0]), int(rows[-1])) if rows.size else None

    def _near(self, at_s: int) -> int | None:
        off_s = np.abs(self.reads.at_s - at_s)
        if not off_s.size or off_s.min() > _OFF_S_MAX:
            return None
        return int(off_s.argmin())

    def _between(self, first: int, last: int) -> Decimal | None:
        seconds = int(self.reads.at_s[last] - self.reads.at_s[first])
        if seconds < _NEWEST_S_MIN:
            return None
        turned = int(self.reads.value[last] - self.reads.value[first]) % self.channel.modulus
        usage = turned * self.channel.multiplier / self.channel.kind.quanta_per_billing_unit
        return usage * DAY_S / seconds


@dataclass(frozen=True, slots=True)
class NewRegister:
    """A register [quanta] to append, and how it came to be."""

    at: datetime
    value: int
    source: Source
    status: Status


async def append_register(act: Act, channel: SelfReadChannel, new: NewRegister) -> None:
    """Append a register as the newest version of its instant."""
    period = Period(new.at, new.at + SECOND)
    stored = await act.work.readings.registers(period, channel_ids=[channel.channel_id])
    there = stored.version[stored.at_s == to_epoch_s(new.at)]
    first = int(new.status is Status.ESTIMATED)  # 0 is left to what may yet be read
    await act.work.readings.append_register_versions(
        RegisterReads(
            channel_id=np.array([channel.channel_id], np.int32),
            at_s=np.array([to_epoch_s(new.at)], np.int64),
            version=np.array([max(first, int(there.max(initial=-1)) + 1)], np.int16),
            value=np.array([new.value], np.int64),
            status=np.array([new.status.code], np.uint8),
            recorded_us=np.array([to_epoch_us(act.now)], np.int64),
            source=np.array([new.source], np.int16),
        )
    )
