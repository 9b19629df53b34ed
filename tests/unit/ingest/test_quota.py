"""Quotas: a meter that floods is held back, and nobody else is."""

from datetime import datetime, timedelta

import numpy as np

from ingest import quota
from ingest.assembly import LETTERS_MAX, Assembled, Roster, assemble
from ingest.channels import ChannelIndex
from ingest.known import CONFLICTS_MAX, Window, sieve
from ingest.quota import Allowance, Quotas
from mdms.domain.errors import RejectReason
from mdms.domain.events import EventCode
from mdms.ports.messages import Envelope
from tests.channels import Installed, channel_table
from tests.messages import EVENT_TOPIC, NOON, NOON_S, READ_TOPIC, event_frame, frame, message

FAILING, WELL = 47_622_887, 47_622_888
TABLE = channel_table(
    Installed(channel_id=0, radio_id=FAILING), Installed(channel_id=1, radio_id=WELL)
)
ROSTER = Roster(ChannelIndex(TABLE), frozenset({7}))


def take(quotas: Quotas | None, *envelopes: Envelope, at: datetime = NOON) -> Assembled:
    return assemble(envelopes, ROSTER, {}, received_at=at, recorded_at=at, quotas=quotas)


def reads(*frames: bytes) -> Envelope:
    return Envelope(READ_TOPIC, message(*frames))


def of_channel(assembled: Assembled, channel_id: int) -> int:
    return int((assembled.registers.channel_id == channel_id).sum())


def test_an_allowance_is_used_up_in_the_order_of_arrival_and_new_each_hour():
    allowance = Allowance(3)
    sender = np.array([1, 2, 1, 1, 1, 2])

    assert allowance.within(sender, NOON).tolist() == [True, True, True, True, False, True]
    assert allowance.within(sender[:2], NOON).tolist() == [False, True]
    assert allowance.within(sender, NOON + timedelta(hours=1)).sum() == 5


def test_a_meter_that_floods_is_held_back_and_its_neighbour_is_not(monkeypatch):
    monkeypatch.setattr(quota, "FRAMES_MAX", 5)
    quotas = Quotas()
    flood = reads(*(frame(meter_id=FAILING, t_newest=NOON_S - k) for k in range(4)))
    quiet = reads(*(frame(meter_id=WELL, t_newest=NOON_S - k) for k in range(4)))

    first, second = take(quotas, flood, quiet), take(quotas, flood, quiet, flood)

    assert (of_channel(first, 0), of_channel(first, 1), first.shed["frame"]) == (4, 4, 0)
    assert (of_channel(second, 0), of_channel(second, 1), second.shed["frame"]) == (1, 1, 7 + 3)
    assert [(e.code, e.badge) for e in second.events] == [
        (EventCode.METER_FLOODS, "M0"), (EventCode.METER_FLOODS, "M1"),
    ]  # fmt: skip
    assert take(quotas, flood).events == []  # told of once an hour
    assert len(second.messages) == 3  # nothing is lost: a replay reads them without quotas
    assert of_channel(take(None, flood, flood), 0) == 8
    assert of_channel(take(quotas, flood, at=NOON + timedelta(hours=1)), 0) == 4


def test_alarms_that_never_end_are_held_back(monkeypatch):
    monkeypatch.setattr(quota, "EVENTS_MAX", 3)
    events = [event_frame(meter_id=FAILING, t_event=NOON_S - 10 * k) for k in range(5)]
    events += [event_frame(meter_id=WELL)]

    assembled = take(Quotas(), Envelope(EVENT_TOPIC, message(*events, schema_id=2)))

    assert [event.badge for event in assembled.events] == ["M0", "M0", "M0", "M1"]
    assert assembled.shed["event"] == 2


def test_dead_letters_of_one_collector_have_an_end(monkeypatch):
    monkeypatch.setattr(quota, "LETTER_BYTES_MAX", 1000)
    letters = [Envelope(READ_TOPIC, b"x" * 400)] * 5
    others = [
        Envelope(f"ami/v1/cpau/col/{n}/up/read", message(collector_id=n)) for n in range(8, 40)
    ]

    assembled = take(Quotas(), *letters, *others)

    assert assembled.shed["letter"] == 3 + 32 - 1000 // 64
    assert len(assembled.rejected) == 2 + 1000 // 64


def test_a_message_full_of_bad_frames_makes_few_letters():
    count = LETTERS_MAX + 500
    bad = message(body=bytes(64 * count), frame_count=count, raw_len=64 * count)

    assembled = take(Quotas(), Envelope(READ_TOPIC, bad))

    assert len(assembled.rejected) == LETTERS_MAX + 1
    last = assembled.rejected[-1]
    assert (last.reason, last.detail, last.frame_index) == (
        RejectReason.BAD_VALUE, "500 more frames", None,
    )  # fmt: skip


def test_a_meter_that_contradicts_itself_in_every_frame_costs_little():
    lies = [frame(meter_id=FAILING, deltas=[k]) for k in range(100)]

    intervals = take(Quotas(), reads(*lies)).intervals
    window = Window(32)
    window.cover(TABLE.channel_id, TABLE.interval_s)
    sieved = sieve(window, intervals)

    assert len(sieved.conflicts) == CONFLICTS_MAX
    assert sieved.different_count == 99
