"""
What is due when: jobs at a local time of day.

The schedule itself waits for nothing. In service a task asks it every few seconds; under a
followed clock it is asked after each granted step, so that a step ends when its jobs have run.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog

from mdms.telemetry import metrics

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class DailyJob:
    """Something to do every day at a local time; a time that clocks skip counts as the next."""

    name: str
    at: time
    run: Callable[[], Awaitable[object]]


class Schedule:
    """
    Runs each job once for every day whose time has passed, one after the other.

    Args:
        jobs: What to do.
        zone: The utility's time zone.
        since: From when on a job may be due. A job that was due while nobody ran it, runs once.
    """

    def __init__(self, jobs: Sequence[DailyJob], zone: ZoneInfo, since: datetime) -> None:
        self._zone = zone
        self._due = {job: _next(job.at, since, zone) for job in jobs}
        for job in jobs:  # from 0: what is due for the first time is late until it is done
            metrics.SCHEDULE_DUE.labels(task=job.name)
            metrics.SCHEDULE_DONE.labels(task=job.name)

    async def run_due(self, now: datetime) -> None:
        """Run what is due by now; a job's failure is the caller's to handle."""
        for job, due in list(self._due.items()):
            if due <= now:
                log.info("schedule.job.started", job=job.name)
                metrics.SCHEDULE_DUE.labels(task=job.name).set(due.timestamp())
                await job.run()
                metrics.SCHEDULE_DONE.labels(task=job.name).set(now.timestamp())
                self._due[job] = _next(job.at, now, self._zone)


def _next(at: time, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the first instant later than `after` at which local clocks show `at`."""
    today = after.astimezone(zone).date()
    for day in (today, today + timedelta(days=1), today + timedelta(days=2)):
        due = datetime.combine(day, at, zone).astimezone(UTC)
        if due > after:
            return due
    raise AssertionError("a day has at most 25 hours")
