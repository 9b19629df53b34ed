"""Take what collectors say of themselves into their states, within a batch's transaction."""

from collections.abc import Sequence
from datetime import datetime

import structlog

from mdms.domain.collectors import CollectorChange, CollectorReport, follow
from mdms.domain.events import EndDeviceEvent, EventCode, Severity
from mdms.ports.collection import CollectorStore, GapStore
from mdms.telemetry import metrics

log = structlog.get_logger()


async def note(
    store: CollectorStore, gaps: GapStore, reports: Sequence[CollectorReport], at: datetime
) -> list[CollectorChange]:
    """Follow reports in their order; of a collector that came back, ask at once what is missing."""
    if not reports:
        return []
    states = dict(await store.states({report.collector_id for report in reports}))
    changes = []
    for report in reports:
        change = follow(states.get(report.collector_id), report, at)
        states[report.collector_id] = change.state
        changes.append(change)
    await store.note(list(states.values()))
    recovered = {change.state.collector_id for change in changes if change.recovered}
    if recovered:
        await gaps.due_now(recovered, at)
    return changes


def takeovers(changes: Sequence[CollectorChange], at: datetime) -> list[EndDeviceEvent]:
    """Return an event for each time that a start spoke again which had been over."""
    return [
        EndDeviceEvent(
            collector_id=change.state.collector_id,
            badge=None,
            radio_id=None,
            code=EventCode.COLLECTOR_TAKEN_OVER,
            at=at,
            severity=Severity.SAFETY,
            received_at=at,
        )
        for change in changes
        if change.taken_over
    ]


def announce(changes: Sequence[CollectorChange]) -> None:
    """Say who came back, and who is two, once it is stored."""
    for change in changes:
        collector_id = change.state.collector_id
        if change.recovered:
            log.info("collection.collector.back", collector_id=collector_id)
        if change.taken_over:
            metrics.INGEST_TAKEOVERS.inc()
            log.error("collection.collector.taken_over", collector_id=collector_id)
