"""Quarantine and replay on the real database: what was sent is stored, sooner or later, once."""

import hmac
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from prometheus_client import REGISTRY

from ingest.codecs import fnb1
from ingest.late import VeeHorizon
from ingest.pipeline import IngestConfig, Pipeline
from ingest.proof import NightlyProof
from ingest.quarantine import Quarantine, Replayed
from ingest.replay import Replay, ReplayReport
from ingest.trailers import CollectorKeys, TrailerCheck
from mdms.domain.errors import RejectReason
from mdms.domain.registry import Collector, Radio, Registry
from mdms.domain.time import Period
from mdms.ports.messages import Envelope
from mdms.ports.unit_of_work import UnitOfWorkFactory
from tests.fakes import FakeClock, FakeSource
from tests.integration.storage.registries import E100_MOVED, SMALL_TOWN
from tests.messages import NOON, NOON_S, event_frame, frame, message

pytestmark = pytest.mark.db

ZONE = ZoneInfo("America/Los_Angeles")
DAY = Period(NOON - timedelta(hours=12), NOON + timedelta(hours=12))
COLLECTOR = SMALL_TOWN.collectors[0].collector_id
KNOWN, NEW = 47_622_888, 47_622_999
NEW_METER = replace(
    E100_MOVED, badge="E300", serial="S-E300", radio_id=NEW, usage_point_id="U3",
    installed_at=NOON - timedelta(days=30),
)  # fmt: skip
NEW_CHANNEL = replace(SMALL_TOWN.channels[0], badge="E300")
NEW_POINT = replace(SMALL_TOWN.usage_points[0], usage_point_id="U3")


def up(
    kind: str, *frames: bytes, collector: int = COLLECTOR, seq: int = 1, **header: Any
) -> Envelope:
    payload = message(*frames, collector_id=collector, batch_seq=seq, **header)
    return Envelope(f"ami/v1/cpau/col/{collector}/up/{kind}", payload)


def reading(radio: int = NEW, *, deltas: Sequence[int] = (210, 195, 188), **fields: Any) -> bytes:
    return frame(meter_id=radio, deltas=deltas, **fields)


BACKFILL = 1 << 1
PROVED = ("checked", "missing")
EVENT_SCHEMA = 2


@pytest.fixture
def horizon() -> VeeHorizon:
    return VeeHorizon(ZONE, last_day=date(2026, 12, 1))


async def register(store: UnitOfWorkFactory, registry: Registry) -> None:
    async with store() as work:
        await work.registry.merge(registry)


async def take(
    store: UnitOfWorkFactory,
    horizon: VeeHorizon,
    *envelopes: Envelope,
    trailers: TrailerCheck | None = None,
) -> None:
    source = FakeSource([list(envelopes)])
    pipeline = Pipeline(source, store, FakeClock(NOON), IngestConfig(), horizon, trailers=trailers)
    await pipeline.run()


async def values(store: UnitOfWorkFactory, badge: str) -> list[int]:
    async with store() as work:
        table = await work.registry.channels_of([badge])
        ids = table.channel_id.tolist()
        return sorted((await work.readings.intervals(DAY, channel_ids=ids)).value.tolist())


def with_meter(**changes: Any) -> Registry:
    return replace(
        SMALL_TOWN,
        usage_points=(*SMALL_TOWN.usage_points, NEW_POINT),
        meters=(*SMALL_TOWN.meters, replace(NEW_METER, **changes)),
        channels=(*SMALL_TOWN.channels, NEW_CHANNEL),
    )


async def test_frames_of_an_unknown_meter_are_stored_once_the_registry_knows_it(store, horizon):
    await register(store, SMALL_TOWN)
    await take(
        store, horizon,
        up("read", reading(), reading(KNOWN)),
        up("backfill", reading(t_newest=NOON_S - 2700), seq=2, flags=BACKFILL),
        up("event", event_frame(meter_id=NEW), seq=3, schema_id=EVENT_SCHEMA),
    )  # fmt: skip
    later = NOON + timedelta(days=3)
    quarantine = Quarantine(store, FakeClock(later), horizon)
    before = await quarantine.run_due(later)
    async with store() as work:
        (group,) = await work.quarantine.groups()
    await register(store, with_meter())

    unasked = await quarantine.run_due(later)
    quarantine.wake()
    replayed = await quarantine.run_due(later)

    assert (before, unasked) == (Replayed(), Replayed())
    assert (group.reason, group.radio_id, group.letter_count) == ("unknown_meter", NEW, 3)
    assert (replayed.letter_count, replayed.cured_count) == (3, 3)
    assert await values(store, "E300") == sorted([210, 195, 188] * 2)
    async with store() as work:
        assert await work.quarantine.waiting_count() == 0
        (event,) = await work.events.within(DAY)
        assert (event.badge, event.received_at) == ("E300", NOON)
        assert len(await work.vee.touched()) == 2  # both meters had been judged without it
    assert await quarantine.replay() == Replayed()


async def test_frames_of_signed_batches_wait_and_are_replayed_like_others(store, horizon):
    trailers = TrailerCheck({COLLECTOR: CollectorKeys((bytes(32),))})
    await register(store, SMALL_TOWN)
    unsigned = up("read", reading(), flags=fnb1.FLAG_HMAC)
    signed = unsigned.payload + hmac.digest(bytes(32), unsigned.payload, "sha256")
    await take(store, horizon, replace(unsigned, payload=signed), trailers=trailers)
    await register(store, with_meter())
    clock = FakeClock(NOON)

    replayed = await Quarantine(store, clock, horizon, trailers=trailers).run_due(NOON)

    assert (replayed.letter_count, replayed.cured_count) == (1, 1)
    assert await values(store, "E300") == [188, 195, 210]
    assert (await Replay(store, clock, horizon).check(DAY)).agrees


async def test_messages_of_an_unknown_collector_are_stored_once_the_registry_knows_it(
    store, horizon
):
    await register(store, SMALL_TOWN)
    await take(store, horizon, up("read", reading(KNOWN), reading(), collector=18))
    await register(
        store,
        replace(SMALL_TOWN, collectors=(*SMALL_TOWN.collectors, Collector(18, "B", 37, -122))),
    )

    replayed = await Quarantine(store, FakeClock(NOON), horizon).run_due(NOON)

    assert (replayed.letter_count, replayed.cured_count) == (1, 1)
    assert await values(store, "E100") == [188, 195, 210]
    async with store() as work:
        assert [each.collector_id for each in await work.messages.sequences()] == [18]
        assert await work.messages.dead_letter_counts() == {RejectReason.UNKNOWN_METER: 1}


async def test_a_meter_that_opted_out_meanwhile_leaves_nothing_in_quarantine(
    store, horizon, database
):
    await register(store, SMALL_TOWN)
    await take(store, horizon, up("read", reading()))
    await register(store, with_meter(radio=Radio.OFF))

    replayed = await Quarantine(store, FakeClock(NOON), horizon).run_due(NOON)

    assert (replayed.letter_count, replayed.cured_count) == (1, 0)
    assert await values(store, "E300") == []
    with psycopg.connect(database) as connection:
        ((reason, payload),) = connection.execute("SELECT reason, payload FROM dead_letter")
    assert reason == RejectReason.OPTED_OUT
    assert payload[8:16] == bytes(8)  # the register is blank
    async with store() as work:
        assert await work.quarantine.waiting_count() == 0


async def test_replay_of_raw_messages_gives_the_same_rows(store, horizon, database):
    await register(store, SMALL_TOWN)
    await take(store, horizon, *(
        up("read", reading(KNOWN, t_newest=NOON_S - 900 * back, register=10**6 - back,
                           deltas=[(back + k) % 7 * 10 for k in range(12)]), seq=40 - back)
        for back in range(30)
    ))  # fmt: skip
    await take(store, horizon, up("read", reading(KNOWN, deltas=[999]), seq=99))
    replay = Replay(store, FakeClock(NOON + timedelta(days=1)), horizon)

    sound = await replay.check(DAY)
    with psycopg.connect(database) as connection:
        connection.execute("DELETE FROM interval_read WHERE start_utc >= %s",
                           [NOON - timedelta(hours=1)])  # fmt: skip
        connection.execute("DELETE FROM read_conflict")
        connection.execute("DELETE FROM uplink_message WHERE batch_seq = 11")
    broken = await replay.check(DAY)
    mended = await replay.run(DAY)

    intervals = 30 + 11
    assert sound == ReplayReport(
        message_count=31, read_count=intervals + 1 + 30 + 1,
        same_count=intervals + 30, disputed_count=2,
    )  # fmt: skip
    assert sound.agrees
    assert broken.missing_count == 4 + 1
    assert broken.unfounded_count == 2
    assert not broken.agrees
    assert (mended.restored_count, mended.missing_count, mended.changed_count) == (4, 0, 0)
    async with store() as work:
        conflicts = await work.conflicts.within(DAY, count_max=10)
    assert [(c.badge, c.kind, c.stored_value, c.value) for c in conflicts] == [
        ("E100", "interval", 0, 999),
        ("E100", "register", 10**6, 721_345),
    ]


async def test_a_nightly_proof_finds_what_is_there_and_misses_what_is_not(store, horizon, database):
    await register(store, SMALL_TOWN)
    await take(store, horizon, *(
        up("read", reading(KNOWN, t_newest=NOON_S - 3600 * back, register=10**6 - back,
                           deltas=[back]), seq=40 - back)
        for back in range(12)
    ))  # fmt: skip
    clock = FakeClock(NOON + timedelta(days=1))
    proof = NightlyProof(Replay(store, clock, horizon), clock, ZONE)

    await proof.run()
    sound = [REGISTRY.get_sample_value(f"mdms_ingest_acknowledged_{name}_reads") for name in PROVED]
    with psycopg.connect(database) as connection:
        connection.execute(
            "DELETE FROM interval_read WHERE start_utc < %s", [NOON - timedelta(hours=9)]
        )
    await proof.run()
    broken = [
        REGISTRY.get_sample_value(f"mdms_ingest_acknowledged_{name}_reads") for name in PROVED
    ]

    assert sound == [8 + 8, 0], "an interval and a register of eight messages"
    assert broken == [8 + 8, 3]
