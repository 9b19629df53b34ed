"""The heart: what is stored, what is acknowledged, and when."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from ingest.codecs import fnb1_readings
from ingest.late import VeeHorizon
from ingest.pipeline import IngestConfig, Pipeline
from ingest.preparing import Preparer
from mdms.domain.errors import RejectReason, UnavailableError
from mdms.ports.messages import Envelope
from tests.channels import Installed, channel_table
from tests.fakes import FakeClock, FakeSource, FakeUnitOfWork
from tests.messages import NOON, NOON_S, READ_TOPIC, frame, message

ZONE = ZoneInfo("America/Los_Angeles")
GOOD = Envelope(READ_TOPIC, message(frame(deltas=[210, 195, 188])))
STARTS = [NOON_S - 900, NOON_S - 1800, NOON_S - 2700]
STORED = dict(zip([(0, start_s) for start_s in STARTS], [210, 195, 188], strict=True))

LOADED = [None, None]
"""The two transactions before the first batch: registry, window."""


def database(*rows: Installed) -> FakeUnitOfWork:
    return FakeUnitOfWork(channel_table(*(rows or [Installed()])), collector_ids=[7])


def pipeline(source: FakeSource, work: FakeUnitOfWork, *, last_day: date | None = None) -> Pipeline:
    return Pipeline(
        source, work, FakeClock(NOON), IngestConfig(), VeeHorizon(ZONE, last_day=last_day)
    )


async def test_run_stores_a_batch_and_acknowledges_it():
    source, work = FakeSource([[GOOD]]), database()

    await pipeline(source, work).run()

    assert work.readings.interval_values == STORED
    assert work.readings.register_values == {(0, NOON_S): 721_345}
    assert [each.payload for each in work.messages.recorded.values()] == [GOOD.payload]
    assert source.acked == [GOOD]


@pytest.mark.parametrize(("few", "goes_briefly"), [(3, False), (4, True)])
async def test_a_batch_of_few_reads_takes_the_brief_way(monkeypatch, few, goes_briefly):
    monkeypatch.setattr("ingest.pipeline.FEW_READS", few)
    source, plain, brief = FakeSource([[GOOD]]), database(), database()

    await Pipeline(
        source, plain, FakeClock(NOON), IngestConfig(), VeeHorizon(ZONE), brief=brief
    ).run()

    assert (len(plain.readings.interval_values), len(brief.readings.interval_values)) == (
        (0, 3) if goes_briefly else (3, 0)
    )
    assert source.acked == [GOOD]


async def test_run_leaves_the_batch_with_the_broker_when_the_commit_fails():
    source, work = FakeSource([[GOOD]]), database()
    work.failures = [*LOADED, AssertionError("a mistake of ours")]

    with pytest.raises(AssertionError):
        await pipeline(source, work).run()

    assert source.acked == []
    assert work.readings.interval_values == {}


async def test_run_keeps_the_batch_and_tries_again_while_the_database_is_away():
    source, work = FakeSource([[GOOD]]), database()
    work.failures = [*LOADED, *[UnavailableError("away")] * 3]
    clock = FakeClock(NOON)
    heart = Pipeline(source, work, clock, IngestConfig(), VeeHorizon(ZONE))

    await heart.run()

    assert clock.slept_s == [0.1, 0.2, 0.4]
    assert work.readings.interval_values == STORED
    assert source.acked == [GOOD]
    assert heart.status.ready


async def test_run_waits_for_the_database_before_it_takes_anything():
    source, work = FakeSource([[GOOD]]), database()
    work.failures = [UnavailableError("away")]

    await pipeline(source, work).run()

    assert source.acked == [GOOD]


async def test_pauses_grow_up_to_the_cap():
    work, clock = database(), FakeClock(NOON)
    work.failures = [UnavailableError("away")] * 6
    config = IngestConfig(backoff_s_max=0.5)

    await Pipeline(FakeSource([]), work, clock, config, VeeHorizon(ZONE)).run()

    assert clock.slept_s == [0.1, 0.2, 0.4, 0.5, 0.5, 0.5]


async def test_ingest_is_not_ready_while_the_database_is_away():
    class Watching(FakeClock):
        async def sleep(self, seconds: float) -> None:
            ready.append(heart.status.ready)
            await super().sleep(seconds)

    ready: list[bool] = []
    work = database()
    work.failures = [*LOADED, UnavailableError("away")]
    heart = Pipeline(FakeSource([[GOOD]]), work, Watching(NOON), IngestConfig(), VeeHorizon(ZONE))

    await heart.run()

    assert ready == [False]


async def test_redelivery_adds_nothing_and_asks_the_database_nothing():
    source, work = FakeSource([[GOOD], [replace(GOOD)]]), database()

    await pipeline(source, work).run()

    assert work.readings.interval_values == STORED
    assert work.readings.sure == [True]
    assert len(work.messages.recorded) == 1
    assert source.acked == [GOOD, GOOD]


async def test_after_a_restart_the_window_is_filled_from_the_database():
    work = database()
    await pipeline(FakeSource([[GOOD]]), work).run()
    source = FakeSource([[GOOD]])

    await pipeline(source, work).run()

    assert work.readings.sure == [True]
    assert source.acked == [GOOD]


async def test_reads_of_a_channel_that_was_registered_during_the_start_do_not_stop_it():
    work = database()
    work.readings.interval_values = {(1, NOON_S): 5}

    await pipeline(FakeSource([[GOOD]]), work).run()

    assert work.readings.interval_values == STORED | {(1, NOON_S): 5}


async def test_copies_within_a_batch_are_stored_once():
    copies = [Envelope(READ_TOPIC, message(frame(), frame(), batch_seq=n)) for n in (1, 2)]
    source, work = FakeSource([copies]), database()

    await pipeline(source, work).run()

    assert work.readings.interval_values == STORED
    assert len(work.messages.recorded) == 2


@pytest.mark.parametrize("together", [True, False])
async def test_of_two_values_the_first_is_kept_and_the_second_is_a_conflict(together):
    other = Envelope(READ_TOPIC, message(frame(deltas=[999, 195, 188]), batch_seq=2))
    batches = [[GOOD, other]] if together else [[GOOD], [other]]
    work = database()

    await pipeline(FakeSource(batches), work).run()

    assert work.readings.interval_values == STORED
    assert work.readings.conflicts == [(0, STARTS[0], 999)]


async def test_a_message_that_cannot_be_read_becomes_a_dead_letter_and_is_acknowledged():
    bad = Envelope(READ_TOPIC, b"junk")
    source, work = FakeSource([[bad, GOOD]]), database()

    await pipeline(source, work).run()

    assert [(each.reason, each.payload) for each in work.messages.rejected] == [
        (RejectReason.BAD_LENGTH, b"junk")
    ]
    assert work.readings.interval_values == STORED
    assert source.acked == [bad, GOOD]


async def test_a_message_that_breaks_the_decoder_becomes_a_dead_letter(monkeypatch):
    read = fnb1_readings.read

    def explode(body: bytes, received_s: int, *closed_s: float) -> object:
        if frame(meter_id=666) in body:
            raise ZeroDivisionError
        return read(body, received_s, *closed_s)

    monkeypatch.setattr("ingest.codecs.fnb1_readings.read", explode)
    poison = Envelope(READ_TOPIC, message(frame(meter_id=666), batch_seq=2))
    source, work = FakeSource([[poison, GOOD]]), database()

    await pipeline(source, work).run()

    assert [(each.reason, each.payload) for each in work.messages.rejected] == [
        (RejectReason.BAD_BODY, poison.payload)
    ]
    assert work.readings.interval_values == STORED
    assert source.acked == [poison, GOOD]


async def test_a_collector_that_is_not_registered_is_refused():
    stranger = Envelope("ami/v1/cpau/col/8/up/read", message(frame(), collector_id=8))
    work = database()

    await pipeline(FakeSource([[stranger]]), work).run()

    assert [each.reason for each in work.messages.rejected] == [RejectReason.UNKNOWN_COLLECTOR]
    assert work.messages.recorded == {}


async def test_a_sequence_number_far_ahead_is_refused():
    ahead = Envelope(READ_TOPIC, message(frame(), batch_seq=100_002))
    work = database()

    await pipeline(FakeSource([[GOOD], [ahead]]), work).run()

    assert [each.reason for each in work.messages.rejected] == [RejectReason.BAD_SEQUENCE]


async def test_a_frame_of_an_unknown_meter_becomes_a_dead_letter_of_its_own():
    mixed = Envelope(READ_TOPIC, message(frame(meter_id=1), frame()))
    work = database()

    await pipeline(FakeSource([[mixed]]), work).run()

    (rejected,) = work.messages.rejected
    assert (rejected.reason, rejected.frame_index) == (RejectReason.UNKNOWN_METER, 0)
    assert rejected.payload == frame(meter_id=1)
    assert work.readings.interval_values == STORED


async def test_a_meter_that_should_be_silent_is_blanked_before_anything_is_stored():
    heard = Envelope(READ_TOPIC, message(frame(meter_id=1), frame(meter_id=1, scale=9), frame()))
    work = database(Installed(), Installed(channel_id=1, radio_id=1, radio_on=False))

    await pipeline(FakeSource([[heard]]), work).run()

    (kept,) = work.messages.recorded.values()
    assert [each.reason for each in work.messages.rejected] == [
        RejectReason.BAD_VALUE,
        RejectReason.OPTED_OUT,
    ]
    assert {each.payload for each in work.messages.rejected} == {
        frame(meter_id=1, register=0, mtype=0, deltas=[])
    }
    assert kept.payload[64:] == frame(meter_id=1, register=0, mtype=0, deltas=[]) * 2 + frame()
    assert work.readings.interval_values == STORED


async def test_reads_of_a_judged_day_send_it_back_to_vee():
    work = database()
    today = date(2026, 12, 1)

    await pipeline(FakeSource([[GOOD]]), work, last_day=today).run()

    assert work.touches.channel_days == {(0, today)}


async def test_reads_of_a_day_that_was_not_judged_yet_touch_nothing():
    work = database()

    await pipeline(FakeSource([[GOOD]]), work, last_day=date(2026, 11, 30)).run()

    assert work.touches.channel_days == set()


async def test_copies_of_stored_reads_touch_nothing():
    work = database()
    await pipeline(FakeSource([[GOOD]]), work).run()
    fresh = pipeline(FakeSource([[GOOD]]), work, last_day=date(2026, 12, 1))

    await fresh.run()

    assert work.touches.channel_days == set()


async def test_a_day_that_another_process_has_judged_since_is_touched():
    work = database()
    work.touches.judged_until = date(2026, 12, 1)

    await pipeline(FakeSource([[GOOD]]), work).run()

    assert work.touches.channel_days == {(0, date(2026, 12, 1))}


async def test_a_second_value_of_a_judged_interval_touches_its_day():
    work, second = database(), Envelope(READ_TOPIC, message(frame(deltas=[999, 195, 188])))
    await pipeline(FakeSource([[GOOD]]), work).run()
    fresh = pipeline(FakeSource([[second]]), work, last_day=date(2026, 12, 1))

    await fresh.run()

    assert work.readings.conflicts == [(0, STARTS[0], 999)]
    assert work.touches.channel_days == {(0, date(2026, 12, 1))}


async def test_a_cancelled_run_finishes_and_acknowledges_the_transaction_it_began():
    class Slow(FakeUnitOfWork):
        async def __aexit__(self, *details):
            if self.messages.recorded:
                committing.set()
                await released.wait()
            await super().__aexit__(*details)

    committing, released = asyncio.Event(), asyncio.Event()
    source, work = FakeSource([[GOOD], [GOOD]]), Slow(channel_table(Installed()), [7])
    task = asyncio.create_task(pipeline(source, work).run())
    await committing.wait()

    task.cancel()
    released.set()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert work.readings.interval_values == STORED
    assert source.acked == [GOOD]


async def test_a_run_that_is_cancelled_while_the_database_is_away_acknowledges_nothing():
    class Endless(FakeClock):
        async def sleep(self, seconds: float) -> None:
            asleep.set()
            await asyncio.Event().wait()

    asleep = asyncio.Event()
    source, work = FakeSource([[GOOD]]), database()
    work.failures = [*LOADED, UnavailableError("away")]
    heart = Pipeline(source, work, Endless(NOON), IngestConfig(), VeeHorizon(ZONE))
    task = asyncio.create_task(heart.run())
    await asleep.wait()

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert source.acked == []


async def test_a_changed_registry_is_followed_at_run_time():
    work = database()
    newcomer = Envelope(READ_TOPIC, message(frame(meter_id=5), batch_seq=2))

    class Changing(FakeSource):
        async def ack(self, batch):
            await super().ack(batch)
            work.registry.table = channel_table(Installed(), Installed(channel_id=3, radio_id=5))
            await heart.reload_registry()

    source = Changing([[GOOD], [newcomer]])
    heart = pipeline(source, work)

    await heart.run()

    assert {channel for channel, _ in work.readings.interval_values} == {0, 3}


async def test_a_registry_that_did_not_change_is_not_read_again():
    work = database()
    heart = pipeline(FakeSource([[GOOD]]), work)
    await heart.run()

    unchanged = await heart.reload_registry()
    work.registry.table = channel_table(Installed(channel_id=3, radio_id=5))
    changed, again = await heart.reload_registry(), await heart.reload_registry()

    assert (unchanged, changed, again) == (False, True, False)


async def test_a_registry_that_changes_while_the_database_is_away_loses_nothing():
    work = database()
    both = Envelope(READ_TOPIC, message(frame(), frame(meter_id=5)))
    copy = Envelope(READ_TOPIC, message(frame(), frame(meter_id=5), batch_seq=2))

    class Changing(FakeClock):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds)
            work.registry.table = channel_table(Installed(), Installed(channel_id=3, radio_id=5))
            await heart.reload_registry()

    away = UnavailableError("away")
    work.failures = [*LOADED, away, None, away, None, away, None]
    source = FakeSource([[both], [copy]])
    heart = Pipeline(source, work, Changing(NOON), IngestConfig(), VeeHorizon(ZONE))

    await heart.run()

    assert {channel for channel, _ in work.readings.interval_values} == {0, 3}
    assert len(work.readings.interval_values) == 2 * len(STORED)
    assert source.acked == [both, copy]


async def test_a_read_is_no_copy_of_what_was_another_meters_all_along(monkeypatch):
    """The second batch is prepared by the new registry, while the first still waits by the old."""

    in_turn = Preparer._in_turn

    async def telling(preparer: Preparer, work: Callable[[], object]) -> object:
        done = await in_turn(preparer, work)
        if swapped.is_set():
            prepared.set()
        return done

    class Swapped(FakeSource):
        async def batches(self, **_bounds):
            yield [first]
            await swapped.wait()
            yield [second]

    class Swapping(FakeClock):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds)
            work.registry.table = channel_table(Installed(radio_id=5), Installed(channel_id=3))
            await heart.reload_registry()
            swapped.set()
            await prepared.wait()

    monkeypatch.setattr(Preparer, "_in_turn", telling)
    first = Envelope(READ_TOPIC, message(frame()))
    second = Envelope(READ_TOPIC, message(frame(meter_id=5), batch_seq=2))
    source, work = Swapped(), database()
    swapped, prepared = asyncio.Event(), asyncio.Event()
    work.failures = [*LOADED, UnavailableError("away")]
    heart = Pipeline(source, work, Swapping(NOON), IngestConfig(), VeeHorizon(ZONE))

    await heart.run()

    assert source.acked == [first, second]
    assert work.readings.interval_values == {
        (channel, start_s): value for channel in (0, 3) for (_, start_s), value in STORED.items()
    }


async def test_the_next_batch_is_prepared_while_one_is_being_stored():
    class Slow(FakeUnitOfWork):
        async def __aexit__(self, *details):
            if self.messages.recorded:
                await taken.wait()
            await super().__aexit__(*details)

    class Telling(FakeSource):
        async def batches(self, **bounds):
            yield [GOOD]
            assert self.acked == []
            taken.set()
            yield [copy]

    taken = asyncio.Event()
    copy = Envelope(READ_TOPIC, message(frame(), batch_seq=2))
    source, work = Telling(), Slow(channel_table(Installed()), [7])

    await pipeline(source, work).run()

    assert source.acked == [GOOD, copy]
    assert work.readings.sure == [True]
    assert work.readings.interval_values == STORED


async def test_status_tells_the_last_commit_and_how_far_it_lags():
    late = Envelope(READ_TOPIC, message(frame(), batch_time_us=(NOON_S - 40) * 1_000_000))
    heart = pipeline(FakeSource([[late]]), database())

    await heart.run()

    assert heart.status.last_commit_at == NOON
    assert heart.status.lag_s == timedelta(seconds=40).total_seconds()


@pytest.mark.parametrize(
    "wrong",
    [{"messages_max": 0}, {"age_s_max": 0}, {"backoff_s_max": -1.0}, {"window_intervals": 8}],
)
def test_a_config_out_of_bounds_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        IngestConfig(**wrong)
