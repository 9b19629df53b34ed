"""A storm: everything goes wrong, and the ledger still knows exactly what got through."""

import json
import struct
from datetime import date
from pathlib import Path
from typing import Any, Protocol
from zlib import crc32

import numpy as np
import pandas as pd
import pytest

from simulators import builder
from simulators.calendar import LocalDay
from simulators.city import City
from simulators.clocks import RIGHT_WITHIN_S, clock_errors_s
from simulators.collector import Topic
from simulators.encoders import READING
from simulators.journal import Received
from simulators.mishaps import Fate, Mishaps, Restart
from simulators.radio import Faults

START = date(2026, 11, 3)
START_S = LocalDay.of(START).start_s


class Played(Protocol):
    """What `play` returns; a conftest cannot be imported from."""

    city: City
    recorder: Any
    truth: Path

    def table(self, name: str) -> pd.DataFrame: ...


def header(payload: bytes) -> tuple[int, int, int, int, int]:
    """Return flags, collector_id, boot_id, batch_seq and schema_id."""
    flags, collector_id, boot_id, seq = struct.unpack_from("<HIIQ", payload, 6)
    return flags, collector_id, boot_id, seq, struct.unpack_from("<H", payload, 38)[0]


def is_whole(payload: bytes) -> bool:
    return struct.unpack_from("<I", payload, 60) == (crc32(payload[:60] + payload[64:]),)


def arrived(played: Played) -> set[tuple[int, int, int]]:
    """Return meter, channel byte and start second of every rightly stamped interval."""
    found = set()
    for _, payload in played.recorder.published:
        if not is_whole(payload) or header(payload)[-1] != 1:
            continue
        for frame in np.frombuffer(payload[64:], READING):
            step_s = int(frame["ilen"]) * 60
            end_s = round(int(frame["t_newest"]) / step_s) * step_s
            if abs(end_s - int(frame["t_newest"])) <= RIGHT_WITHIN_S:
                found |= {
                    (int(frame["meter_id"]), int(frame["chan"]), end_s - (k + 1) * step_s)
                    for k in range(int(frame["n"]))
                    if (int(frame["q"]) >> 2 * k) & 3 == 0
                }
    return found


def sent(played: Played) -> set[tuple[int, int, int]]:
    """Return the same of the ledger."""
    registry = played.city.registry
    radio_id = {meter.badge: meter.radio_id for meter in registry.meters}
    commodity = {"E": 0x10, "W": 0x20, "G": 0x30}
    wire = {
        (each.badge, each.reading_type): commodity[each.badge[0]] + each.channel
        for each in registry.channels
    }
    table = played.table("intervals")
    table = table[table["sent"]]
    start_s = table["start_utc"].astype("int64") // 1_000_000
    keys = zip(table["meter"], table["reading_type"], strict=True)
    return {
        (radio_id[badge], wire[badge, kind], at_s)
        for (badge, kind), at_s in zip(keys, start_s, strict=True)
    }


@pytest.mark.slow
async def test_the_ledger_knows_what_got_through_a_storm(play):
    played = await play(meters=100, days=4, faults=Faults.STORM, settle=True)

    assert sent(played) == arrived(played)


@pytest.mark.slow
async def test_everything_goes_wrong_in_a_storm(play):
    played = await play(meters=100, days=4, faults=Faults.STORM, settle=True)

    payloads = [payload for _, payload in played.recorder.published]
    good = [header(payload)[1:4] for payload in payloads if is_whole(payload)]
    assert len(good) > len(set(good))
    assert len(good) < len(payloads)
    by_collector = [[seq for c, _, seq in good if c == collector] for collector in range(1, 6)]
    assert any((np.diff(seqs) < 0).any() for seqs in by_collector)
    assert len({(c, boot) for c, boot, _ in good}) > 5
    assert any(played.recorder.absent)
    absent = sum(len(seqs) for each in played.recorder.absent for seqs in each.values())
    assert absent > 10


@pytest.mark.slow
async def test_what_was_lost_is_given_again_to_who_asks(play):
    before = await play(meters=100, days=2, faults=Faults.STORM, settle=True, name="before")
    published = {header(p)[1:4] for _, p in before.recorder.published if is_whole(p)}
    lost = next(
        (key, seq)
        for each in before.recorder.absent
        for key, seqs in each.items()
        for seq in seqs
        if seq not in {s for c, _, s in published if c == key}
    )
    collector_id, seq = lost
    ask = json.dumps({"op": "backfill", "from_seq": seq, "to_seq": seq, "req": "a"}).encode()
    at_s = START_S + 2 * 86400 - 3600

    after = await play(
        meters=100,
        days=2,
        faults=Faults.STORM,
        inbox={at_s: [Received(collector_id, "ctl", ask)]},
        settle=True,
        name="after",
    )

    (answer,) = [
        payload
        for (_, payload), topic in zip(after.recorder.published, after.recorder.topics, strict=True)
        if topic is Topic.BACKFILL
    ]
    assert is_whole(answer)
    assert header(answer)[:2] == (0b1010, collector_id)
    assert header(answer)[3] == seq


@pytest.mark.slow
async def test_what_is_given_again_counts_as_sent_and_closes_every_hole(play):
    asking_s = START_S + 2 * 86400 - 3600
    span = {"from_us": START_S * 1_000_000, "to_us": asking_s * 1_000_000}
    ask = json.dumps({"op": "backfill_time", **span, "req": "a"}).encode()
    inbox = {asking_s: [Received(key, "ctl", ask) for key in range(1, 6)]}

    before = await play(meters=100, days=2, faults=Faults.STORM, settle=True, name="before")
    after = await play(
        meters=100, days=2, faults=Faults.STORM, inbox=inbox, settle=True, name="after"
    )

    assert sent(after) == arrived(after)
    heard = [played.table("registers")["sent"].sum() for played in (before, after)]
    assert heard[1] > heard[0]


@pytest.mark.slow
async def test_what_is_gone_is_answered_by_an_empty_batch(play):
    ask = json.dumps({"op": "backfill", "from_seq": 900, "to_seq": 901, "req": "a"}).encode()

    played = await play(days=1, inbox={START_S + 900: [Received(3, "ctl", ask)]})

    (empty,) = [payload for _, payload in played.recorder.published if len(payload) == 64]
    assert is_whole(empty)
    assert header(empty)[:2] == (0b1010, 3)


@pytest.mark.slow
async def test_after_a_storm_two_hours_pass_without_news(play):
    played = await play(meters=40, days=1, faults=Faults.STORM, settle=True)

    ends = [at_s - START_S for _, at_s, *_ in played.recorder.grants]
    assert ends[-1] == 86_400 + 7_200
    assert played.table("intervals")["start_utc"].max() < pd.Timestamp(
        START_S + 86_400, unit="s", tz="UTC"
    )
    assert len(played.recorder.announced) >= 5 * 8


def test_wrong_clocks_never_make_one_interval_look_like_another():
    city = builder.build(meters=30_000, start=START, seed=3)

    errors_s = clock_errors_s(city)

    interval_s = np.array([site.reading_types[0].interval_s for site in city.sites])
    wrong = np.flatnonzero(errors_s)
    assert len(wrong) == pytest.approx(0.0022 * 30_000, rel=0.1)
    by_minutes = wrong[np.abs(errors_s[wrong]) < 86_400]
    off = (errors_s[by_minutes] + interval_s[by_minutes] // 2) % interval_s[by_minutes]
    astray_s = np.abs(off - interval_s[by_minutes] // 2)
    small = np.abs(errors_s[by_minutes]) <= RIGHT_WITHIN_S
    assert (astray_s[~small] > RIGHT_WITHIN_S).all()
    assert (city.start_s + errors_s >= 0).all()


def test_a_full_queue_drops_many_batches_in_turn():
    mishaps = Mishaps(1, 2, Faults.STORM)

    runs = [{mishaps.fate(7, 16 * run + k) for k in range(16)} for run in range(500)]

    assert 3 <= runs.count({Fate.LOST}) <= 25


def test_fates_come_as_often_as_they_should():
    mishaps = Mishaps(1, 2, Faults.STORM)

    fates = [mishaps.fate(7, seq) for seq in range(20_000)]

    assert fates.count(Fate.SENT_TWICE) == pytest.approx(600, rel=0.2)
    assert fates.count(Fate.LATE) == pytest.approx(400, rel=0.2)
    assert fates.count(Fate.LOST) == pytest.approx(100 + 400, rel=0.4)
    assert {*fates} == {*Fate}
    assert {Mishaps(1, 2, Faults.NORMAL).fate(7, seq) for seq in range(1_000)} == {Fate.SENT}


def test_a_damaged_message_differs_in_one_byte():
    mishaps, payload = Mishaps(1, 2, Faults.STORM), bytes(200)

    for seq in range(50):
        damaged = mishaps.damaged(payload, 7, seq)
        assert sum(a != b for a, b in zip(payload, damaged, strict=True)) == 1


def test_collectors_start_again_every_other_day_and_seldom_lose_their_counter():
    mishaps = Mishaps(1, 2, Faults.STORM)
    quarters = range(0, 200 * 86400, 900)

    kinds = [mishaps.restart(at_s) for at_s in quarters]

    assert kinds.count(Restart.COUNTER_KEPT) == pytest.approx(100, rel=0.3)
    assert kinds.count(Restart.COUNTER_LOST) == pytest.approx(20, rel=0.6)
    assert mishaps.restart(901) is None


def test_in_a_storm_collectors_clocks_go_wrong_for_hours_and_come_right_again():
    times_s = range(0, 40 * 86_400, 900)

    off_s = {Mishaps(1, 2, Faults.STORM).clock_s(at_s) - at_s for at_s in times_s}
    right = sum(Mishaps(1, 2, Faults.STORM).clock_s(at_s) == at_s for at_s in times_s)

    assert len(off_s) > 10
    assert min(off_s) < -86_400 * 30 < 86_400 * 365 < max(off_s)
    assert 0.8 * len(times_s) < right < len(times_s)
    assert all(Mishaps(1, 2, Faults.NORMAL).clock_s(at_s) == at_s for at_s in times_s)
