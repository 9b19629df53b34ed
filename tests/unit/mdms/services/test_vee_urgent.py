"""Which findings are told as events, and whose they are."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from mdms.domain.registry import ChannelTable
from mdms.domain.time import from_epoch_s
from mdms.services.vee_urgent import urgent
from tests.unit.mdms.services.vee_nights import channel_table
from tests.unit.vee import build
from tests.unit.vee.build import RULES, nothing_stored, slot_table
from vee.amend import amend
from vee.context import ELECTRIC, Context, Openings
from vee.days import findings
from vee.examination import examine

NOON = 48
NOW = datetime(2026, 11, 4, 14, tzinfo=UTC)


def exchanged_at(second: int) -> ChannelTable:
    """Return a channel whose meter got another radio then, newest installation first."""
    whole = channel_table(1, interval_s=900)
    old = replace(whole, channel_id=np.zeros(1, np.int32), removed_s=np.array([second]))
    new = replace(
        old,
        radio_id=np.array([9]),
        installed_s=np.array([second]),
        removed_s=whole.removed_s,
    )
    parts = zip(vars_of(new), vars_of(old), strict=True)
    return ChannelTable(*(np.concatenate(part) for part in parts))


def vars_of(table: ChannelTable) -> list[np.ndarray]:
    return [getattr(table, name) for name in ChannelTable.__dataclass_fields__]


@pytest.mark.parametrize(("exchanged", "radio_id"), [(NOON - 4, 9), (NOON + 4, 1)])
def test_usage_behind_an_open_switch_is_that_of_the_radio_of_its_time(exchanged, radio_id):
    slots = slot_table()
    off = Openings(np.array([0]), slots.start_s[[NOON - 2]], np.array([2**62]))
    known = replace(Context.plain(np.array([ELECTRIC], np.uint8), 1), openings=off)
    block = replace(build.block(slots), known=known)
    found, outcome = examine(block, RULES), build.judge(block)
    amended = amend(outcome, nothing_stored(block), found)
    listed = findings(found, amended, np.ones((1, 1), np.bool_))

    (event,) = urgent(found, amended, listed, exchanged_at(int(slots.start_s[exchanged])), NOW)

    assert (event.badge, event.radio_id) == ("M1", radio_id)
    assert (event.at, event.value) == (from_epoch_s(int(slots.start_s[NOON - 1])), 49 * 100)
