"""Usage as customers see it: billing units at local times, added up by day or month."""

from collections import defaultdict
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from mdms.billing.formats.outgoing import Outgoing
from mdms.billing.units import unrounded_units
from mdms.domain.reading_types import READING_TYPES, ReadingType
from mdms.domain.readings import Int64, Status
from mdms.domain.time import (
    days_between,
    from_epoch_s,
    local_day,
    local_midnight,
    to_epoch_s,
)

_DIRECTIONS: Final = {0: "delivered", 1: "received"}
"""What customers pay for; reactive power and voltage are the utility's business."""
_ESTIMATED: Final = np.array(
    [Status.ESTIMATED.code, Status.FINAL_ESTIMATE.code, Status.DERIVED.code], np.uint8
)


class Step(StrEnum):
    """How fine usage is told."""

    INTERVAL = "interval"
    DAY = "day"
    MONTH = "month"


def usage_series(
    blocks: Iterable[Outgoing], usage_point_id: str, step: Step, zone: ZoneInfo
) -> list[dict[str, Any]]:
    """
    Return one series a direction that has any; a meter that replaced another continues its series.

    Args:
        blocks: Reads of a usage point.
        usage_point_id: Which; reads of any other place are passed over.
        step: What values are added up by.
        zone: Where local days begin.
    """
    parts: defaultdict[str, list[tuple[Int64, Int64, Int64]]] = defaultdict(list)
    for block in blocks:
        for number, channel in enumerate(block.channels):
            rows = block.of_channel(number)
            ours = channel.usage_point_id == usage_point_id and rows.start < rows.stop
            if ours and channel.kind.channel in _DIRECTIONS:
                estimated = np.isin(block.status[rows], _ESTIMATED).astype(np.int64)
                parts[channel.kind.name].append((block.start_s[rows], block.value[rows], estimated))
    return [_series(READING_TYPES[name], parts[name], step, zone) for name in sorted(parts)]


def _series(
    kind: ReadingType, parts: list[tuple[Int64, Int64, Int64]], step: Step, zone: ZoneInfo
) -> dict[str, Any]:
    start_s, value, estimated = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.argsort(start_s, kind="stable")
    start_s, value, estimated = start_s[order], value[order], estimated[order]
    first = _first_of_steps(start_s, step, zone)
    sums = np.add.reduceat(value, first)
    doubts = np.add.reduceat(estimated, first)
    counts = np.diff(first, append=len(value))
    texts: dict[int, str] = {}
    values = []
    for at_s, quanta, doubt, count in zip(
        start_s[first].tolist(), sums.tolist(), doubts.tolist(), counts.tolist(), strict=True
    ):
        if quanta not in texts:
            texts[quanta] = str(unrounded_units(quanta, kind))
        start = from_epoch_s(at_s).astimezone(zone)
        when = start.isoformat() if step is Step.INTERVAL else start.date().isoformat()
        if step is Step.MONTH:
            when = when[:7]
        values.append(
            {"start": when, "amount": texts[quanta], "intervals": count, "estimated": doubt}
        )
    return {
        "direction": _DIRECTIONS[kind.channel],
        "commodity": kind.commodity.value,
        "unit": kind.billing_unit,
        "interval_s": kind.interval_s,
        "values": values,
    }


def _first_of_steps(start_s: Int64, step: Step, zone: ZoneInfo) -> Int64:
    """Return the first row of every step that has one."""
    if step is Step.INTERVAL:
        return np.arange(len(start_s))
    first, last = (local_day(from_epoch_s(at_s), zone) for at_s in (start_s[0], start_s[-1]))
    begins_s = [
        to_epoch_s(local_midnight(day, zone))
        for day in days_between(first, last)
        if step is Step.DAY or day == first or day.day == 1
    ]
    number = np.searchsorted(np.array(begins_s, np.int64), start_s, side="right")
    return np.flatnonzero(np.diff(number, prepend=0))
