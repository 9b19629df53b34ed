"""Collectors as people and alarms see them: who is there, who is silent, whose clock is off."""

from collections import Counter
from typing import Any

from mdms.domain.collectors import Condition, clock_is_off, condition, last_heard
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.telemetry import metrics


class CollectorService:
    """
    Answers what collectors say of themselves, and what that is worth by now.

    Args:
        unit_of_work: Opens a transaction.
        clock: What time it is.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def listed(self) -> list[dict[str, Any]]:
        """Return every registered collector as plain values."""
        now = self._clock.now()
        async with self._unit_of_work() as work:
            names = await work.collectors.names()
            states = await work.collectors.states(names)
            sequences = {each.collector_id: each for each in await work.messages.sequences()}
        rows = []
        for collector_id, name in names.items():
            state, sequence = states.get(collector_id), sequences.get(collector_id)
            batch_at = sequence.received_at if sequence else None
            alive_at = last_heard(state.alive_at if state else None, batch_at)
            found = condition(state, batch_at, now)
            since = state.changed_at if state else None
            if found is Condition.STALE:
                since = alive_at  # its word that it is there is older than its silence
            rows.append(
                {
                    "collector_id": collector_id,
                    "name": name,
                    "condition": found.value,
                    "since": since.isoformat() if since else None,
                    "silent_s": int((now - alive_at).total_seconds()) if alive_at else None,
                    "reason": state.reason if state and not state.online else "",
                    "clock_offset_ms": state.clock_offset_ms if state else None,
                    "gps": state.gps if state else None,
                    "buffered": state.buffered if state else None,
                    "firmware": state.firmware if state else "",
                    "temperature_c": state.temperature_c if state else None,
                    "boot_id": state.boot_id if state else None,
                    "batch_seq": sequence.batch_seq if sequence else None,
                    "batch_at": sequence.batch_at.isoformat() if sequence else None,
                }
            )
        return rows

    async def measure(self) -> None:
        """Tell the metrics how collectors are."""
        now = self._clock.now()
        async with self._unit_of_work() as work:
            names = await work.collectors.names()
            states = await work.collectors.states(names)
            heard_at = {
                each.collector_id: each.received_at for each in await work.messages.sequences()
            }
        found = Counter(condition(states.get(each), heard_at.get(each), now) for each in names)
        for each in Condition:
            metrics.INGEST_COLLECTORS.labels(condition=each).set(found[each])
        metrics.INGEST_CLOCKS_OFF.set(sum(clock_is_off(states.get(each)) for each in names))
