"""Take a batch of messages into the collectors' counts, within their transaction."""

from collections.abc import Sequence
from datetime import datetime

import structlog

from ingest.sequence import Following, Offer, Seen
from mdms.domain.events import EndDeviceEvent, EventCode, Severity
from mdms.domain.gaps import PATIENCE, CountChange, Span
from mdms.domain.time import from_epoch_us
from mdms.ports.collection import GapStore
from mdms.telemetry import metrics

log = structlog.get_logger()


async def count(
    store: GapStore, counted: Sequence[Seen | Offer], at: datetime
) -> Sequence[CountChange]:
    """Open holes for the numbers that are missing and fill those that have come."""
    if not counted:
        return ()
    collector_ids = sorted({each.collector_id for each in counted})
    before, holes = await store.counted(collector_ids)
    following = {
        collector_id: Following(
            collector_id,
            before.get(collector_id),
            [hole for hole in holes if hole.collector_id == collector_id],
        )
        for collector_id in collector_ids
    }
    for each in counted:
        if isinstance(each, Seen):
            following[each.collector_id].take(each)
        else:
            following[each.collector_id].offer(each)
    unmissed = [
        (seen.collector_id, seen.seq) for each in following.values() for seen in each.unmissed
    ]
    if unmissed:
        for hole in await store.given_up(unmissed):
            following[hole.collector_id].recover(hole)
    changes = [each.change() for each in following.values()]
    await store.move_on(changes, at, at + PATIENCE)
    return changes


def resets(changes: Sequence[CountChange], at: datetime) -> list[EndDeviceEvent]:
    """Return an event for each collector that counts anew."""
    return [
        EndDeviceEvent(
            collector_id=change.count.collector_id,
            badge=None,
            radio_id=None,
            code=EventCode.COLLECTOR_RESET,
            at=from_epoch_us(change.count.since_us),
            severity=Severity.ALARM,
            received_at=at,
        )
        for change in changes
        if change.reset
    ]


def announce(changes: Sequence[CountChange]) -> None:
    """Say what is missing, once it is stored."""
    for change in changes:
        collector_id = change.count.collector_id
        if change.reset:
            metrics.INGEST_RESETS.inc()
            log.error("collection.collector.reset", collector_id=collector_id)
        if change.opened:
            metrics.INGEST_HOLES.inc(len(change.opened))
            log.warning("collection.batches.missing", collector_id=collector_id,
                        batch_count=_batch_count(change.opened))  # fmt: skip
        if change.lost:
            metrics.INGEST_BATCHES_LOST.inc(_batch_count(change.lost))
            log.error("collection.batches.lost", collector_id=collector_id,
                      batch_count=_batch_count(change.lost))  # fmt: skip


def _batch_count(spans: Sequence[Span]) -> int:
    """Return how many numbers these spans have; one that has none counts once."""
    return sum(
        1 if span.first_seq is None or span.last_seq is None else span.last_seq + 1 - span.first_seq
        for span in spans
    )
