"""Which channel of ours a file means: by badge, usage point or radio, quantity and time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from mdms.billing.formats.flaws import Flaw, UnusableError
from mdms.billing.formats.runs import Run
from mdms.domain.reading_types import READING_TYPES
from mdms.domain.readings import Bool, Int64
from mdms.domain.registry import ChannelTable

_WIRE_CHANNEL: Final = 0x0F


@dataclass(frozen=True, slots=True)
class ImportChannels:
    """
    The channels that a file may mean.

    Attributes:
        table: Every channel, sorted by channel and installation.
        units: Names of quanta.
        unit: Of each row, its place among them.
        meter: Whose all reads are; empty: the file says.
        aliases: Other names of usage points, such as their addresses in Green Button.
        rows_of: Rows of the table by badge and by usage point.
        badge_of_radio: Whose radio it is, or was last.
    """

    table: ChannelTable
    units: tuple[str, ...]
    unit: npt.NDArray[np.intp]
    meter: str
    aliases: Mapping[str, str]
    rows_of: Mapping[str, list[int]]
    badge_of_radio: Mapping[int, str]

    @classmethod
    def of(cls, table: ChannelTable, *, meter: str, aliases: Mapping[str, str]) -> Self:
        """Index a table of channels."""
        table = table.take(np.lexsort((table.installed_s, table.channel_id)))
        units = [READING_TYPES[name].unit for name in table.reading_type]
        names, unit = np.unique(np.array(units, str), return_inverse=True)
        rows_of: dict[str, list[int]] = {}
        for row, both in enumerate(zip(table.badge, table.usage_point_id, strict=True)):
            for name in set(both):
                rows_of.setdefault(name, []).append(row)
        radios = zip(table.radio_id.tolist(), table.badge.tolist(), strict=True)
        return cls(table, tuple(names.tolist()), unit, meter, aliases, rows_of, dict(radios))

    def row_of(self, run: Run, now_s: int) -> int:
        """
        Return the row of the table that a run belongs to, by its first instant.

        Raises:
            UnusableError: The registry has no such meter or channel.
        """
        rows = self._candidates(run)
        of_channel = [
            row
            for row in rows
            if self.table.commodity[row] == run.commodity
            and self.table.wire_channel[row] & _WIRE_CHANNEL == run.channel
        ]
        badge = self.table.badge[rows[0]]
        if not of_channel:
            raise UnusableError(
                Flaw.UNKNOWN_CHANNEL, f"{badge} has no channel {run.channel} of {run.commodity}"
            )
        first_s = run.at_s[0] if run.at_s else now_s
        row = next(
            (
                row
                for row in of_channel
                if self.table.installed_s[row] <= first_s < self.table.removed_s[row]
            ),
            of_channel[-1],
        )
        if run.interval_s not in {None, int(self.table.interval_s[row])}:
            raise UnusableError(
                Flaw.BAD_INTERVAL,
                f"{badge} measures {self.table.interval_s[row]} s at a time, not {run.interval_s}",
            )
        return row

    def _candidates(self, run: Run) -> list[int]:
        meter = run.meter
        for name in (self.meter,) if self.meter else meter.names:
            if rows := self.rows_of.get(self.aliases.get(name, name)):
                self._check_radio(meter.radio_id, str(self.table.badge[rows[0]]))
                return rows
        badge = self.badge_of_radio.get(meter.radio_id) if meter.radio_id is not None else None
        if badge is None or self.meter or meter.names:
            named = self.meter or ", ".join(meter.names) or "no name"
            raise UnusableError(Flaw.UNKNOWN_METER, f"the registry has no meter {named[:80]}")
        return self.rows_of[badge]

    def _check_radio(self, radio_id: int | None, badge: str) -> None:
        owner = self.badge_of_radio.get(radio_id) if radio_id is not None else None
        if owner not in {None, badge} and not self.meter:
            raise UnusableError(
                Flaw.UNKNOWN_METER, f"radio {radio_id} belongs to {owner}, and not to {badge}"
            )

    def factor(self, run: Run, row: int) -> int:
        """
        Return what values of a run are multiplied by: interval values are primary here.

        Raises:
            UnusableError: The file multiplies by another number than the registry.
        """
        own = int(self.table.multiplier[row])
        if run.multiplier in {None, own} or (run.multiplier == 1 and run.interval_s is not None):
            return own if run.multiplier == own and run.interval_s is not None else 1
        raise UnusableError(
            Flaw.BAD_MULTIPLIER,
            f"{self.table.badge[row]} multiplies by {own}, not by {run.multiplier}",
        )

    def installations(self, channel_id: Int64) -> tuple[Int64, Int64]:
        """Return where each channel's installations begin in the sorted table, and how many."""
        ids = self.table.channel_id
        first = np.searchsorted(ids, channel_id)
        return first, np.searchsorted(ids, channel_id, side="right") - first

    def in_place(
        self, first: Int64, count: Int64, begin_s: Int64, end_s: Int64
    ) -> tuple[Bool, Bool]:
        """Return whether meters were in place all the time, and whether with a radio on."""
        in_place = np.zeros(len(first), np.bool_)
        heard = np.zeros(len(first), np.bool_)
        for nth in range(int(count.max(initial=0))):
            row = np.minimum(first + nth, len(self.table) - 1)
            within = (nth < count) & (self.table.installed_s[row] <= begin_s)
            within &= end_s <= self.table.removed_s[row]
            in_place |= within
            heard |= within & self.table.radio_on[row]
        return in_place, heard
