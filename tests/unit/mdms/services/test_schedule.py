"""The schedule: once a day, at local time, whatever the clocks do."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

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
