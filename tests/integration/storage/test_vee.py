"""Outcomes, touched channel-days and exceptions on a real database."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from mdms.ports.vee import VeeDay, VeeException, VeeRun

pytestmark = pytest.mark.db

DAY = date(2026, 11, 3)
NEXT = date(2026, 11, 4)
AT = datetime(2026, 11, 5, 13, tzinfo=UTC)
JUDGED = VeeDay(
    channel_id=1,
    local_day=DAY,
    version=0,
    recorded_at=AT,
    ruleset_hash="abc",
    expected=96,
    actual=90,
    estimated=4,
    missing=2,
    held=0,
    flags=(1 << 62) | (1 << 20),
)
SPIKE = VeeException(1, DAY, "V22", "WARN", "three times the usual", AT)


async def test_the_newest_outcome_of_each_day_comes_back_as_it_was_known(store):
    later = replace(JUDGED, version=1, recorded_at=AT + timedelta(days=1), missing=0)
    other = replace(JUDGED, channel_id=2, local_day=NEXT)
    async with store() as work:
        await work.vee.append_days([JUDGED, other, later])

    async with store() as work:
        assert await work.vee.days(DAY, NEXT) == [later, other]
        assert await work.vee.days(DAY, NEXT, as_of=AT) == [JUDGED, other]
        assert await work.vee.days(DAY, DAY) == [later]
        assert await work.vee.days(DAY, NEXT, channel_ids=[2]) == [other]


async def test_a_touched_day_is_remembered_once_until_it_is_untouched(store):
    async with store() as work:
        await work.vee.touch([(2, DAY), (1, NEXT), (1, DAY), (1, DAY)])
        await work.vee.touch([(1, DAY)])
        before = await work.vee.touched()
        await work.vee.untouch([(1, DAY), (9, DAY)])
        after = await work.vee.touched()

    assert before == [(1, DAY), (1, NEXT), (2, DAY)]
    assert after == [(1, NEXT), (2, DAY)]


async def test_a_day_touched_while_a_run_judges_it_stays_touched(store):
    async with store() as work:
        await work.vee.touch([(1, DAY)])

    async def touch_again() -> None:
        async with store() as work:
            await work.vee.touch([(1, DAY)])

    async with store() as run:
        await run.vee.untouch([(1, DAY)])
        late_read = asyncio.create_task(touch_again())
        await run.vee.append_days([JUDGED])
    await late_read

    async with store() as work:
        assert await work.vee.touched() == [(1, DAY)]


async def test_nobody_moves_the_horizon_on_under_who_stores_by_the_old_one(store):
    async with store() as work:
        await work.vee.advance(DAY)

    async def run() -> None:
        async with store() as work:
            await work.vee.advance(NEXT)

    async with store() as late_read:
        seen = await late_read.vee.horizon()
        running = asyncio.create_task(run())
        await asyncio.wait({running}, timeout=0.2)
        waited = not running.done()
    await running
    async with store() as work:
        await work.vee.advance(DAY)  # days before it are judged again at any time
        after = await work.vee.horizon()

    assert seen == DAY
    assert waited
    assert after == NEXT


async def test_exceptions_open_once_and_close_when_no_longer_raised(store):
    gap = replace(SPIKE, rule="V08", severity="FAIL")
    elsewhere = replace(SPIKE, channel_id=2)
    async with store() as work:
        await work.vee.replace_exceptions([(1, DAY), (2, DAY)], [SPIKE, gap, elsewhere], AT)
        again = replace(SPIKE, opened_at=AT + timedelta(days=1), detail="still")
        await work.vee.replace_exceptions([(1, DAY)], [again], AT + timedelta(days=1))

        still_open = await work.vee.open_exceptions()

    assert still_open == [SPIKE, elsewhere]


async def test_the_last_run_is_the_one_with_the_highest_number(store):
    run = VeeRun(1, AT, DAY, NEXT, "abc", 300, 17, finished_at=AT + timedelta(minutes=9))
    async with store() as work:
        nothing = await work.vee.last_run()
        await work.vee.record_run(replace(run, run_id=2))
        await work.vee.record_run(run)

        last = await work.vee.last_run()

    assert nothing is None
    assert last == replace(run, run_id=2)


async def test_findings_about_a_bill_and_about_its_last_day_do_not_close_each_other(store):
    bill = replace(
        SPIKE, rule="V51", severity="HOLD", detail="2.07 times the usage of the reference"
    )
    async with store() as work:
        await work.vee.replace_exceptions([(1, DAY)], [SPIKE], AT)
        await work.vee.replace_exceptions([(1, DAY)], [bill], AT, of_bills=True)
        both = await work.vee.open_exceptions()
        await work.vee.replace_exceptions([(1, DAY)], [], AT)
        of_bill = await work.vee.open_exceptions()
        await work.vee.replace_exceptions([(1, DAY)], [], AT, of_bills=True)
        none = await work.vee.open_exceptions()

    assert [each.rule for each in both] == [SPIKE.rule, "V51"]
    assert [each.rule for each in of_bill] == ["V51"]
    assert none == []


async def test_an_answer_about_a_bill_is_found_by_its_words(store):
    async with store() as work:
        await work.vee.replace_exceptions([(1, DAY)], [SPIKE], AT)
        [found] = await work.exceptions.some()
        before = await work.exceptions.answered([1], DAY)
        await work.exceptions.answer(found.exception_id, "acknowledged", "ann", AT)
        after = await work.exceptions.answered([1, 2], DAY)

    assert (before, after) == (frozenset(), {(1, SPIKE.rule, SPIKE.detail)})
