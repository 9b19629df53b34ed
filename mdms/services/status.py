"""How far the line has come: one answer for people, boards and scripts."""

from typing import Any

from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWorkFactory


class StatusService:
    """Answers `mdms status`."""

    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def status(self) -> dict[str, Any]:
        """Return how far collectors, VEE and billing have come, as plain values."""
        now = self._clock.now()
        async with self._unit_of_work() as work:
            channels = await work.registry.channels()
            sequences = await work.messages.sequences()
            rejected = await work.messages.dead_letter_counts()
            run = await work.vee.last_run()
            exceptions = await work.vee.open_exceptions()
            windows = await work.billing.windows()
            takers = await work.takers.takers()
        return {
            "now": now.isoformat(),
            "meters": len(set(channels.badge)),
            "channels": len(set(channels.channel_id.tolist())),
            "dead_letters": sum(rejected.values()),
            "vee_last_day": run.last_day.isoformat() if run else None,
            "vee_last_run": run.started_at.isoformat() if run else None,
            "exceptions_open": len(exceptions),
            "windows_frozen": len(windows),
            "taken_by": [
                {
                    "process": str(taker.process),
                    "client_id": taker.client_id,
                    "since": taker.since.isoformat(),
                    "present": taker.present,
                }
                for taker in takers
            ],
            "collectors": [
                {
                    "collector_id": sequence.collector_id,
                    "batch_seq": sequence.batch_seq,
                    "batch_at": sequence.batch_at.isoformat(),
                    "silent_s": int((now - sequence.received_at).total_seconds()),
                }
                for sequence in sequences
            ],
        }
