"""Meters under command, end to end but for the broker: what is published, and what is true."""

import struct
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import numpy as np
import pandas as pd
import pytest

from mdms.domain.errors import UsageError
from simulators import builder
from simulators.backhaul import Backhaul
from simulators.calendar import LocalDay
from simulators.city import City
from simulators.encoders import EVENT, READING, Frames
from simulators.envelopes import Opcode
from simulators.journal import Received
from simulators.keys import Keys, cmac
from simulators.links import survey
from simulators.radio import Faults
from simulators.script import Breakage, Cut, Repetition, Script
from simulators.switch import Fault

pytestmark = pytest.mark.slow

START = date(2026, 11, 3)
START_S = LocalDay.of(START).start_s
HOUR_S = 3600
NOON_S = START_S + 12 * HOUR_S
KEYS = Keys({1: bytes(range(16))}, {1: bytes(range(16, 32))})
METERS = 200
CITY = builder.build(meters=METERS, start=START, seed=11)
LINKS = survey(CITY, lossless=True)
ANSWER = struct.Struct("<IBBHQIBBh16sQ")
SWITCHED = next(k for k, meter in enumerate(CITY.registry.meters) if meter.has_switch)
WATER = next(k for k, meter in enumerate(CITY.registry.meters) if meter.badge.startswith("W"))
COLLECTOR = {k: int(LINKS.collector[k][np.argmax(LINKS.rssi_dbm[k])]) for k in (SWITCHED, WATER)}


class Played(Protocol):
    """What `play` returns; a conftest cannot be imported from."""

    city: City
    recorder: Any
    truth: Path

    def table(self, name: str) -> pd.DataFrame: ...


def told(
    opcode: Opcode,
    counter: int,
    *,
    meter: int = SWITCHED,
    at_s: int = NOON_S,
    valid_s: int = 6 * HOUR_S,
) -> list[Received]:
    radio_id = CITY.registry.meters[meter].radio_id
    signed = struct.pack(
        "<IBBHQII16sII", radio_id, opcode, 0, 1, counter, at_s - 60, at_s + valid_s,
        UUID(int=counter).bytes, 0, 0,
    )  # fmt: skip
    key = KEYS.command_key(radio_id, 1)
    assert key is not None
    return [Received(COLLECTOR[meter], "cmd", signed + cmac(key, signed))]


def records(played: Played, schema_id: int) -> list[tuple[int, bytes]]:
    """Return (close of the batch, 64 bytes) of a schema, in order."""
    found = []
    for _, payload in played.recorder.published:
        if struct.unpack_from("<H", payload, 38) == (schema_id,):
            closed_s = struct.unpack_from("<Q", payload, 24)[0] // 1_000_000
            body = payload[64:]
            found += [(closed_s, body[k : k + 64]) for k in range(0, len(body), 64)]
    return found


def answers(played: Played) -> list[tuple[Any, ...]]:
    """Return meter, opcode, result, acted_at, switch, condition and register of each answer."""
    found = []
    for _, record in records(played, 3):
        values = ANSWER.unpack(record[:48])
        key = KEYS.command_key(values[0], 1)
        assert key is not None
        assert cmac(key, record[:48]) == record[48:]
        found.append((values[0], *values[1:3], *values[5:8], values[10]))
    return found


def readings(played: Played, meter: int) -> Frames:
    whole: Frames = np.frombuffer(b"".join(record for _, record in records(played, 1)), READING)
    mine: Frames = whole[whole["meter_id"] == CITY.registry.meters[meter].radio_id]
    return mine


def intervals(played: Played, meter: int) -> pd.DataFrame:
    table = played.table("intervals")
    return table[table["meter"] == CITY.registry.meters[meter].badge].set_index("start_utc")


def utc(second: int) -> pd.Timestamp:
    return pd.Timestamp(second, unit="s", tz="UTC")


def one_second_after(begin_s: int, seconds: int = 300) -> Callable[[int], int]:
    """Answer grants as a daemon with an open command does."""
    return lambda at_s: 1 if begin_s <= at_s < begin_s + seconds else 900


async def test_an_opened_switch_counts_nothing_more_until_it_is_closed(play):
    back_s = NOON_S + 3 * HOUR_S
    inbox = {NOON_S: told(Opcode.OPEN, 1), back_s: told(Opcode.CLOSE, 2)}

    played = await play(meters=METERS, days=1, keys=KEYS, inbox=inbox)

    (_, _, opened, opened_s, position, _, register), (_, _, closed, closed_s, again, *_) = answers(
        played
    )
    assert (opened, position, closed, again) == (0, 1, 0, 2)
    assert NOON_S < opened_s < back_s < closed_s
    mine = intervals(played, SWITCHED)["value"]
    within = mine[utc(opened_s + 900) : utc(closed_s - 900)]
    assert len(within) >= 9
    assert not within.any()
    assert mine[utc(closed_s) :].any()
    frames = readings(played, SWITCHED)
    dark = frames[(frames["t_newest"] > opened_s) & (frames["t_newest"] < closed_s - 900)]
    assert (dark["register"] == register).all()
    assert (dark["flags"] == 1 << 8).all()
    switches = played.table("switches")
    assert switches["position"].tolist() == ["open", "closed"]
    assert switches["command_id"].tolist() == [str(UUID(int=k)) for k in (1, 2)]
    changed = played.table("events")
    assert changed["code"].tolist() == [13, 13]
    assert changed["sent"].all()


async def test_the_ledger_keeps_register_and_intervals_together_over_a_switching(play):
    inbox = {NOON_S: told(Opcode.OPEN, 1), NOON_S + 4000: told(Opcode.CLOSE, 2)}

    played = await play(meters=METERS, days=1, keys=KEYS, inbox=inbox)

    registers = played.table("registers")
    mine = registers[registers["meter"] == CITY.registry.meters[SWITCHED].badge]
    mine = mine.sort_values("at_utc")
    value = intervals(played, SWITCHED)["value"]
    between = value[mine["at_utc"].iloc[0] : mine["at_utc"].iloc[-1] - pd.Timedelta("1s")]
    modulus = 10 ** CITY.registry.meters[SWITCHED].register_dials
    assert (mine["value"].iloc[-1] - mine["value"].iloc[0]) % modulus == between.sum()


async def test_steps_are_as_short_as_followers_want_and_answers_leave_at_once(play):
    played = await play(
        meters=METERS,
        days=1,
        keys=KEYS,
        inbox={NOON_S: told(Opcode.PING, 1)},
        answer=one_second_after(NOON_S),
    )

    (acted_s,) = [values[3] for values in answers(played)]
    (closed_s,) = [closed_s for closed_s, _ in records(played, 3)]
    assert closed_s == acted_s
    stages = [(closed_s - NOON_S, record[20]) for closed_s, record in records(played, 4)]
    assert stages == [(1, 1), (1, 2)]
    assert len(played.recorder.grants) == 97 + 300


async def test_the_same_envelope_again_acts_once(play):
    inbox = {NOON_S + k: told(Opcode.OPEN, 1) for k in (0, 900, 1800)}

    played = await play(meters=METERS, days=1, keys=KEYS, inbox=inbox)

    said = answers(played)
    assert [values[2] for values in said] == [0, 0, 0]
    assert [bool(values[5] & 4) for values in said] == [False, True, True]
    assert len({values[3] for values in said}) == 1
    assert len(played.table("switches")) == 1


async def test_a_battery_meter_hears_only_right_after_it_talked(play):
    played = await play(
        meters=METERS, days=1, keys=KEYS, inbox={NOON_S: told(Opcode.PING, 1, meter=WATER)}
    )

    (acted_s,) = [values[3] for values in answers(played)]
    batches = [
        (closed_s, np.frombuffer(record, READING))
        for closed_s, record in records(played, 1)
        if record[:4] == CITY.registry.meters[WATER].radio_id.to_bytes(4, "little")
    ]
    heard_s = [closed_s - int(frame["rx_age"][0]) / 10 for closed_s, frame in batches]
    assert acted_s > NOON_S
    assert any(0 <= acted_s - at_s <= 2 for at_s in heard_s)
    stages = [record[20] for _, record in records(played, 4)]
    assert stages == [1, 2]


async def test_a_command_that_no_window_comes_for_expires_at_the_collector(play):
    inbox = {NOON_S: told(Opcode.PING, 1, meter=WATER, valid_s=1)}

    played = await play(meters=METERS, days=1, keys=KEYS, inbox=inbox)

    assert [record[20] for _, record in records(played, 4)] == [1, 3]
    assert answers(played) == []


async def test_a_collector_refuses_what_it_cannot_deliver(play):
    (good,) = told(Opcode.PING, 1)
    row = LINKS.rssi_dbm[SWITCHED]
    deaf = [key for key in range(1, 6) if row[LINKS.collector[SWITCHED] == key] == -np.inf]
    unknown = Received(1, "cmd", bytes(4) + good.payload[4:])
    elsewhere = [Received(key, "cmd", good.payload) for key in deaf]
    stale = told(Opcode.PING, 1, at_s=NOON_S - 7 * HOUR_S)
    garbage = Received(1, "cmd", b"short")

    played = await play(
        meters=METERS,
        days=1,
        keys=KEYS,
        inbox={NOON_S: [unknown, *elsewhere, *stale, garbage]},
    )

    stages = sorted(record[20] for _, record in records(played, 4))
    assert stages == [3, *[4] * (1 + len(deaf))]
    assert answers(played) == []


async def test_without_keys_nobody_obeys(play):
    played = await play(meters=METERS, days=1, inbox={NOON_S: told(Opcode.OPEN, 1)})

    assert [record[20] for _, record in records(played, 4)] == [4]
    assert played.table("switches").empty


async def test_a_forged_and_a_replayed_command_are_refused_and_reported(play):
    (good,) = told(Opcode.PING, 5)
    forged = Received(good.collector_id, "cmd", good.payload[:63] + b"\x00")
    inbox = {NOON_S: [good], NOON_S + 900: [forged], NOON_S + 1800: told(Opcode.OPEN, 4)}

    played = await play(meters=METERS, days=1, keys=KEYS, inbox=inbox)

    assert [values[2] for values in answers(played)] == [0, 1, 2]
    assert played.table("events")["code"].tolist() == [21, 22]
    assert played.table("switches").empty


async def test_somebody_presses_the_button_of_an_armed_meter(play):
    inbox = {NOON_S: told(Opcode.OPEN, 1), NOON_S + 1800: told(Opcode.ARM, 2)}

    played = await play(meters=METERS, days=1, keys=KEYS, inbox=inbox)

    said = answers(played)
    assert [(values[2], values[4]) for values in said] == [(0, 1), (0, 3), (0, 2)]
    assert played.table("switches")["position"].tolist() == ["open", "armed", "closed"]
    armed = readings(played, SWITCHED)["flags"]
    assert set(armed.tolist()) <= {0, 1 << 8, 0b11 << 8}


async def test_a_command_waits_for_a_collector_whose_backhaul_is_away(play):
    backhauls = Backhaul(11, COLLECTOR[SWITCHED], START_S, Faults.NORMAL)
    steps = range(START_S, START_S + 30 * 86_400, 900)
    away_s = next(at_s for at_s in steps if not backhauls.is_up(at_s))
    back_s = next(at_s for at_s in steps if at_s > away_s and backhauls.is_up(at_s))
    days = (back_s - START_S) // 86_400 + 1
    inbox = {away_s: told(Opcode.PING, 1, at_s=away_s, valid_s=86_400)}

    played = await play(meters=METERS, days=days, keys=KEYS, inbox=inbox, faults=Faults.NORMAL)

    assert [closed_s - back_s for closed_s, _ in records(played, 4)] == [900, 900]


async def test_a_script_may_break_only_meters_that_there_are(play):
    script = Script(breakages=[Breakage(NOON_S, "E0", Fault.MUTE)])

    with pytest.raises(UsageError, match="E0, which is no meter"):
        await play(days=1, script=script)


async def test_a_script_may_cut_only_transformers_that_feed_meters(play):
    with pytest.raises(UsageError, match="TX99999, which feeds no meter"):
        await play(days=1, script=Script(cuts=[Cut(NOON_S, "TX99999", 5)]))


@pytest.mark.parametrize("meter", [SWITCHED, WATER])
async def test_a_silenced_radio_is_not_expected_to_talk_and_does_not(play, meter):
    inbox = {NOON_S: told(Opcode.RADIO_OFF, 1, meter=meter)}

    played = await play(meters=METERS, days=2, keys=KEYS, inbox=inbox)

    ((_, _, result, acted_s, _, condition, _),) = answers(played)
    assert (result, bool(condition & 8)) == (0, True)
    assert readings(played, meter)["t_newest"].max() <= acted_s
    expected = played.table("expected")
    mine = expected[expected["meter"] == CITY.registry.meters[meter].badge]
    assert (mine["to_utc"] == utc(acted_s + 1)).all()
    assert (expected["to_utc"] == utc(START_S + 2 * 86400)).sum() == len(expected) - len(mine)
    assert not intervals(played, meter)["sent"][utc(acted_s) :].any()


async def test_a_silent_radio_says_yes_again_to_being_silenced_and_nothing_to_anything_else(play):
    hours = [NOON_S + k * HOUR_S for k in range(4)]
    inbox = {
        hours[0]: told(Opcode.RADIO_OFF, 1),
        hours[1]: told(Opcode.RADIO_OFF, 1),
        hours[2]: told(Opcode.PING, 2, at_s=hours[2]),
        hours[3]: told(Opcode.RADIO_OFF, 3, at_s=hours[3]),
    }

    played = await play(meters=METERS, days=1, keys=KEYS, inbox=inbox)

    said = answers(played)
    assert [values[1:3] for values in said] == [(Opcode.RADIO_OFF, 0)] * 3
    assert all(values[5] & 8 for values in said)
    assert [bool(values[5] & 4) for values in said] == [False, True, False]
    assert readings(played, SWITCHED)["t_newest"].max() <= said[0][3]


async def test_an_electric_radio_can_be_switched_on_again_and_keeps_its_secret(play):
    on_s = NOON_S + 6 * HOUR_S
    inbox = {NOON_S: told(Opcode.RADIO_OFF, 1), on_s: told(Opcode.RADIO_ON, 2, at_s=on_s)}

    played = await play(meters=METERS, days=2, keys=KEYS, inbox=inbox)

    (*_, off_s, _, _, _), (*_, again_s, _, _, _) = answers(played)
    expected = played.table("expected")
    mine = expected[expected["meter"] == CITY.registry.meters[SWITCHED].badge]
    assert mine["from_utc"].tolist() == [utc(START_S), utc(again_s)]
    sent = intervals(played, SWITCHED)["sent"]
    assert not sent[utc(off_s) : utc(again_s - 1)].any()
    assert sent[utc(again_s + 900) : utc(again_s + 86_400)].any()


async def test_read_now_makes_a_meter_speak_out_of_turn(play):
    played = await play(meters=METERS, days=1, keys=KEYS, inbox={NOON_S: told(Opcode.READ_NOW, 1)})

    frames = readings(played, SWITCHED)
    asked = frames[frames["mtype"] == 2]
    assert len(asked) >= 1
    assert set(asked["t_newest"]) <= {NOON_S, NOON_S + 900}


@pytest.mark.parametrize(
    ("fault", "opcode", "results"),
    [
        (Fault.FAIL_OPEN, Opcode.CLOSE, [6, 0]),
        (Fault.FAIL_CLOSE, Opcode.CLOSE, [0, 7]),
        (Fault.MUTE, Opcode.CLOSE, []),
    ],
)
async def test_a_broken_meter_says_what_it_did_or_nothing(play, fault, opcode, results):
    badge = CITY.registry.meters[SWITCHED].badge
    script = Script(breakages=[Breakage(NOON_S, badge, fault)])
    inbox = {NOON_S: told(Opcode.OPEN, 1), NOON_S + 1800: told(opcode, 2)}

    played = await play(meters=METERS, days=1, keys=KEYS, inbox=inbox, script=script)

    assert [values[2] for values in answers(played)] == results


async def test_a_meter_that_is_fed_back_closes_hours_after_it_refused(play):
    badge = CITY.registry.meters[SWITCHED].badge
    script = Script(breakages=[Breakage(NOON_S, badge, Fault.BACKFEED)])
    inbox = {NOON_S: told(Opcode.OPEN, 1), NOON_S + 1800: told(Opcode.CLOSE, 2)}

    played = await play(meters=METERS, days=1, keys=KEYS, inbox=inbox, script=script)

    said = answers(played)
    assert [(values[2], values[4]) for values in said] == [(0, 1), (5, 1), (0, 2)]
    assert said[2][3] > said[1][3] + HOUR_S - 1
    assert played.table("switches")["command_id"].tolist() == [
        str(UUID(int=1)),
        str(UUID(int=2)),
    ]


async def test_an_outage_is_gasped_counted_as_zero_and_reported_when_over(play):
    transformer = CITY.registry.premises[0].transformer_id
    cut = Cut(NOON_S + 300, transformer, 47)

    played = await play(meters=METERS, days=1, keys=KEYS, script=Script(cuts=[cut]))

    events = played.table("events")
    fed = set(events["meter"])
    assert len(fed) >= 3
    assert all(codes.tolist() == [1, 2] for _, codes in events.groupby("meter")["code"])
    failed = events[events["code"] == 1]
    assert 0 < failed["sent"].sum() < len(failed) or len(failed) < 6
    assert events[events["code"] == 2]["sent"].all()
    values = played.table("intervals")
    mine = values[values["meter"].isin(fed)]
    dark = mine["start_utc"].between(utc(NOON_S + 900), utc(NOON_S + 300 + 46 * 60 - 900))
    assert dark.any()
    assert not mine["value"][dark].any()
    radio_ids = [m.radio_id for m in CITY.registry.meters if m.badge in fed]
    frames = np.frombuffer(b"".join(record for _, record in records(played, 1)), READING)
    frames = frames[np.isin(frames["meter_id"], radio_ids)]
    restored = frames[frames["mtype"] == 3]
    assert set(restored["meter_id"]) == set(radio_ids)
    assert (restored["flags"] & 0b11 == 0b11).all()
    alarms = np.frombuffer(b"".join(record for _, record in records(played, 2)), EVENT)
    assert set(alarms["meter_id"]) == set(radio_ids)


async def test_frames_and_events_carry_their_meters_tag(play):
    played = await play(meters=METERS, days=1, keys=KEYS, inbox={NOON_S: told(Opcode.OPEN, 1)})

    for schema_id, kind in ((1, READING), (2, EVENT)):
        for _, record in records(played, schema_id)[:200]:
            frame = np.frombuffer(record, kind).copy()
            tag = int(frame["tag"][0]).to_bytes(4, "little")
            for name in ("rx_age", "rssi", "snr", "repeat"):
                if name in (kind.names or ()):
                    frame[name] = 0
            radio_id = int(frame["meter_id"][0])
            assert tag == KEYS.tag(radio_id, 1, frame.tobytes()[:60])


async def test_a_failing_meter_repeats_itself_and_says_nothing_that_did_not_happen(play):
    badge, per_hour = CITY.registry.meters[SWITCHED].badge, 3_000
    flood = Repetition(NOON_S, badge, 90, per_hour)

    played = await play(meters=METERS, days=1, keys=KEYS, script=Script(repetitions=[flood]))

    sent = readings(played, SWITCHED)
    flooded = (sent["t_newest"] >= NOON_S) & (sent["t_newest"] < NOON_S + 90 * 60)
    assert flooded.sum() >= 1.5 * per_hour
    assert len(sent) - flooded.sum() < 1_000
    truth = played.table("registers")
    mine = truth[(truth["meter"] == badge) & truth["sent"]]
    happened = set(zip(mine["at_utc"].map(pd.Timestamp.timestamp), mine["value"], strict=True))
    delivered = sent[sent["chan"] == 0x10]
    said = zip(delivered["t_newest"].tolist(), delivered["register"].tolist(), strict=True)
    assert set(said) <= happened
