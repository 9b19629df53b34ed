"""Collectors' states on their way through the pipeline."""

import json
from datetime import timedelta

from mdms.domain.errors import RejectReason
from mdms.domain.events import EventCode
from mdms.domain.gaps import PATIENCE
from mdms.ports.messages import Envelope
from tests.fakes import FakeSource
from tests.messages import NOON
from tests.unit.ingest.test_counting import read
from tests.unit.ingest.test_pipeline import database, pipeline

TOPIC = "ami/v1/cpau/col/7/state"


def state(s: str = "online", *, boot: int = 99, collector: int = 7, **fields: object) -> Envelope:
    said = {"s": s, "id": collector, "boot": boot, **fields}
    return Envelope(TOPIC.replace("7", str(collector)), json.dumps(said).encode())


async def test_a_state_is_kept_and_acknowledged():
    said = state(off_ms=-700, fw="1.2", buf=3)
    source, work = FakeSource([[said]]), database()

    await pipeline(source, work).run()

    known = work.collectors.by_collector[7]
    assert (known.online, known.clock_offset_ms, known.firmware) == (True, -700, "1.2")
    assert source.acked == [said]


async def test_what_is_missing_is_asked_for_at_once_when_a_collector_is_back():
    source, work = FakeSource([[read(1), read(3)], [state("offline")], [state()]]), database()

    await pipeline(source, work).run()

    assert [hole.due_at for hole in await work.gaps.holes()] == [NOON]


async def test_otherwise_it_may_still_be_on_its_way():
    source, work = FakeSource([[state()], [read(1), read(3)], [state()]]), database()

    await pipeline(source, work).run()

    assert [hole.due_at for hole in await work.gaps.holes()] == [NOON + PATIENCE]


async def test_two_programs_with_one_identity_are_an_event():
    source, work = FakeSource([[state(boot=1), state(boot=2), state(boot=1)]]), database()

    await pipeline(source, work).run()

    (event,) = work.events.stored
    assert (event.code, event.collector_id) == (EventCode.COLLECTOR_TAKEN_OVER, 7)
    assert event.at - NOON < timedelta(seconds=1)


async def test_the_state_of_a_collector_that_nobody_registered_is_a_dead_letter():
    source, work = FakeSource([[state(collector=8)]]), database()

    await pipeline(source, work).run()

    assert [each.reason for each in work.messages.rejected] == [RejectReason.UNKNOWN_COLLECTOR]
    assert work.collectors.by_collector == {}
