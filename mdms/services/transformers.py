"""Load and voltage of transformers, from what was measured at their meters."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from mdms.domain.errors import NotFoundError
from mdms.domain.readings import Bool, Int64, IntervalReads
from mdms.domain.registry import ChannelTable, Commodity, Transformer
from mdms.domain.time import Period
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.leak_days import measured
from vee.block import SlotTable
from vee.context import Quantity
from vee.grid.loading import MeterEnergy, figures, loading
from vee.grid.rules import GridRules
from vee.grid.voltage import bands, transformer_voltage
from vee.rule_tables import VoltageRules

TRANSFORMERS_PER_BLOCK = 24
"""About 500 channels: a month of quarter hours is 12 MB an array."""

_LOW_NIBBLE = 0x0F


class TransformerService:
    """
    What transformers carry; nothing is kept, every answer is worked out from stored reads.

    Args:
        unit_of_work: Opens a transaction.
        zone: Where local days begin.
        limits: Ranges of voltage.
        rules: What makes a load, and a day a violation.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        zone: ZoneInfo,
        limits: VoltageRules,
        rules: GridRules,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._zone = zone
        self._limits = limits
        self._loading_rules = rules.loading
        self._day_rules = rules.voltage_day

    async def load(
        self, first: date, last: date, *, transformer: str | None = None
    ) -> list[dict[str, Any]]:
        """
        Return each transformer's load on local days, the most loaded first.

        Raises:
            NotFoundError: There is no transformer of that name.
        """
        quantities = (Quantity.DELIVERED, Quantity.RECEIVED, Quantity.REACTIVE)
        blocks = self._blocks(first, last, transformer, quantities)
        rows = [row async for block in blocks for row in await _aside(self._loads, block)]
        return sorted(rows, key=lambda row: (-row["peak_percent"], row["transformer"]))

    async def voltage(
        self, first: date, last: date, *, transformer: str | None = None
    ) -> list[dict[str, Any]]:
        """
        Return each transformer's voltage on local days, as far as its meters measure any.

        Raises:
            NotFoundError: There is no transformer of that name.
        """
        blocks = self._blocks(first, last, transformer, (Quantity.VOLTAGE,))
        rows = [row async for block in blocks for row in await _aside(self._voltages, block)]
        return sorted(
            rows, key=lambda row: (-row["violation_days"], -row["meter_days"], row["transformer"])
        )

    async def _blocks(
        self, first: date, last: date, name: str | None, quantities: Sequence[Quantity]
    ) -> AsyncIterator["_Block"]:
        """Yield transformers with their meters' reads, those of one interval length together."""
        period = Period.of_days(first, last, self._zone)
        async with self._unit_of_work() as work:
            stored = {
                each.transformer_id: each for each in (await work.registry.load()).transformers
            }
            if name is not None and name not in stored:
                raise NotFoundError(f"no transformer is called {name!r}")
            wanted = list(stored) if name is None else [name]
            table = await work.registry.channels()
            table = table.take(
                (table.commodity == Commodity.ELECTRIC)
                & np.isin(table.wire_channel & _LOW_NIBBLE, quantities)
                & np.isin(table.transformer_id.astype(str), wanted)
                & (table.installed_s < period.end_s)
                & (table.removed_s > period.start_s)
            )
            for interval_s, names in _by_length(table).items():
                slots = SlotTable.of_days(first, last, interval_s=interval_s, zone=self._zone)
                for start in range(0, len(names), TRANSFORMERS_PER_BLOCK):
                    part = names[start : start + TRANSFORMERS_PER_BLOCK]
                    mine = table.take(np.isin(table.transformer_id.astype(str), part))
                    ids = np.unique(mine.channel_id).tolist()
                    reads = await work.readings.intervals(period, channel_ids=ids)
                    outcomes = await work.vee.days(first, last, channel_ids=ids)
                    yield _Block(
                        [stored[each] for each in part],
                        mine,
                        slots,
                        measured(reads, outcomes, self._zone),
                    )

    def _loads(self, block: "_Block") -> list[dict[str, Any]]:
        transformer, energy = block.energy()
        rules, interval_s = self._loading_rules, block.slots.interval_s
        kva = np.array([float(each.kva) for each in block.transformers])
        found = figures(loading(energy, transformer, interval_s, rules), kva, interval_s, rules)
        meters = np.bincount(transformer)
        return [
            {
                "transformer": each.transformer_id,
                "feeder": each.feeder_id,
                "kva": float(each.kva),
                "meters": int(meters[row]),
                "coverage_percent": round(100 * float(found.coverage[row]), 1),
                "peak_percent": round(100 * float(found.peak[row]), 1),
                "p95_percent": round(100 * float(found.p95[row]), 1),
                "hours_over_100": float(found.hours_over[row, 0]),
                "hours_over_130": float(found.hours_over[row, 1]),
                "hours_over_160": float(found.hours_over[row, 2]),
                "reverse_peak_kw": round(float(found.reverse_peak_kw[row]), 2),
                "scaled_hours": float(found.scaled_hours[row]),
                "hours": float(found.hours[row]),
            }
            for row, each in enumerate(block.transformers)
        ]

    def _voltages(self, block: "_Block") -> list[dict[str, Any]]:
        transformer, value, valid = block.voltages()
        first, limits, rules = block.slots.first[:-1], self._limits, self._day_rules
        by_meter = bands(value, valid, first, limits, rules)
        middle, known = transformer_voltage(value, valid, transformer)
        found = bands(middle, known, first, limits, rules)
        lowest = np.where(known, middle, np.inf).min(axis=1)
        highest = np.where(known, middle, -np.inf).max(axis=1)
        meters = np.bincount(transformer)
        meter_days = np.bincount(transformer, weights=by_meter.violations.sum(axis=1))
        return [
            {
                "transformer": each.transformer_id,
                "feeder": each.feeder_id,
                "meters": int(meters[row]),
                "intervals": int(found.intervals[row]),
                "lowest_v": round(float(lowest[row]) / 10, 1) if known[row].any() else None,
                "highest_v": round(float(highest[row]) / 10, 1) if known[row].any() else None,
                "beyond_a_percent": round(100 * float(found.share_a[row]), 2),
                "beyond_b_percent": round(100 * float(found.share_b[row]), 2),
                "violation_days": int(found.violations[row].sum()),
                "meter_days": int(meter_days[row]),
            }
            for row, each in enumerate(block.transformers)
        ]


@dataclass(frozen=True, slots=True)
class _Block:
    """
    Some transformers with what was measured behind them.

    Attributes:
        transformers: In order of their ids.
        table: Channels and when they were installed behind these transformers.
        slots: Of the longest interval among them.
        reads: Measured values.
    """

    transformers: Sequence[Transformer]
    table: ChannelTable
    slots: SlotTable
    reads: IntervalReads

    def energy(self) -> tuple[Int64, MeterEnergy]:
        """Return each meter's transformer, and its energy; one row a meter and transformer."""
        transformer, meter = self._meters()
        delivered, installed, heard = self._laid(Quantity.DELIVERED, meter, len(transformer))
        received, has_received, heard_back = self._laid(Quantity.RECEIVED, meter, len(transformer))
        varh, _, varh_heard = self._laid(Quantity.REACTIVE, meter, len(transformer))
        valid = heard & (heard_back | ~has_received)
        return transformer, MeterEnergy(delivered - received, installed, valid, varh, varh_heard)

    def voltages(self) -> tuple[Int64, Int64, Bool]:
        """Return each meter's transformer, its voltage [0.1 V], and where it was measured."""
        transformer, meter = self._meters()
        value, _, valid = self._laid(Quantity.VOLTAGE, meter, len(transformer))
        parts = np.ones(len(transformer), np.int64)
        parts[meter] = self.slots.interval_s // self.table.interval_s
        return transformer, value // parts[:, None], valid

    def _meters(self) -> tuple[Int64, Int64]:
        """Return the transformer of each meter, and the meter of each row of the table."""
        row_of = {each.transformer_id: row for row, each in enumerate(self.transformers)}
        places = [
            (row_of[str(transformer)], str(badge))
            for transformer, badge in zip(self.table.transformer_id, self.table.badge, strict=True)
        ]
        number = {place: row for row, place in enumerate(sorted(set(places)))}
        transformer = np.array([row for row, _ in number], np.int64)
        return transformer, np.array([number[place] for place in places], np.int64)

    def _laid(self, quantity: Quantity, meter: Int64, meters: int) -> tuple[Int64, Bool, Bool]:
        """
        Return a quantity's sums by slot, when its channel was installed, and where it was heard.

        A slot that is longer than a channel's interval is heard when all of it was.
        """
        slots, table = self.slots, self.table
        shape = meters, len(slots)
        value, heard_s = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        installed = np.zeros(shape, np.bool_)
        rows = np.flatnonzero((table.wire_channel & _LOW_NIBBLE) == quantity)
        for row in rows.tolist():  # some hundred channels a block, whole days each
            inside = (slots.start_s >= table.installed_s[row]) & (
                slots.start_s < table.removed_s[row]
            )
            installed[meter[row]] |= inside
            low, high = np.searchsorted(
                self.reads.channel_id, [table.channel_id[row], table.channel_id[row] + 1]
            )
            start_s = self.reads.start_s[low:high]
            slot = (start_s - slots.start_s[0]) // slots.interval_s
            mine = inside[slot] if len(slot) else np.zeros(0, np.bool_)
            np.add.at(value[meter[row]], slot[mine], self.reads.value[low:high][mine])
            np.add.at(heard_s[meter[row]], slot[mine], int(table.interval_s[row]))
        return value, installed, heard_s == slots.interval_s


def _by_length(table: ChannelTable) -> dict[int, list[str]]:
    """Return the transformers by the longest interval of their meters, each list sorted."""
    longest: dict[str, int] = {}
    for name, interval_s in zip(table.transformer_id, table.interval_s.tolist(), strict=True):
        longest[str(name)] = max(longest.get(str(name), 0), interval_s)
    found: dict[int, list[str]] = {}
    for name, interval_s in sorted(longest.items()):
        found.setdefault(interval_s, []).append(name)
    return found


async def _aside(
    work: Callable[["_Block"], list[dict[str, Any]]], block: _Block
) -> list[dict[str, Any]]:
    return await asyncio.to_thread(work, block)
