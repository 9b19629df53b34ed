"""The schedule: once a day, at local time, whatever the clocks do."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from prometheus_client import REGISTRY

from mdms.services.schedule import DailyJob, Schedule

ZONE = ZoneInfo("America/Los_Angeles")


def job(runs: list[str], at: time = time(5, 0)) -> DailyJob:
    async def run() -> None:
        runs.append("ran")

    return DailyJob("nightly", at, run)


async def test_a_job_runs_once_when_its_local_time_has_come():
    runs: list[str] = []
    schedule = Schedule([job(runs)], ZONE, since=datetime(2026, 11, 3, 8, 0, tzinfo=UTC))

    await schedule.run_due(datetime(2026, 11, 3, 12, 59, tzinfo=UTC))
    before = len(runs)
    await schedule.run_due(datetime(2026, 11, 3, 13, 0, tzinfo=UTC))
    await schedule.run_due(datetime(2026, 11, 3, 13, 15, tzinfo=UTC))

    assert (before, len(runs)) == (0, 1)


async def test_a_job_runs_once_a_day_over_both_clock_changes():
    for start in (
        datetime(2026, 10, 31, 8, 0, tzinfo=UTC),
        datetime(2027, 3, 13, 9, 0, tzinfo=UTC),
    ):
        runs: list[str] = []
        schedule = Schedule([job(runs, time(2, 30))], ZONE, since=start)

        for step in range(4 * 24 * 4):
            await schedule.run_due(start + timedelta(minutes=15 * step))

        assert len(runs) == 4


async def test_a_job_that_was_missed_while_nobody_ran_it_runs_once():
    runs: list[str] = []
    schedule = Schedule([job(runs)], ZONE, since=datetime(2026, 11, 3, 14, 0, tzinfo=UTC))

    await schedule.run_due(datetime(2026, 11, 9, 14, 0, tzinfo=UTC))

    assert len(runs) == 1


async def test_a_task_is_late_from_when_it_was_due_until_it_is_done():
    def seen(what: str) -> float | None:
        return REGISTRY.get_sample_value(
            f"mdms_schedule_{what}_timestamp_seconds", {"task": "fails once"}
        )

    due = datetime(2026, 11, 3, 13, 0, tzinfo=UTC)
    failures = [ConnectionError("away")]

    async def run() -> None:
        if failures:
            raise failures.pop()

    schedule = Schedule(
        [DailyJob("fails once", time(5), run)], ZONE, since=due - timedelta(hours=1)
    )
    before = seen("due"), seen("done")
    with pytest.raises(ConnectionError):
        await schedule.run_due(due + timedelta(seconds=4))
    late = seen("due"), seen("done")
    await schedule.run_due(due + timedelta(seconds=9))

    done = seen("due"), seen("done")
    assert [before, late, done] == [
        (0, 0),
        (due.timestamp(), 0),
        (due.timestamp(), due.timestamp() + 9),
    ]
