"""Which findings are told as events, and whose they are."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from mdms.domain.events import EndDeviceEvent
from mdms.domain.readings import Int64, Method
from mdms.domain.registry import ChannelTable
from mdms.domain.time import from_epoch_s
from mdms.services.vee_urgent import urgent
from tests.unit.mdms.services.vee_nights import channel_table
from tests.unit.vee import build
from tests.unit.vee.build import RULES, nothing_stored, slot_table
from vee import engine
from vee.amend import Amended, amend
from vee.block import Block
from vee.context import ELECTRIC, Context, Openings, Quantity
from vee.examination import V29
from vee.findings import findings
from vee.tally import tally

NOON = 48
OFF = NOON - 2
"""The interval at whose start the switch opened; the next one is let pass for grace."""
SLOTS = slot_table()
START = from_epoch_s(int(SLOTS.start_s[0]))
NOW = datetime(2026, 11, 4, 14, tzinfo=UTC)


def switched_off(block: Block, quantities: Sequence[Quantity] = (Quantity.DELIVERED,)) -> Block:
    """Return a block of one meter's channels, whose switch opened at `OFF`."""
    channels = np.arange(len(quantities))
    plain = Context.plain(np.full(len(quantities), ELECTRIC, np.uint8), len(block.slots.days))
    openings = Openings(
        channels,
        np.full(len(channels), block.slots.start_s[OFF]),
        np.full(len(channels), 2**62),
    )
    quantity = np.array(quantities, np.uint8)
    return replace(block, known=replace(plain, openings=openings, quantity=quantity))


def told(block: Block, table: ChannelTable | None = None) -> tuple[list[EndDeviceEvent], Amended]:
    """Return the events of a block that is judged, and its slots; its days say the same."""
    channels, days = len(block.channel_id), len(block.slots.days)
    judged = np.ones((channels, days), np.bool_)
    found = engine.validate(block, RULES, ahead=np.ones(days, np.bool_))
    amended = amend(build.judge(block), nothing_stored(block), found)
    listed = findings(found, amended, judged)
    table = one_meter(channels) if table is None else table
    events = urgent(found, amended, listed, table=table, rules=RULES, noticed_at=NOW)
    flagged = (tally(found, amended, RULES).flags & V29).any(axis=0)
    starts = block.slots.start_s[block.slots.first[np.flatnonzero(flagged)]].tolist()
    assert [event.at for event in events] == [from_epoch_s(start) for start in starts]
    return events, amended


def one_meter(channels: int) -> ChannelTable:
    """Return these channels of one meter."""
    table = channel_table(channels, interval_s=900)
    return replace(
        table,
        channel_id=np.arange(channels, dtype=np.int32),
        badge=np.full(channels, "M1", object),
        radio_id=np.ones(channels, np.int64),
    )


def exchanged_at(second: int) -> ChannelTable:
    """Return a channel whose meter got another radio then, newest installation first."""
    old = replace(one_meter(1), removed_s=np.array([second]))
    new = replace(
        old,
        radio_id=np.array([9]),
        installed_s=np.array([second]),
        removed_s=one_meter(1).removed_s,
    )
    parts = zip(vars_of(new), vars_of(old), strict=True)
    return ChannelTable(*(np.concatenate(part) for part in parts))


def vars_of(table: ChannelTable) -> list[np.ndarray]:
    return [getattr(table, name) for name in ChannelTable.__dataclass_fields__]


def used_once(quanta: int) -> Int64:
    """Return a day that uses 100 an interval until it is off, and then this in slot 60."""
    value = np.full((1, 96), 100)
    value[0, OFF:] = 0
    value[0, 60] = quanta
    return value


@pytest.mark.parametrize(("exchanged", "radio_id"), [(NOON - 4, 9), (NOON + 4, 1)])
def test_usage_behind_an_open_switch_is_that_of_the_radio_of_its_time(exchanged, radio_id):
    table = exchanged_at(int(SLOTS.start_s[exchanged]))

    ((event,), _) = told(switched_off(build.block(SLOTS)), table)

    assert (event.badge, event.radio_id) == ("M1", radio_id)
    assert (event.at, event.value) == (START, 49 * 100)


def test_each_day_is_told_where_it_starts_whichever_of_its_reads_came_first():
    slots = slot_table(days=2)
    late = build.block(slots, missing=range(OFF, 60))

    events = [told(switched_off(block))[0] for block in (late, build.block(slots))]

    days = [from_epoch_s(int(slots.start_s[first])) for first in (0, 96)]
    assert [[event.at for event in each] for each in events] == [days, days]


def test_a_meter_tells_once_what_its_channels_say_and_delivered_energy_first():
    value = np.stack([np.full(96, each) for each in (1200, 30, 300, 200)])
    quantities = (Quantity.VOLTAGE, Quantity.REACTIVE, Quantity.RECEIVED, Quantity.DELIVERED)

    events, _ = told(switched_off(build.block(SLOTS, value), quantities))

    assert [event.value for event in events] == [49 * 200]


def test_a_voltage_before_an_open_switch_is_no_news():
    value = np.stack([np.full(96, 1200), np.where(np.arange(96) < OFF, 100, 0)])

    events, _ = told(
        switched_off(build.block(SLOTS, value), (Quantity.VOLTAGE, Quantity.DELIVERED))
    )

    assert events == []


@pytest.mark.parametrize(
    ("counted", "status", "expected"),
    [
        pytest.param(5, "D", [], id="refuted"),
        pytest.param(900, "D", [900], id="less-than-received-but-used"),
        pytest.param(4000, "S", [5000], id="undecided"),
        pytest.param(5000, "A", [5000], id="confirmed"),
        pytest.param(None, "S", [5000], id="no-register"),
    ],
)
def test_usage_that_its_register_refutes_is_not_told(counted, status, expected):
    before = OFF * 100
    registers = [] if counted is None else [(0, 0), (OFF, before), (96, before + counted)]
    block = build.block(SLOTS, used_once(5000), registers=registers)

    events, amended = told(switched_off(block))

    assert [event.value for event in events] == expected
    assert chr(amended.status[0, 60]) == status


def test_what_a_register_counted_behind_an_open_switch_while_nothing_was_heard_is_told():
    before = OFF * 100
    block = build.block(
        SLOTS,
        used_once(0),
        missing=range(60, 64),
        registers=[(0, 0), (OFF, before), (96, before + 800)],
    )

    events, amended = told(switched_off(block))

    assert [event.value for event in events] == [800]
    assert set(amended.method[0, 60:64]).isdisjoint({Method.NONE, Method.Z2})
