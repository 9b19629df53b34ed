"""One channel laid out for a closer look: what is stored, how it adds up, what a person sees."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from mdms.domain.errors import NotFoundError, UsageError
from mdms.domain.reading_types import READING_TYPES, ReadingType
from mdms.domain.readings import Bool, Int64, RegisterReads, Status
from mdms.domain.registry import ChannelTable
from mdms.domain.time import Period, from_epoch_s, local_day
from mdms.ports.unit_of_work import UnitOfWork
from mdms.services.reading_tables import displayed_status
from mdms.services.vee_context import ContextLoader
from vee import engine, gridding
from vee.amend import Stored
from vee.block import Block, SlotTable
from vee.examination import Examination
from vee.rules import RuleSet
from vee.sums import Sums

BESIDE: Final = timedelta(days=32)
"""Looked at on each side: brackets longer than this are rare, and estimates look no further."""

_MADE_UP: Final = [
    status.code for status in (Status.ESTIMATED, Status.FINAL_ESTIMATE, Status.ZERO, Status.DERIVED)
]

NOTHING: Final = "-"
"""Stands for the status of an interval of which nothing is stored."""


def one_channel(table: ChannelTable, meter: str, reading_type: str | None) -> ChannelTable:
    """
    Return the installations of one channel of a badge or usage point.

    Args:
        table: Every channel.
        meter: Badge or usage point.
        reading_type: Which of its channels; None for the one that measures delivery.

    Raises:
        NotFoundError: There is no such meter, or it has no such channel.
        UsageError: Several meters were at the usage point: one must be named.
    """
    mine = table.take((table.badge == meter) | (table.usage_point_id == meter))
    if not len(mine):
        raise NotFoundError(f"no meter or usage point is called {meter!r}")
    kinds = sorted({str(kind) for kind in mine.reading_type})
    if reading_type is not None and reading_type not in kinds:
        raise NotFoundError(f"{meter} does not measure {reading_type!r}, but {', '.join(kinds)}")
    wanted = [reading_type] if reading_type else [k for k in kinds if not READING_TYPES[k].channel]
    mine = mine.take(np.isin(mine.reading_type.astype(str), wanted))
    badges = sorted({str(badge) for badge in mine.badge})
    if len(badges) > 1:
        raise UsageError(f"several meters were at {meter}: name {' or '.join(badges)}")
    return mine


def of_channel(table: ChannelTable, channel_id: int) -> ChannelTable:
    """Return the installations of a channel, of which there is at least one."""
    mine = table.take(table.channel_id == channel_id)
    assert len(mine), "what has reads was installed once"
    return mine


def _counts_alike_through(table: ChannelTable, day: date, zone: ZoneInfo) -> date:
    """Return the last day from a day on before multiplier, dials or resolution change."""
    scales = zip(table.multiplier, table.register_modulus, table.register_resolution, strict=True)
    began = [local_day(from_epoch_s(at_s), zone) for at_s in table.installed_s.tolist()]
    installed = sorted(zip(began, map(tuple, scales), strict=True), key=lambda each: each[0])
    now = [scale for on, scale in installed if on <= day] or [installed[0][1]]
    changes = (on for on, scale in installed if on > day and scale != now[-1])
    return min(changes, default=date.max) - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Bench:
    """
    One channel over some weeks; grids of one row, columns of one slot each.

    Attributes:
        table: Its installations.
        rules: What it is judged by.
        stored: Current versions.
        found: The received values and edits, examined.
        letter: Status of each slot as people see it, NOTHING where nothing is stored.
        registers: Every version of its register reads.
    """

    table: ChannelTable
    rules: RuleSet
    stored: Stored
    found: Examination
    letter: tuple[str, ...]
    registers: RegisterReads

    @classmethod
    async def load(
        cls,
        work: UnitOfWork,
        table: ChannelTable,
        days: tuple[date, date],
        *,
        rules: RuleSet,
        zone: ZoneInfo,
        today: date,
        as_of: datetime | None = None,
    ) -> "Bench":
        """
        Lay a channel out around some local days.

        Args:
            work: Where it is stored.
            table: Its installations.
            days: First and last day of interest.
            rules: What it is judged by.
            zone: Where days begin.
            today: Nothing is known of later days.
            as_of: What was known then; None for now.
        """
        slots = SlotTable.of_days(
            days[0] - BESIDE,
            max(days[1], min(days[1] + BESIDE, today, _counts_alike_through(table, days[1], zone))),
            interval_s=int(table.interval_s[0]),
            zone=zone,
        )
        align_s = rules.bookend.align_s
        start_s, end_s = int(slots.start_s[0]), slots.end_s
        span = Period(from_epoch_s(start_s), from_epoch_s(end_s))
        edges = Period(from_epoch_s(start_s - align_s), from_epoch_s(end_s + align_s))
        ids = [int(table.channel_id[0])]
        reads = await work.readings.intervals(span, channel_ids=ids, as_of=as_of)
        registers = await work.readings.registers(edges, channel_ids=ids, as_of=as_of)
        marks = await work.edits.marks(span, ids, as_of=as_of)
        block, stored = gridding.grid(
            table,
            slots,
            reads,
            registers,
            rules,
            temporary=marks.temporary,
            waived=marks.waived,
            vouched=marks.vouched,
        )
        target = np.ones((1, len(slots.days)), np.bool_)
        known = await ContextLoader(work, rules, zone).load(block, table, target)
        found = engine.validate(replace(block, known=known), rules, ahead=target[0])
        outcomes = await work.vee.days(slots.days[0], slots.days[-1], channel_ids=ids, as_of=as_of)
        current = reads.current()
        letter = [NOTHING] * len(slots)
        shown = displayed_status(current, outcomes, zone)
        place = (current.start_s - start_s) // slots.interval_s
        for at, code in zip(place.tolist(), shown.tolist(), strict=True):
            letter[at] = chr(code)
        return cls(table, rules, stored, found, tuple(letter), registers)

    @property
    def block(self) -> Block:
        """What was examined."""
        return self.found.block

    @property
    def slots(self) -> SlotTable:
        """The columns."""
        return self.block.slots

    @property
    def channel_id(self) -> int:
        """The channel, ours."""
        return int(self.table.channel_id[0])

    @property
    def badge(self) -> str:
        """The meter."""
        return str(self.table.badge[0])

    @property
    def kind(self) -> ReadingType:
        """What it measures."""
        return READING_TYPES[str(self.table.reading_type[0])]

    @property
    def value(self) -> Int64:
        """Current values [quanta], 0 where nothing is stored, shape (slots,)."""
        return np.where(self.known, self.stored.value[0], 0)

    @property
    def known(self) -> Bool:
        """Where a value is stored, shape (slots,)."""
        known: Bool = (self.stored.version[0] >= 0) & (self.stored.status[0] != Status.MISSING.code)
        return known

    def place(self, start_s: int) -> int:
        """
        Return the slot that starts at an instant.

        Raises:
            UsageError: None does.
        """
        offset = start_s - int(self.slots.start_s[0])
        if offset % self.slots.interval_s or not 0 <= offset // self.slots.interval_s < len(
            self.slots
        ):
            raise UsageError(
                f"{from_epoch_s(start_s).isoformat()} starts no interval of {self.badge}; they are "
                f"{self.slots.interval_s // 60} minutes long"
            )
        return offset // self.slots.interval_s

    @property
    def estimated(self) -> Bool:
        """Where the value is made up, and is made anew when something beside it changes."""
        return np.isin(self.stored.status[0], _MADE_UP)

    def sums(self, touched: Bool, value: Int64, known: Bool) -> "BracketSums":
        """Return how the brackets that share a slot with these, shape (slots,), add up."""
        return BracketSums.of(self.found, touched, value, known, self.rules)


@dataclass(frozen=True, slots=True)
class BracketSums:
    """
    How some brackets add up with values that are given; arrays of shape (brackets,).

    Attributes:
        number: Position among the examination's brackets.
        usage: What the register says [quanta].
        residual: Usage less the values [quanta].
        whole: Every interval has a value.
        tolerance: How far off they may be [1/1000 quantum] (V45, V46).
    """

    number: Int64
    usage: Int64
    residual: Int64
    whole: Bool
    tolerance: Int64

    @classmethod
    def of(
        cls, found: Examination, touched: Bool, value: Int64, known: Bool, rules: RuleSet
    ) -> "BracketSums":
        """Add up; see Bench.sums()."""
        every = found.brackets
        number = np.flatnonzero(every.count(touched[None]) > 0)
        few = every.take(number)
        step = found.block.limits.step[few.channel]
        return cls(
            number=number,
            usage=few.usage,
            residual=few.usage - few.total(np.where(known, value, 0)[None]),
            whole=few.count(known[None]) == few.last - few.first,
            tolerance=Sums.tolerance(few.usage, step, rules.sum_check),
        )

    @property
    def off(self) -> Bool:
        """Brackets that do not add up (V45), or whose values are too much already (V46)."""
        milli = 1000 * self.residual
        off: Bool = (milli < -self.tolerance) | (self.whole & (milli > self.tolerance))
        return off

    @property
    def left_over(self) -> Int64:
        """The residual that no estimate takes up [quanta], shape (brackets,)."""
        return np.where(self.whole, self.residual, np.minimum(self.residual, 0))
