"""Which channel a file means, and what cannot be true of its reads."""

from dataclasses import replace

import numpy as np
import pytest

from mdms.billing.formats.flaws import Flaw
from mdms.billing.formats.runs import MeterName, PassedOver, Refusal, Run, Said
from mdms.domain.registry import ChannelTable, Commodity
from mdms.services.import_channels import ImportChannels
from mdms.services.import_intake import BATCH_MAX, PAST_S_MAX, Batch, Intake
from tests.channels import Installed, channel_table

NOW_S = 1_793_700_000
NOON_S = 1_793_620_800
"""The day before, on a boundary of every length."""
MOVED_S = NOON_S


def table() -> ChannelTable:
    """Return M1, its received channel, a meter that moved to other transformers, a silent one."""
    made = channel_table(
        Installed(channel_id=1, radio_id=11),
        Installed(channel_id=2, radio_id=11, wire_channel=0x11),
        Installed(channel_id=3, radio_id=33, removed_s=MOVED_S),
        Installed(channel_id=3, radio_id=34, installed_s=MOVED_S),
        Installed(channel_id=4, radio_id=44, radio_on=False),
    )
    return replace(
        made,
        badge=np.array(["M1", "M1", "M3", "M3", "M4"], object),
        usage_point_id=np.array(["U1", "U1", "U3", "U1b", "U4"], object),
        multiplier=np.array([1, 1, 1, 40, 1]),
    )


def intake(meter: str = "") -> Intake:
    channels = ImportChannels.of(table(), meter=meter, aliases={"uuid-of-u1": "U1"})
    return Intake(channels, now_s=NOW_S, recorded_us=NOW_S * 1_000_000)


def run(
    *value: int,
    at_s: int = NOON_S,
    name: str = "M1",
    channel: int = 0,
    interval_s: int | None = 900,
    multiplier: int | None = None,
    radio_id: int | None = None,
    line: int = 7,
) -> Run:
    step_s = interval_s or 900
    return Run(
        line, MeterName((name,) if name else (), radio_id), Commodity.ELECTRIC, channel,
        interval_s, multiplier, [at_s + place * step_s for place in range(len(value))], list(value),
    )  # fmt: skip


def take(*said: Said, meter: str = "") -> tuple[Intake, list[Batch]]:
    made = intake(meter)
    return made, list(made.batches(iter(said)))


def flaws(made: Intake) -> list[tuple[int, str]]:
    return [(row.line, row.flaw) for row in made.refused]


@pytest.mark.parametrize(
    ("name", "radio_id", "channel_id"),
    [("M1", None, 1), ("U1", None, 1), ("uuid-of-u1", None, 1), ("M1", 11, 1), ("", 11, 1)],
)
def test_a_meter_is_known_by_badge_usage_point_alias_or_radio(name, radio_id, channel_id):
    made, (batch,) = take(run(5, name=name, radio_id=radio_id))

    assert flaws(made) == []
    assert batch.intervals.channel_id.tolist() == [channel_id]
    assert batch.intervals.start_s.tolist() == [NOON_S]


def test_a_quantity_has_its_channel():
    _, (batch,) = take(run(5, channel=1), run(6, interval_s=None))

    assert batch.intervals.channel_id.tolist() == [2]
    assert batch.registers.channel_id.tolist() == [1]


@pytest.mark.parametrize(
    ("said", "flaw"),
    [
        (run(5, name="X9"), Flaw.UNKNOWN_METER),
        (run(5, name="M1", radio_id=44), Flaw.UNKNOWN_METER),
        (run(5, name="", radio_id=99), Flaw.UNKNOWN_METER),
        (run(5, channel=3), Flaw.UNKNOWN_CHANNEL),
        (run(5, interval_s=1800), Flaw.BAD_INTERVAL),
        (run(5, multiplier=3), Flaw.BAD_MULTIPLIER),
        (run(5, at_s=NOON_S + 200), Flaw.BAD_ALIGNMENT),
        (run(5, at_s=NOON_S + 900 * 200), Flaw.TIME_FUTURE),
        (run(5, at_s=NOON_S - NOON_S % 900 - PAST_S_MAX), Flaw.TIME_PAST),
        (run(5, name="M4"), Flaw.OPTED_OUT),
        (run(10**9, interval_s=None), Flaw.BAD_VALUE),
        (run(5, interval_s=None, at_s=NOW_S + 301), Flaw.TIME_FUTURE),
    ],
)
def test_what_cannot_be_true_is_refused(said, flaw):
    made, (batch,) = take(said)

    assert flaws(made) == [(7, flaw)]
    assert (len(batch.intervals), len(batch.registers)) == (0, 0)


def test_a_row_with_one_bad_value_is_refused_as_a_whole():
    made, (batch,) = take(run(1, 2, 3, at_s=NOON_S + 900 * 86), run(4, line=8))

    assert flaws(made) == [(7, Flaw.TIME_FUTURE)]
    assert batch.intervals.value.tolist() == [4]


def test_ends_that_wander_a_little_are_put_on_their_boundary():
    _, (batch,) = take(run(5, at_s=NOON_S + 150), run(6, at_s=NOON_S + 900 - 149))

    assert batch.intervals.start_s.tolist() == [NOON_S, NOON_S + 900]


def test_a_register_keeps_its_own_instant_wherever_it_lies():
    _, (batch,) = take(run(5, at_s=NOON_S + 333, interval_s=None))

    assert batch.registers.at_s.tolist() == [NOON_S + 333]


def test_a_meter_that_moved_is_read_where_it_was():
    before, after = run(1, at_s=MOVED_S - 900, name="U3"), run(2, at_s=MOVED_S, name="U1b")
    wrong = run(3, at_s=MOVED_S - 450, name="M3", interval_s=None, multiplier=40)

    made, (batch,) = take(before, after, wrong)

    assert batch.intervals.channel_id.tolist() == [3, 3]
    assert flaws(made) == [(7, Flaw.BAD_MULTIPLIER)]


def test_values_of_intervals_become_primary_and_registers_stay():
    _, (batch,) = take(
        run(5, name="M3", at_s=MOVED_S, multiplier=40),
        run(6, name="M3", at_s=MOVED_S + 900, multiplier=1),
        run(7, name="M3", at_s=MOVED_S, multiplier=40, interval_s=None),
    )

    assert batch.intervals.value.tolist() == [200, 6]
    assert batch.registers.value.tolist() == [7]


def test_whoever_hands_it_in_may_say_whose_it_is():
    made, (batch,) = take(run(5, name="foreign", radio_id=44), meter="M1")

    assert flaws(made) == []
    assert batch.intervals.channel_id.tolist() == [1]


def test_the_account_adds_up():
    made, _ = take(
        run(5, 6), run(7, interval_s=None), PassedOver(1, "MLA01"), PassedOver(2, "MLA01"),
        Refusal(3, Flaw.BAD_COUNT, "x"),
        replace(run(8, at_s=NOON_S + 9000), placeholders=2, not_read=3, rounded=1),
    )  # fmt: skip

    assert made.counts["interval_count"] == 3
    assert made.counts["register_count"] == 1
    assert (made.counts["no_value_count"], made.counts["not_read_count"]) == (2, 3)
    assert (made.counts["rounded_count"], made.counts["refused_count"]) == (1, 1)
    assert (dict(made.passed_over), dict(made.totals)) == ({"MLA01": 2}, {"Wh": 19})
    assert not made.is_damaged


def test_damage_of_the_file_is_remembered():
    made, _ = take(Refusal(0, Flaw.TRUNCATED, "cut off"))

    assert made.is_damaged


def test_reads_come_in_batches_of_bounded_size():
    values = [1] * 40
    count = BATCH_MAX // len(values)

    _, batches = take(*(run(*values, at_s=NOON_S) for _ in range(count + 3)))

    assert [len(batch.intervals) for batch in batches] == [BATCH_MAX, 120]
