"""Blocks by hand: a few channels, days and register reads, with everything else usual."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from mdms.domain.readings import Bool, Int64, Method, Status
from vee import engine
from vee.amend import Stored
from vee.block import Block, Limits, Registers, SlotTable
from vee.engine import Outcome
from vee.evidence import Evidence
from vee.rules import RuleSet

ZONE = ZoneInfo("America/Los_Angeles")
RULES = RuleSet.load(Path(__file__).parents[3] / "config/vee/residential.toml")
TUESDAY = date(2026, 11, 3)

CLASS_200_WH = 12_600
WATER_5_8 = 12_000

HOUR_S = 3600


def slot_table(first: date = TUESDAY, days: int = 1, *, interval_s: int = 900) -> SlotTable:
    last = first + timedelta(days=days - 1)
    return SlotTable.of_days(first, last, interval_s=interval_s, zone=ZONE)


def block(
    slots: SlotTable,
    value: Int64 | Sequence[Sequence[int]] | None = None,
    *,
    missing: Iterable[int | tuple[int, int]] = (),
    present: Bool | None = None,
    expected: Bool | None = None,
    flags: Int64 | None = None,
    registers: Iterable[tuple[int, int] | tuple[int, int, int]] = (),
    v_max: int = CLASS_200_WH,
    modulus: int = 10**9,
    resolution: int = 1,
    multiplier: int = 1,
    linear: bool = True,
    reversible: bool = False,
) -> Block:
    """
    Return a block; missing and registers are (channel, slot...) or, of one channel, (slot...).
    """
    value = np.full((1, len(slots)), 100) if value is None else np.array(value, np.int64)
    shape = value.shape
    present = np.ones(shape, np.bool_) if present is None else present.copy()
    for where in missing:
        present[where if isinstance(where, tuple) else (0, where)] = False
    reads = sorted(read if len(read) == 3 else (0, *read) for read in registers)
    columns = np.array(reads, np.int64).reshape(-1, 3).T

    def each(number: int) -> Int64:
        return np.full(shape[0], number, np.int64)

    return Block(
        slots=slots,
        channel_id=np.arange(shape[0], dtype=np.int32),
        limits=Limits(
            each(v_max),
            each(modulus),
            each(resolution),
            each(multiplier),
            np.full(shape[0], linear),
            np.full(shape[0], reversible),
        ),
        value=np.where(present, value, 0),
        present=present,
        expected=np.ones(shape, np.bool_) if expected is None else expected,
        flags=np.broadcast_to(np.int64(0), shape) if flags is None else flags,
        registers=Registers(*columns),
    )


def with_evidence(block: Block, **parts: Any) -> Block:
    return replace(block, evidence=replace(Evidence.none(), **parts))


def at(block: Block, hours: float) -> int:
    return int(block.slots.start_s[0] + hours * HOUR_S)


def spans(block: Block, first_h: float, last_h: float) -> tuple[Int64, Int64, Int64]:
    return np.array([0]), np.array([at(block, first_h)]), np.array([at(block, last_h)])


def judge(
    block: Block,
    *,
    days: slice = slice(None),
    two_sided: bool = True,
    final: bool = False,
    rules: RuleSet = RULES,
) -> Outcome:
    """Run the engine on these days of every channel."""
    target = np.zeros((len(block.channel_id), len(block.slots.days)), np.bool_)
    target[:, days] = True
    ahead = np.full(len(block.slots.days), two_sided)
    return engine.run(block, rules, target, ahead=ahead, final=final)


def statuses(outcome: Outcome, channel: int = 0) -> str:
    """Return the status letters of a channel, a dot where nothing is known."""
    return "".join(chr(code) if code else "." for code in outcome.status[channel])


def methods(outcome: Outcome, slots: Iterable[int], channel: int = 0) -> list[Method]:
    return [Method(int(outcome.method[channel, slot])) for slot in slots]


def values(outcome: Outcome, slots: Iterable[int], channel: int = 0) -> list[int]:
    return [int(outcome.value[channel, slot]) for slot in slots]


ESTIMATES = (Status.ESTIMATED.code, Status.FINAL_ESTIMATE.code)


def nothing_stored(block: Block) -> Stored:
    """Return what is stored of a block that was received and never judged."""
    shape = block.value.shape
    return Stored(
        version=np.where(block.present, 0, -1).astype(np.int32),
        value=block.value,
        status=np.where(block.present, Status.RAW.code, 0).astype(np.uint8),
        method=np.zeros(shape, np.int16),
        flags=block.flags,
        newest_us=np.zeros((shape[0], len(block.slots.days)), np.int64),
    )
