"""Asking collectors again for batches that never arrived (headend notes 2.5)."""

import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
import structlog

from mdms.domain.errors import NotFoundError
from mdms.domain.gaps import Hole, Span
from mdms.domain.quiet import Quiet
from mdms.domain.time import Period, from_epoch_us, to_epoch_us
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.telemetry import metrics

PAUSES: Final = (timedelta(seconds=60), timedelta(minutes=5), timedelta(minutes=30))
PAUSE_LATER: Final = timedelta(hours=1)
GIVE_UP_AFTER: Final = timedelta(hours=72)
"""Collectors keep what they sent for so long."""
_AT_ONCE_MAX: Final = 8
"""Requests to one collector in one go: live data shares its backhaul with the answers."""

_ANSWER_WAIT: Final = timedelta(minutes=5)

log = structlog.get_logger()

Tell = Callable[[int, bytes], Awaitable[None]]
"""Sends a message down to a collector by its id; UnavailableError if the broker is away."""


class GapService:
    """
    Sees to it that missing batches are asked for until they come or are given up.

    Args:
        unit_of_work: Opens a transaction.
        clock: Civil time; requests are due by it.
        tell: Sends requests down; None where another process does.
    """

    def __init__(
        self, unit_of_work: UnitOfWorkFactory, clock: Clock, tell: Tell | None = None
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._tell = tell
        self._quiet = Quiet()

    def wake(self) -> None:
        """Look again: holes were opened, here or by another process."""
        self._quiet.disturb()

    async def run_due(self, now: datetime) -> int:
        """
        Make the requests that are due and return how many there were.

        A crash between a request and its note makes it twice; the answer is then a copy.

        Raises:
            UnavailableError: The database or the broker is away; nothing is noted.
        """
        if self._tell is None or self._quiet.lasts(now):
            return 0
        self._quiet.begin()
        async with self._unit_of_work() as work:
            holes = await work.gaps.holes()
        lost = [hole for hole in holes if now - hole.opened_at >= GIVE_UP_AFTER]
        busy = {hole.collector_id for hole in holes if _is_being_answered(hole, now)}
        asked: dict[int, datetime] = {}
        for_collector: dict[int, int] = {}
        for hole in holes:
            made = for_collector.get(hole.collector_id, 0)
            if hole.due_at > now or hole in lost or made >= _AT_ONCE_MAX:
                continue
            if hole.span.first_seq is None and hole.collector_id in busy:
                continue
            await self._tell(hole.collector_id, _request(hole.span))
            for_collector[hole.collector_id] = made + 1
            busy.add(hole.collector_id)
            asked[hole.hole_id] = now + _pause(hole.asked_count)
        if asked or lost:
            async with self._unit_of_work() as work:
                await work.gaps.asked(asked)
                await work.gaps.lose([hole.hole_id for hole in lost], now)
        due = [asked.get(hole.hole_id, hole.due_at) for hole in holes]
        self._quiet.until(now + PAUSE_LATER, due)
        metrics.INGEST_BACKFILLS.inc(len(asked))
        for hole in lost:
            metrics.INGEST_BATCHES_LOST.inc(_batch_count(hole.span) or 1)
            log.error("collection.batches.lost", collector_id=hole.collector_id,
                      batch_count=_batch_count(hole.span))  # fmt: skip
        return len(asked)

    async def open_count(self) -> int:
        """Return how many holes are still asked for."""
        async with self._unit_of_work() as work:
            return len(await work.gaps.holes())

    async def gaps(self) -> list[dict[str, Any]]:
        """Return every hole as plain values, those given up too."""
        async with self._unit_of_work() as work:
            holes = await work.gaps.holes(lost=True)
        return [_row(hole) for hole in holes]

    async def backfill(
        self, collector_id: int | None = None, period: Period | None = None
    ) -> dict[str, int]:
        """
        Ask again for every hole, those given up too, or for all batches of a period.

        Requests that another process makes are made within seconds, and not counted here.

        Args:
            collector_id: Whose; every collector when left out.
            period: When the batches were closed; known holes only when left out.

        Raises:
            NotFoundError: There is no such collector.
            UnavailableError: The database or the broker is away.
        """
        now = self._clock.now()
        async with self._unit_of_work() as work:
            known = await work.registry.collector_ids()
            if collector_id is not None and collector_id not in known:
                raise NotFoundError(f"there is no collector {collector_id}")
            if period is not None:
                span = Span(None, None, to_epoch_us(period.start_utc), to_epoch_us(period.end_utc))
                for each in sorted(known) if collector_id is None else (collector_id,):
                    await work.gaps.open(each, [span], now, now)
            holes = await work.gaps.hurry(now, collector_id=collector_id)
        self.wake()
        return {"holes": holes, "requests": await self.run_due(now)}


def _is_being_answered(hole: Hole, now: datetime) -> bool:
    """
    Tell whether a hole was, or is now, asked for whose answer may be on its way.

    "Nothing more" does not say what was asked, so times are asked for only when nothing else is.
    """
    if hole.due_at <= now:
        return hole.span.first_seq is not None
    asked_at = hole.due_at - _pause(hole.asked_count - 1)
    return hole.asked_count > 0 and now - asked_at < _ANSWER_WAIT


def _pause(asked_count: int) -> timedelta:
    return PAUSES[asked_count] if asked_count < len(PAUSES) else PAUSE_LATER


def _request(span: Span) -> bytes:
    what: dict[str, object]
    if span.first_seq is None:
        what = {"op": "backfill_time", "from_us": span.from_us, "to_us": span.to_us}
    else:
        what = {"op": "backfill", "from_seq": span.first_seq, "to_seq": span.last_seq}
    return msgspec.json.encode(what | {"req": str(uuid.uuid4())})


def _batch_count(span: Span) -> int | None:
    if span.first_seq is None or span.last_seq is None:
        return None
    return span.last_seq - span.first_seq + 1


def _row(hole: Hole) -> dict[str, Any]:
    span = hole.span
    return {
        "collector_id": hole.collector_id,
        "first_seq": span.first_seq,
        "last_seq": span.last_seq,
        "batches": _batch_count(span),
        "from": from_epoch_us(span.from_us).isoformat() if span.from_us else None,
        "to": from_epoch_us(span.to_us).isoformat(),
        "opened_at": hole.opened_at.isoformat(),
        "asked": hole.asked_count,
        "next_at": None if hole.lost_at else hole.due_at.isoformat(),
        "lost_at": hole.lost_at.isoformat() if hole.lost_at else None,
    }
