"""
Why a value is what it is: how it came about, from what, by which rules, and who agreed.

Everything is made again by today's code from what was known when the value, or its day's outcome,
was recorded, under the rule set whose hash was kept with it; the answer says whether the same bits
come out. An outcome that a later run confirmed keeps its older time. A read that was received since
becomes current with the next run only.
"""

from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from mdms.domain.errors import NotFoundError
from mdms.domain.quality_codes import iec_codes
from mdms.domain.reading_types import READING_TYPES
from mdms.domain.readings import IntervalReads, Method, Source, Status
from mdms.domain.registry import ChannelTable
from mdms.domain.time import Period, from_epoch_s, from_epoch_us, local_day, to_epoch_s
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.ports.vee import VeeDay
from mdms.services.channel_bench import one_channel
from mdms.services.customer_rules import CustomerBook
from mdms.services.edit_views import edit_view
from mdms.services.explain_views import factor_view, outcome_view, source_view
from mdms.services.reading_tables import displayed_status
from mdms.services.vee_again import Again, Rejudging
from mdms.services.vee_rulesets import judging
from mdms.services.vee_stages import SILENT_DAYS_MAX
from vee.explanation import sources, witnesses
from vee.factors import factors
from vee.kernels.gaps import Cells
from vee.names import METHODS, STATUSES, in_words
from vee.rules import RuleSet
from vee.shapes import Shaper

SOURCES_MAX: Final = 12
_NOTHING: Final[dict[str, Any]] = {
    "alpha": None,
    "p10": None,
    "p90": None,
    "sources": [],
    "lighter": 0,
    "factors": [],
}
"""Of a value that was not estimated."""


class ExplainService:
    """
    Explains single values.

    Args:
        unit_of_work: Opens a transaction.
        clock: The one source of time.
        rules: The rule set that the installation ships with.
        zone: Where the utility's days begin.
        book: Which hours time-of-use registers count; None: nobody said.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        clock: Clock,
        rules: RuleSet,
        zone: ZoneInfo,
        book: CustomerBook | None = None,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._rules = rules
        self._zone = zone
        self._book = book

    async def explain(
        self, meter: str, at: datetime, *, reading_type: str | None = None
    ) -> dict[str, Any]:
        """
        Explain the value of the interval in which an instant lies, as plain values.

        Raises:
            NotFoundError: There is no such meter, or nothing is stored of that interval.
        """
        async with self._unit_of_work() as work:
            every = await work.registry.channels()
            table = one_channel(every, meter, reading_type)
            length, channel_id = int(table.interval_s[0]), int(table.channel_id[0])
            start_s = to_epoch_s(at) // length * length
            interval = Period(from_epoch_s(start_s), from_epoch_s(start_s + length))
            reads = await work.readings.intervals(interval, channel_ids=[channel_id])
            day = local_day(interval.start_utc, self._zone)
            outcomes = list(await work.vee.days(day, day, channel_ids=[channel_id]))
            edits = await work.edits.some(channel_ids=[channel_id], period=interval)
            outcome = outcomes[0] if outcomes else None
            judged_by, again = None, None
            if outcome is not None:
                judged_by = await judging(work, self._rules, outcome.ruleset_hash)
            if outcome is not None and judged_by is not None:
                alike = every.take(every.interval_s == length)
                final = bool((reads.status == Status.FINAL_ESTIMATE.code).any())
                current_us = int(reads.recorded_us[-1]) if len(reads) else 0
                then = max(outcome.recorded_at, from_epoch_us(current_us))
                anew = Rejudging(work, judged_by, self._zone, self._book, alike, then, final)
                again = await anew.of(channel_id, day)
        if not len(reads):
            raise NotFoundError(
                f"nothing is stored of {meter} at {interval.start_utc.isoformat()}: "
                "the interval is missing, and nothing was estimated"
            )
        answer = self._value(table, interval, reads, outcomes)
        answer["outcome"] = outcome_view(outcome, judged_by)
        answer["edits"] = [edit_view(edit, table) for edit in edits]
        if again is None:
            answer |= {"bracket": None, **_NOTHING, "same": None}
            answer["known_at"] = answer["received_since"] = None
            answer["differs"] = [_why_not(outcome)]
            return answer
        since = [
            at for each in reads.recorded_us.tolist() if (at := from_epoch_us(each)) > again.then
        ]
        answer["received_since"] = max(since).isoformat() if since else None
        return answer | self._inputs(again, start_s) | _compared(again, start_s)

    def _value(
        self,
        table: ChannelTable,
        interval: Period,
        reads: IntervalReads,
        outcomes: list[VeeDay],
    ) -> dict[str, Any]:
        """Return the current version in words, and all versions."""
        shown = displayed_status(reads, outcomes, self._zone)
        rows = [
            {
                "version": int(reads.version[i]),
                "value": int(reads.value[i]),
                "status": chr(shown[i]),
                "method": Method(int(reads.method[i])).name,
                "rules": in_words(int(reads.flags[i])),
                "source": Source(int(reads.source[i])).name.lower(),
                "recorded_at": from_epoch_us(int(reads.recorded_us[i])).isoformat(),
            }
            for i in range(len(reads))
        ]
        current = rows[-1] if rows else {}
        status = Status(str(current.get("status", Status.MISSING.value)))
        method = Method[str(current.get("method", Method.NONE.name))]
        flags = int(reads.flags[-1]) if rows else 0
        return {
            "meter": str(table.badge[0]),
            "reading_type": str(table.reading_type[0]),
            "unit": READING_TYPES[str(table.reading_type[0])].unit,
            "start": self._local(interval.start_s),
            "end": self._local(interval.end_s),
            **current,
            "status_words": STATUSES[status],
            "method_words": METHODS[method],
            "iec": list(iec_codes(status, method, flags)),
            "versions": rows,
        }

    def _inputs(self, again: Again, start_s: int) -> dict[str, Any]:
        """Return bracket, scale and the values that an estimate rests on."""
        found, row = again.found, again.row
        slots = found.block.slots
        slot = int(np.searchsorted(slots.start_s, start_s))
        number = int(found.bracket_of(np.array([row]), np.array([slot]))[0])
        bracket = None
        if number >= 0:
            ends = found.sums.bookends.value[[found.sums.later[number] - 1,
                                              found.sums.later[number]]]  # fmt: skip
            first, last = int(found.brackets.first[number]), int(found.brackets.last[number])
            bracket = {
                "from": self._local(int(slots.start_s[first])),
                "to": self._local(int(slots.start_s[last - 1]) + slots.interval_s),
                "register_from": int(ends[0]),
                "register_to": int(ends[1]),
                "usage": int(found.brackets.usage[number]),
                "residual": int(found.residual[number]),
                "missing": int(found.missing_count[number]),
            }
        missing = np.zeros_like(found.missing)
        missing[row] = found.missing[row]
        cells = Cells.where(missing)
        at = np.flatnonzero(cells.slot == slot)
        method = Method(int(again.amended.method[row, slot]))
        if not len(at) or method is Method.NONE:
            return {"bracket": bracket, **_NOTHING}
        shaper = Shaper.of(found, cells, again.rules, ahead=again.ahead)
        shape = shaper.shapes().shape
        together = found.bracket_of(cells.channel, cells.slot) == number
        whole = float(np.nansum(shape[together])) if number >= 0 else 0.0
        alpha = int(found.residual[number]) / whole if whole > 0 else None
        listed = sources(shaper, int(at[0]), method)
        seen = witnesses(shaper, int(at[0])) if method is Method.H4 else None
        return {
            "bracket": bracket,
            "alpha": None if alpha is None else round(alpha, 4),
            "p10": None if seen is None else round(seen.low),
            "p90": None if seen is None else round(seen.high),
            "sources": [
                source_view(each, again.badges, self._zone) for each in listed[:SOURCES_MAX]
            ],
            "lighter": max(0, len(listed) - SOURCES_MAX),
            "factors": [
                factor_view(each, again.badges) for each in factors(shaper, int(at[0]), method)
            ],
        }

    def _local(self, second: int) -> str:
        return from_epoch_s(second).astimezone(self._zone).isoformat()


def _why_not(outcome: VeeDay | None) -> str:
    if outcome is None:
        return "its day was not judged yet"
    return f"rule set {outcome.ruleset_hash[:12]} is not kept here, so nothing is made again"


def _compared(again: Again, start_s: int) -> dict[str, Any]:
    """Return whether today's code makes of it what is stored, bit for bit."""
    slot = int(np.searchsorted(again.found.block.slots.start_s, start_s))
    at = (again.row, slot)
    if not again.amended.changed[at]:
        return {"same": True, "differs": [], "known_at": again.then.isoformat()}
    pairs = (
        ("value", int(again.stored.value[at]), int(again.amended.value[at])),
        ("status", _letter(again.stored.status[at]), _letter(again.amended.status[at])),
        (
            "method",
            Method(int(again.stored.method[at])).name,
            Method(int(again.amended.method[at])).name,
        ),
        ("flags", int(again.stored.flags[at]), int(again.amended.flags[at])),
    )
    differs = [f"{name}: stored {old}, now {new}" for name, old, new in pairs if old != new]
    if again.wider:
        differs.append(
            f"its registers lie more than {SILENT_DAYS_MAX} days from it: what a run makes of "
            "them hangs on the days that it judges together"
        )
    return {"same": False, "differs": differs, "known_at": again.then.isoformat()}


def _letter(code: np.integer[Any]) -> str:
    return chr(int(code)) if int(code) else "-"
