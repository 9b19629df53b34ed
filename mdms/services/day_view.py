"""One local day of a channel for people: values, like days, registers, sums."""

from datetime import date
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from mdms.billing.registers import best_known
from mdms.domain.readings import Status
from mdms.domain.time import from_epoch_s
from mdms.services.channel_bench import NOTHING, Bench
from vee.names import in_words

LIKE_DAYS: Final = 3
_WEEK: Final = 7
_SOUND: Final = frozenset(
    status.value for status in (Status.VALIDATED, Status.ACCEPTED, Status.RAW, Status.DERIVED)
)


def day_view(bench: Bench, day: date, zone: ZoneInfo) -> dict[str, Any]:
    """
    Return a day as plain values.

    Args:
        bench: Its channel.
        day: One of the bench's days.
        zone: Of the times on the clock.

    Returns:
        `intervals` (start, value or None, status, flags in words), `like_days` (day and values by
        interval, None where there is none), `registers` of the day, `brackets` that share an
        interval with it.
    """
    slots = bench.slots
    number = slots.days.index(day)
    span = slice(int(slots.first[number]), int(slots.first[number + 1]))
    places = range(span.start, span.stop)
    touched = np.zeros(len(slots), np.bool_)
    touched[span] = True
    flags = bench.stored.flags[0] | bench.found.flags[0]
    return {
        "day": day.isoformat(),
        "unit": bench.kind.unit,
        "interval_s": slots.interval_s,
        "physical_max": int(bench.block.limits.v_max[0]),
        "intervals": [
            {
                "start": _local(int(slots.start_s[at]), zone),
                "value": int(bench.value[at]) if bench.known[at] else None,
                "status": bench.letter[at],
                "rules": in_words(int(flags[at])) if bench.letter[at] != NOTHING else [],
            }
            for at in places
        ],
        "like_days": [
            {"day": slots.days[like].isoformat(), "values": _beside(bench, span, like)}
            for like in like_days(bench, number)
        ],
        "registers": _registers(bench, span, zone),
        "brackets": bracket_views(bench, touched, zone),
    }


def like_days(bench: Bench, number: int) -> list[int]:
    """Return the nearest sound days of the same weekday, the past before the future."""
    days = bench.slots.days
    offsets = sorted(
        (n - number for n in range(len(days)) if n != number and not (n - number) % _WEEK),
        key=lambda offset: (abs(offset), offset),
    )
    sound = [number + offset for offset in offsets if _is_sound(bench, number + offset)]
    return sound[:LIKE_DAYS]


def _is_sound(bench: Bench, number: int) -> bool:
    first, last = bench.slots.first[number : number + 2].tolist()
    return {*bench.letter[first:last]} <= _SOUND


def _beside(bench: Bench, span: slice, like: int) -> list[int | None]:
    """Return the values of a like day at the same times on the clock."""
    at = bench.slots.at[like, bench.slots.wall[span]].tolist()
    return [int(bench.value[slot]) if slot >= 0 and bench.known[slot] else None for slot in at]


def _registers(bench: Bench, span: slice, zone: ZoneInfo) -> list[dict[str, Any]]:
    """Return the register reads of a day, both midnights included."""
    current, length = best_known(bench.registers), bench.slots.interval_s
    first_s = int(bench.slots.start_s[span.start])
    last_s = int(bench.slots.start_s[span.stop - 1]) + length
    align_s = bench.rules.bookend.align_s
    here = current.take((current.at_s >= first_s - align_s) & (current.at_s <= last_s + align_s))
    return [
        {"at": _local(at_s, zone), "value": value, "status": chr(status)}
        for at_s, value, status in zip(
            here.at_s.tolist(), here.value.tolist(), here.status.tolist(), strict=True
        )
    ]


def bracket_views(
    bench: Bench, touched: np.ndarray[tuple[int], np.dtype[np.bool_]], zone: ZoneInfo
) -> list[dict[str, Any]]:
    """Return how the brackets that share an interval with these slots add up."""
    sums = bench.sums(touched, bench.value, bench.known)
    few, slots = bench.found.brackets.take(sums.number), bench.slots
    return [
        {
            "from": _local(int(slots.start_s[few.first[n]]), zone),
            "to": _local(int(slots.start_s[few.last[n] - 1]) + slots.interval_s, zone),
            "register": int(sums.usage[n]),
            "intervals": int(sums.usage[n] - sums.residual[n]),
            "residual": int(sums.residual[n]),
            "whole": bool(sums.whole[n]),
            "tolerance": int(sums.tolerance[n]) // 1000,
        }
        for n in range(len(few))
    ]


def _local(second: int, zone: ZoneInfo) -> str:
    """Return an instant with the utility's own offset."""
    return from_epoch_s(second).astimezone(zone).isoformat()
