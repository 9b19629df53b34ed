"""Whole runs without a broker: what was published is what the ledger says, to the quantum."""

import struct
from collections import defaultdict
from datetime import date
from pathlib import Path
from typing import Any, Protocol
from zlib import crc32

import numpy as np
import pandas as pd
import pytest

from mdms.domain.reading_types import VOLTAGE_CHANNEL
from simulators.city import City
from simulators.encoders import READING, Frames
from simulators.radio import Faults

VOLTAGE = 0x14
"""FNB1 channel byte."""

pytestmark = pytest.mark.slow

Key = tuple[str, int, int]
"""Badge, channel byte, start of the interval in seconds."""


class Played(Protocol):
    """What `play` returns; a conftest cannot be imported from."""

    city: City
    recorder: Any
    truth: Path

    def table(self, name: str) -> pd.DataFrame: ...


def frames_of(played: Played) -> Frames:
    payloads = [payload for _, payload in played.recorder.published if is_readable(payload)]
    return np.concatenate([np.frombuffer(payload[64:], READING) for payload in payloads])


def is_readable(payload: bytes) -> bool:
    """Whether it is an undamaged batch of readings."""
    crc, schema = struct.unpack_from("<I", payload, 60), struct.unpack_from("<H", payload, 38)
    return crc == (crc32(payload[:60] + payload[64:]),) and schema == (1,)


def carried_by(played: Played) -> tuple[dict[Key, int], dict[Key, set[int]]]:
    """Decode by hand: {(badge, channel byte, start second): value} and its count of frames."""
    badges = {meter.radio_id: meter.badge for meter in played.city.registry.meters}
    values: dict[Key, int] = {}
    seen: dict[Key, set[int]] = defaultdict(set)
    for frame in frames_of(played):
        step_s = int(frame["ilen"]) * 60
        end_s = round(int(frame["t_newest"]) / step_s) * step_s
        for k in range(int(frame["n"])):
            key = badges[int(frame["meter_id"])], int(frame["chan"]), end_s - (k + 1) * step_s
            if (int(frame["q"]) >> 2 * k) & 3 == 0:
                assert values.setdefault(key, int(frame["delta"][k])) == int(frame["delta"][k])
                seen[key].add(int(frame["seq"]))
    return values, seen


def truth_of(played: Played) -> dict[Key, tuple[int, bool]]:
    """Return the ledger's intervals under the same keys: value and whether sent."""
    table = played.table("intervals")
    wire = {
        (channel.badge, channel.reading_type): (
            {"E": 0x10, "W": 0x20, "G": 0x30}[channel.badge[0]] + channel.channel
        )
        for channel in played.city.registry.channels
    }
    start_s = table["start_utc"].astype("int64") // 1_000_000
    kind = [wire[key] for key in zip(table["meter"], table["reading_type"], strict=True)]
    keys = zip(table["meter"], kind, start_s, strict=True)
    return dict(zip(keys, zip(table["value"], table["sent"], strict=True), strict=True))


@pytest.mark.parametrize("faults", list(Faults))
async def test_the_ledger_says_exactly_what_was_published(play, faults):
    played = await play(meters=40, days=3, faults=faults)

    values, _ = carried_by(played)
    truth = truth_of(played)

    assert {key for key, (_, sent) in truth.items() if sent} == values.keys()
    assert all(truth[key][0] == value for key, value in values.items())


async def test_without_faults_only_the_tail_is_not_sent_and_everything_comes_thrice(play):
    played = await play(meters=40, days=2)

    table = played.table("intervals")
    last = table["start_utc"].max()
    unsent = table[~table["sent"]]
    assert (last - unsent["start_utc"]).max() < pd.Timedelta(hours=5)
    _, seen = carried_by(played)
    middle = [
        len(sequences)
        for (_, _, start_s), sequences in seen.items()
        if played.city.start_s + 13 * 3600 < start_s < last.timestamp() - 15 * 3600
    ]
    assert np.mean(middle) == pytest.approx(3.0, abs=0.15)


async def test_registers_in_the_ledger_are_the_ones_on_the_wire(play):
    played = await play(meters=40, days=2, faults=Faults.NORMAL)
    badges = {meter.radio_id: meter.badge for meter in played.city.registry.meters}

    registers = played.table("registers")
    sent = registers[registers["sent"]]

    seconds = sent["at_utc"].astype("int64") // 1_000_000
    told = set(zip(sent["meter"], seconds, sent["value"], strict=True))
    wire = {
        (badges[int(f["meter_id"])], int(f["t_newest"]), int(f["register"]))
        for f in frames_of(played)
        if f["chan"] != VOLTAGE
    }
    assert told == wire
    assert not any(f["register"] for f in frames_of(played) if f["chan"] == VOLTAGE)
    assert not registers.duplicated(["meter", "reading_type", "at_utc"]).any()


async def test_register_differences_equal_the_true_intervals_between_them(play):
    played = await play(meters=40, days=2)
    moduli = {m.badge: 10**m.register_dials for m in played.city.registry.meters}
    intervals = played.table("intervals").set_index("start_utc").sort_index()
    registers = played.table("registers").sort_values("at_utc")

    wrapped = 0
    for (badge, kind), reads in registers.groupby(["meter", "reading_type"]):
        first, last = reads.iloc[0], reads.iloc[-1]
        mine = intervals[(intervals["meter"] == badge) & (intervals["reading_type"] == kind)]
        between = mine[(mine.index >= first["at_utc"]) & (mine.index < last["at_utc"])]
        difference = (last["value"] - first["value"]) % moduli[badge]
        assert difference == between["value"].sum()
        wrapped += last["value"] < first["value"]
    assert wrapped >= 1


async def test_the_register_at_the_start_is_told(play):
    played = await play(meters=40, days=1)

    registers = played.table("registers")

    at_start = registers[
        registers["at_utc"] == pd.Timestamp(played.city.start_s, unit="s", tz="UTC")
    ]
    counted = [each for each in played.city.registry.channels if each.channel != VOLTAGE_CHANNEL]
    assert len(at_start) == len(counted)
    assert at_start["sent"].all()


async def test_the_same_seed_publishes_the_same_bytes(play):
    once = await play(days=1, faults=Faults.NORMAL, name="once")
    again = await play(days=1, faults=Faults.NORMAL, name="again")
    other = await play(days=1, faults=Faults.NORMAL, name="other", seed=12)

    assert once.recorder.published == again.recorder.published
    assert once.recorder.published != other.recorder.published


async def test_a_step_is_granted_after_all_that_belongs_to_it_was_published(play):
    played = await play(days=1)

    grants = played.recorder.grants
    assert [step for step, *_ in grants] == list(range(97))
    assert grants[0] == (0, played.city.start_s, {}, 0)
    assert [at_s - played.city.start_s for _, at_s, *_ in grants] == [900 * k for k in range(97)]
    newest = {}
    for (_, at_s, seqs, published), before in zip(grants[1:], grants, strict=False):
        for collector_id, payload in played.recorder.published[before[3] : published]:
            assert int.from_bytes(payload[24:32], "little") == at_s * 1_000_000
            newest[collector_id] = int.from_bytes(payload[16:24], "little")
        assert seqs == newest


@pytest.mark.parametrize("start", [date(2026, 10, 31), date(2027, 3, 13)])
async def test_runs_cross_the_clock_change(play, start):
    played = await play(start=start, days=2)

    values, _ = carried_by(played)
    truth = truth_of(played)

    assert {key for key, (_, sent) in truth.items() if sent} == values.keys()


async def test_progress_is_reported_every_few_simulated_hours(play):
    played = await play(days=1)

    assert [report.step for report in played.reports] == [16, 32, 48, 64, 80, 96]
    assert {report.steps for report in played.reports} == {96}
    assert not any(report.done for report in played.reports)
    assert played.reports[-1].messages == len(played.recorder.published)


async def test_every_table_of_the_truth_is_there_with_its_columns(play):
    played = await play(meters=400, days=1)

    columns = {path.stem: list(pd.read_parquet(path)) for path in played.truth.glob("*.parquet")}

    assert columns == {
        "intervals": ["meter", "reading_type", "start_utc", "value", "sent"],
        "registers": ["meter", "reading_type", "at_utc", "value", "sent"],
        "expected": ["meter", "reading_type", "from_utc", "to_utc"],
        "leaks": ["meter", "from_utc", "to_utc", "kind", "rate_quanta_per_h"],
        "events": ["meter", "at_utc", "code", "sub", "value", "stamp_utc", "sent"],
        "switches": ["meter", "at_utc", "position", "command_id"],
    }
    assert not list(played.truth.glob(".spool-*"))
    assert len(played.table("expected")) == len(played.city.registry.channels)
    assert str(played.table("intervals")["start_utc"].dtype) == "datetime64[us, UTC]"


async def test_a_long_run_spools_its_days_and_loses_none(play):
    played = await play(meters=10, days=7)

    intervals = played.table("intervals")
    per_channel = intervals.groupby(["meter", "reading_type"]).size()

    assert set(per_channel) == {7 * 96, 7 * 24}
    assert not intervals.duplicated(["meter", "reading_type", "start_utc"]).any()
