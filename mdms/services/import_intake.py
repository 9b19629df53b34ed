"""
Reads of a file on their way in: which channel they belong to, and whether they can be true.

Runs of values are gathered until there are enough for one look at all of them; a row of which one
value cannot be true is refused as a whole.
"""

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final, NamedTuple

import numpy as np

from mdms.billing.formats.flaws import DAMAGE, Flaw, UnusableError
from mdms.billing.formats.runs import PassedOver, Refusal, Run, Said
from mdms.domain.dials import DEMAND, DialRead
from mdms.domain.reading_imports import RefusedRow
from mdms.domain.readings import Bool, Int64, IntervalReads, RegisterReads, Source
from mdms.domain.time import from_epoch_s
from mdms.services.import_channels import ImportChannels

BATCH_MAX: Final = 100_000
REFUSED_MAX: Final = 100_000
"""Refused rows that are kept; more are counted."""

AHEAD_S_MAX: Final = 300
PAST_S_MAX: Final = 1095 * 86_400
SNAP_S_MAX: Final = 150
"""design.md 9: how far ahead, how old, and how far off its boundary a read of a file may be."""

_VALUE_MAX: Final = 2**62


@dataclass(frozen=True, slots=True)
class Batch:
    """Reads that nothing is wrong with; a key may come several times."""

    intervals: IntervalReads
    registers: RegisterReads
    dials: Sequence[DialRead] = ()


class _Gathered(NamedTuple):
    """Columns that grow: channel, instant, value and line."""

    channel_id: "array[int]"
    at_s: "array[int]"
    value: "array[int]"
    line: "array[int]"

    @classmethod
    def empty(cls) -> "_Gathered":
        return cls(*(array("q") for _ in range(4)))

    def columns(self) -> list[Int64]:
        return [np.array(column, np.int64) for column in self]


@dataclass(slots=True)
class Intake:
    """
    Takes what a reader says, gives batches to store, and keeps the account of it.

    Attributes:
        channels: Finds the channel of a run.
        now_s: What time it is.
        recorded_us: When the reads become known.
        counts: By the names of `ReadingImport`'s fields.
        refused: The first of the refused rows.
        is_damaged: The file as a whole cannot be trusted.
    """

    channels: ImportChannels
    now_s: int
    recorded_us: int
    counts: "Counter[str]" = field(default_factory=Counter)
    passed_over: "Counter[str]" = field(default_factory=Counter)
    totals: "Counter[str]" = field(default_factory=Counter)
    refused: list[RefusedRow] = field(default_factory=list)
    is_damaged: bool = False
    _intervals: "_Gathered" = field(default_factory=_Gathered.empty)
    _registers: "_Gathered" = field(default_factory=_Gathered.empty)
    _dials: "_Gathered" = field(default_factory=_Gathered.empty)
    _dial: list[str] = field(default_factory=list)
    """Of each reading in _dials, which one."""

    def batches(self, said: Iterator[Said]) -> Iterator[Batch]:
        """Yield batches of reads that can be stored, until the file is at its end."""
        for each in said:
            match each:
                case Refusal():
                    self._refuse(each.line, each.flaw, each.detail)
                case PassedOver():
                    self.passed_over[each.kind] += 1
                case Run():
                    self._take(each)
            gathered = (self._intervals, self._registers, self._dials)
            if sum(len(each.at_s) for each in gathered) >= BATCH_MAX:
                yield self._batch()
        yield self._batch()

    def refused_rows(self) -> list[RefusedRow]:
        """Return the refused rows in the order of the file."""
        return sorted(self.refused, key=attrgetter("line"))

    def _refuse(self, line: int, flaw: Flaw, detail: str) -> None:
        self.counts["refused_count"] += 1
        self.is_damaged |= flaw in DAMAGE
        if len(self.refused) < REFUSED_MAX:
            self.refused.append(RefusedRow(line, flaw, detail))

    def _take(self, run: Run) -> None:
        self.counts["no_value_count"] += run.placeholders
        self.counts["not_read_count"] += run.not_read
        self.counts["rounded_count"] += run.rounded
        try:
            row = self.channels.row_of(run, self.now_s)
            factor = self.channels.factor(run, row)
        except UnusableError as error:
            for line in dict.fromkeys(run.lines or [run.line]):
                self._refuse(line, error.flaw, str(error))
            return
        into = self._registers if run.interval_s is None else self._intervals
        if run.dial:
            into = self._dials
            self._dial += [run.dial] * len(run.at_s)
        into.channel_id.extend([int(self.channels.table.channel_id[row])] * len(run.at_s))
        into.at_s.extend(run.at_s)
        into.value.extend([value * factor for value in run.value] if factor > 1 else run.value)
        into.line.extend(run.lines or [run.line] * len(run.at_s))

    def _batch(self) -> Batch:
        intervals, registers = self._intervals, self._registers
        dials, names = self._dials, self._dial
        self._intervals, self._registers = _Gathered.empty(), _Gathered.empty()
        self._dials, self._dial = _Gathered.empty(), []
        return Batch(
            self._sound_intervals(intervals),
            self._sound_registers(registers),
            self._sound_dials(dials, names),
        )

    def _sound_intervals(self, gathered: _Gathered) -> IntervalReads:
        channel_id, at_s, value, line = gathered.columns()
        first, count = self.channels.installations(channel_id)
        length_s = self.channels.table.interval_s[first].astype(np.int64)
        start_s = (at_s + length_s // 2) // length_s * length_s
        in_place, heard = self.channels.in_place(first, count, start_s, start_s + length_s)
        good = self._refuse_where(
            line,
            at_s,
            (np.abs(at_s - start_s) > SNAP_S_MAX, Flaw.BAD_ALIGNMENT),
            (start_s + length_s > self.now_s + AHEAD_S_MAX, Flaw.TIME_FUTURE),
            (start_s < self.now_s - PAST_S_MAX, Flaw.TIME_PAST),
            (~in_place, Flaw.NOT_INSTALLED),
            (in_place & ~heard, Flaw.OPTED_OUT),
            (value >= _VALUE_MAX, Flaw.BAD_VALUE),
        )
        self.counts["interval_count"] += int(good.sum())
        self._add_up(first[good], value[good])
        return IntervalReads.raw(
            channel_id[good],
            start_s[good],
            value[good],
            recorded_us=self.recorded_us,
            source=Source.FILE,
        )

    def _sound_registers(self, gathered: _Gathered) -> RegisterReads:
        channel_id, at_s, value, _ = gathered.columns()
        good = self._possible(gathered, np.ones(len(at_s), np.bool_))
        return RegisterReads.raw(
            channel_id[good],
            at_s[good],
            value[good],
            recorded_us=self.recorded_us,
            source=Source.FILE,
        )

    def _sound_dials(self, gathered: _Gathered, names: Sequence[str]) -> list[DialRead]:
        channel_id, at_s, value, _ = gathered.columns()
        wraps = np.array([name != DEMAND for name in names], np.bool_)
        return [
            DialRead(int(channel_id[row]), names[row], int(at_s[row]), int(value[row]))
            for row in np.flatnonzero(self._possible(gathered, wraps)).tolist()
        ]

    def _possible(self, gathered: _Gathered, wraps: Bool) -> Bool:
        """Refuse readings that cannot be true; those that wrap do so where the register does."""
        channel_id, at_s, value, line = gathered.columns()
        first, count = self.channels.installations(channel_id)
        in_place, _ = self.channels.in_place(first, count, at_s, at_s)
        good = self._refuse_where(
            line,
            at_s,
            (at_s > self.now_s + AHEAD_S_MAX, Flaw.TIME_FUTURE),
            (at_s < self.now_s - PAST_S_MAX, Flaw.TIME_PAST),
            (~in_place, Flaw.NOT_INSTALLED),
            (wraps & (value >= self.channels.table.register_modulus[first]), Flaw.BAD_VALUE),
        )
        self.counts["register_count"] += int(good.sum())
        return good

    def _refuse_where(self, line: Int64, at_s: Int64, *tests: tuple[Bool, Flaw]) -> Bool:
        """Refuse the rows that fail a test; return the values of those that fail none."""
        bad = np.zeros(len(line), np.bool_)
        for failed, flaw in tests:
            new = failed & ~bad
            rows, where = np.unique(line[new], return_index=True)
            for row, instant in zip(rows.tolist(), at_s[new][where].tolist(), strict=True):
                self._refuse(row, flaw, f"{_SENTENCES[flaw]} ({from_epoch_s(instant):%FT%TZ})")
            bad |= failed
        return ~np.isin(line, line[bad]) if bad.any() else ~bad

    def _add_up(self, row: Int64, value: Int64) -> None:
        sums = np.zeros(len(self.channels.units), np.int64)
        np.add.at(sums, self.channels.unit[row], value)
        for unit, total in zip(self.channels.units, sums.tolist(), strict=True):
            if total:
                self.totals[unit] += total


_SENTENCES: Final = {
    Flaw.BAD_ALIGNMENT: "lies between two intervals",
    Flaw.TIME_FUTURE: "has not happened yet",
    Flaw.TIME_PAST: "is older than three years",
    Flaw.NOT_INSTALLED: "the meter was not in place",
    Flaw.OPTED_OUT: "the meter's radio is silent: its intervals are nobody's business",
    Flaw.BAD_VALUE: "is more than the meter can show",
}
