"""Every night: is what was acknowledged yesterday there? A sample of it, read again."""

from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from ingest.replay import Replay, ReplayReport
from mdms.domain.time import Period, local_day
from mdms.ports.clock import Clock
from mdms.telemetry import metrics

log = structlog.get_logger()

_SLICES: Final = 8
_MESSAGES_OF_A_SLICE: Final = 8
"""Of a city, some hundred thousand reads in all: a second of work, an eighth of it at a time."""


class NightlyProof:
    """
    Reads messages from all over yesterday again, and looks for what they say in the store.

    An acknowledged message is stored with its reads in one transaction, so nothing can be missing;
    this is how we would know if it were.

    Args:
        replay: Reads messages again.
        clock: Says which day was yesterday.
        zone: Where the utility's days begin.
    """

    def __init__(self, replay: Replay, clock: Clock, zone: ZoneInfo) -> None:
        self._replay = replay
        self._clock = clock
        self._zone = zone

    async def run(self) -> None:
        """Look at yesterday, and tell the metrics."""
        yesterday = local_day(self._clock.now(), self._zone) - timedelta(days=1)
        day = Period.of_days(yesterday, yesterday, self._zone)
        length = (day.end_utc - day.start_utc) / _SLICES
        found = ReplayReport()
        for number in range(_SLICES):
            start = day.start_utc + number * length
            found += await self._replay.sample(Period(start, start + length), _MESSAGES_OF_A_SLICE)
        missing_count = found.missing_count + found.changed_count
        metrics.INGEST_PROVED.set(found.read_count)
        metrics.INGEST_UNPROVED.set(missing_count)
        told = {"day": str(yesterday), "read_count": found.read_count}
        if missing_count:
            log.error("ingest.proof.failed", missing_count=missing_count, **told)
        else:
            log.info("ingest.proof.done", **told)
