import hmac
import json
import struct

import numpy as np
import pytest

from simulators.air import Heard, Told
from simulators.alarms import EventLog
from simulators.backhaul import Backhaul
from simulators.collector import Collector
from simulators.counters import CounterFile
from simulators.encoders import READING, Frames
from simulators.gathered import Gathered
from simulators.mishaps import Mishaps
from simulators.radio import Faults

START_S = 1_793_692_800
AT_S = START_S + 900


def heard(count: int, collector_id: int = 4, arrived_s: float = AT_S - 100.0) -> Gathered:
    none = np.zeros(count, np.int64)
    told = Told(none, np.zeros(count), none, none, none, none, none, np.zeros(count, np.bool_))
    return Gathered(
        [
            Heard(
                np.zeros(count, READING),
                np.full(count, collector_id),
                np.full(count, arrived_s),
                np.arange(count),
                told,
            )
        ]
    )


def collector(seq: int = 0, faults: Faults = Faults.NONE) -> Collector:
    return Collector(4, 99, seq, Backhaul(11, 4, START_S, faults), Mishaps(11, 4, Faults.NONE))


def seq_of(payload: bytes) -> int:
    return int(struct.unpack_from("<Q", payload, 16)[0])


def frames_in(payload: bytes) -> Frames:
    return np.frombuffer(payload[64:], READING)


def test_a_batch_is_split_at_500_frames_and_numbered_on():
    tower = collector(seq=7)

    tower.close(heard(1_201), EventLog(), AT_S)

    batches = tower.outgoing(AT_S)
    assert [seq_of(batch.payload) for batch in batches] == [8, 9, 10]
    assert [len(frames_in(batch.payload)) for batch in batches] == [500, 500, 201]
    assert [struct.unpack_from("<I", b.payload, 52)[0] for b in batches] == [0, 500, 1_000]


def test_what_others_heard_is_not_ours_and_nothing_heard_closes_nothing():
    tower = collector()

    tower.close(heard(3, collector_id=5), EventLog(), AT_S)

    assert not tower.outgoing(AT_S)
    assert tower.seq == 0


@pytest.mark.parametrize(("arrived_s", "age"), [(AT_S - 100.0, 1_000), (AT_S + 2.0, 0)])
def test_a_frame_says_how_long_it_waited_and_is_never_from_the_future(arrived_s, age):
    tower = collector()

    tower.close(heard(1, arrived_s=arrived_s), EventLog(), AT_S)

    assert frames_in(tower.outgoing(AT_S)[0].payload)["rx_age"].tolist() == [age]


def test_only_an_acknowledged_batch_counts_as_sent():
    tower, talk = collector(), heard(600)
    tower.close(talk, EventLog(), AT_S)
    first, _ = tower.outgoing(AT_S)

    first.acknowledge()

    assert talk.heard[0].told.acknowledged.sum() == 500


def test_batches_wait_in_order_while_the_backhaul_is_away():
    backhaul = Backhaul(11, 4, START_S, Faults.NORMAL)
    steps = range(START_S, START_S + 31 * 86400, 300)
    away = [at_s for at_s in steps if not backhaul.is_up(at_s)]
    tower = collector(faults=Faults.NORMAL)
    for at_s in away[:2]:
        tower.close(heard(1), EventLog(), at_s)
        assert not tower.outgoing(at_s)

    back_s = next(at_s for at_s in steps if at_s > away[0] and backhaul.is_up(at_s))

    assert [seq_of(batch.payload) for batch in tower.outgoing(back_s)] == [1, 2]


def test_the_backhaul_is_away_once_a_month_for_minutes_or_hours():
    for collector_id in range(1, 6):
        backhaul = Backhaul(11, collector_id, START_S, Faults.NORMAL)
        up = [backhaul.is_up(START_S + minute * 60) for minute in range(30 * 1440)]
        away_minutes = up.count(False)
        assert 4 <= away_minutes <= 721


def test_sequence_numbers_outlive_the_process_and_a_new_start_has_a_new_boot_id(tmp_path):
    first = CounterFile(tmp_path / "counters.json")
    boot, seq = first.boot(4, seed=11)
    assert seq == 0
    first.keep({4: 31})

    second_boot, second_seq = CounterFile(tmp_path / "counters.json").boot(4, seed=11)

    assert second_seq == 31
    assert second_boot != boot
    assert json.loads((tmp_path / "counters.json").read_text()) == {"4": {"starts": 1, "seq": 31}}


def test_whoever_has_a_key_signs_what_it_sends_and_what_it_sends_again():
    backhaul, mishaps = Backhaul(11, 4, START_S, Faults.NONE), Mishaps(11, 4, Faults.NONE)
    tower = Collector(4, 99, 0, backhaul, mishaps, key=b"k" * 32)
    tower.close(heard(1), EventLog(), AT_S)
    sent = tower.outgoing(AT_S)
    tower.ask(b'{"op":"backfill","from_seq":1,"to_seq":1}', AT_S)
    tower.ask(b'{"op":"backfill","from_seq":7,"to_seq":7}', AT_S)

    payloads = [each.payload for each in (*sent, *tower.outgoing(AT_S))]

    assert len(payloads) == 3
    for payload in payloads:
        assert payload[6] & 0b10000
        assert payload[-32:] == hmac.digest(b"k" * 32, payload[:-32], "sha256")
