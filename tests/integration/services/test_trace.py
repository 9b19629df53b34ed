"""Traces on a real database: from a value down to the frames that carried it."""

from datetime import timedelta

import pytest

from ingest.tracing import open_frames
from mdms.ports.messages import UplinkMessage
from mdms.services.reading_trace import TraceService
from tests.integration.services.editing import METER, PACIFIC, VALUE, Desk, a_desk, at
from tests.messages import frame, message

pytestmark = pytest.mark.db

RADIO = 47_622_888
SLOT = 100


def tracing(desk: Desk) -> TraceService:
    return TraceService(desk.store, desk.clock, PACIFIC, open_frames)


async def hear(
    desk: Desk, *, seq: int, newest: int, values: tuple[int, ...], collector: int = 7
) -> None:
    """Keep a message of one other frame and one of the meter, whose newest interval is given."""
    ended_s = int(at(newest + 1).timestamp())
    closed_s = ended_s + 60
    sent = frame(meter_id=RADIO, t_newest=ended_s, deltas=values)
    payload = message(
        frame(meter_id=1, t_newest=ended_s), sent, collector_id=collector, batch_seq=seq,
        batch_time_us=closed_s * 1_000_000,
    )  # fmt: skip
    kept = UplinkMessage(
        collector_id=collector,
        boot_id=99,
        batch_seq=seq,
        batch_us=closed_s * 1_000_000,
        kind="read",
        frame_count=2,
        payload=payload,
        received_at=at(newest + 1) + timedelta(seconds=61),
    )
    async with desk.store() as work:
        await work.messages.record([kept])


async def test_every_frame_that_carried_a_value_is_found_and_read_again(store):
    desk = await a_desk(store)
    value = int(VALUE[SLOT])
    await hear(desk, seq=1, newest=SLOT, values=(value, 1, 2))
    await hear(desk, seq=2, newest=SLOT + 4, values=(9, 8, 7, 6, value))
    await hear(desk, seq=3, newest=SLOT + 12, values=(9, 8))
    await hear(desk, seq=1, newest=SLOT, values=(value,), collector=8)

    found = await tracing(desk).trace(METER, at(SLOT) + timedelta(minutes=3))

    assert [(f["collector"], f["batch"], f["frame"]) for f in found["frames"]] == [
        (7, 1, 1), (8, 1, 1), (7, 2, 1),
    ]  # fmt: skip
    assert {f["value"] for f in found["frames"]} == {value}
    assert (found["frames"][0]["rssi_dbm"], found["frames"][0]["snr_db"]) == (-104.3, 12)
    assert found["frames"][0]["heard_at"] == (at(SLOT + 1) + timedelta(seconds=58)).isoformat()
    assert (found["same"], found["note"]) == (True, "")
    assert [each["status"] for each in found["versions"]] == ["V"]


async def test_a_frame_that_says_something_else_is_told(store):
    desk = await a_desk(store)
    await hear(desk, seq=1, newest=SLOT, values=(int(VALUE[SLOT]) + 1,))

    assert (await tracing(desk).trace(METER, at(SLOT)))["same"] is False


async def test_a_trace_says_where_it_ends_and_why(store):
    desk = await a_desk(store)

    before = await tracing(desk).trace(METER, at(SLOT))
    await hear(desk, seq=1, newest=SLOT - 81, values=(5,))
    other = await tracing(desk).trace(METER, at(SLOT - 80))
    desk.clock.advance(timedelta(days=91))
    later = await tracing(desk).trace(METER, at(SLOT))

    assert "no raw message is kept" in before["note"]
    assert "none of 1 messages" in other["note"]
    assert "90 days" in later["note"]
    assert len(later["versions"]) == 1
    assert (before["same"], later["same"], later["frames"]) == (None, None, [])


async def test_a_message_that_no_decoder_takes_any_more_is_counted(store):
    desk = await a_desk(store)
    ended_s = int(at(SLOT + 1).timestamp())
    broken = UplinkMessage(7, 99, 1, ended_s * 1_000_000, "read", 1, b"FNB0" * 20, at(SLOT + 1))
    async with desk.store() as work:
        await work.messages.record([broken])

    found = await tracing(desk).trace(METER, at(SLOT))

    assert "today's decoder refuses 1 messages" in found["note"]
