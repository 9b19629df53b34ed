"""From what was said of a clock to the stretch of time in which it was off."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from mdms.domain.events import EventCode
from mdms.domain.time import to_epoch_s
from mdms.ports.circumstances import ClockReport
from mdms.services.vee_clocks import clocks
from vee.block import SlotTable

NOON = datetime(2026, 11, 10, 20, tzinfo=UTC)
SLOTS = SlotTable.of_days(
    date(2026, 11, 10), date(2026, 11, 11), interval_s=900, zone=ZoneInfo("America/Los_Angeles")
)
CHANNELS = np.array([3, 5], np.int32)


def off(hours: float, offset_s: int, *, channel: int = 5, cleared: bool = False) -> ClockReport:
    at = NOON + timedelta(hours=hours)
    return ClockReport(channel, at, EventCode.CLOCK_OFF, offset_s, cleared)


def spans(*reports: ClockReport) -> list[tuple[int, float, float, int]]:
    """Return row, hours from noon on, hours until, and offset."""
    found = clocks(reports, CHANNELS, SLOTS)
    hours = ((each - to_epoch_s(NOON)) / 3600 for each in (found.from_s, found.until_s))
    columns = (found.channel, *hours, found.offset_s)
    return list(zip(*(each.tolist() for each in columns), strict=True))


def test_a_clock_is_off_from_the_first_frame_that_says_so_until_it_is_right():
    said = [off(0, -3000), off(1, -3400), off(6, -3500), off(7, -3500, cleared=True)]

    (span,) = spans(*said)

    assert span == (1, -13 / 4 - 3000 / 3600, 7, -3500)


def test_a_clock_of_which_no_more_is_said_is_off_for_a_day():
    assert spans(off(0, 250)) == [(1, -13 / 4, 24, 250)]


def test_what_is_said_days_later_is_another_error():
    assert [each[1:] for each in spans(off(0, 200), off(30, 400))] == [
        (-13 / 4, 24, 200),
        (30 - 13 / 4, 54, 400),
    ]


def test_each_meter_has_a_clock_of_its_own():
    rows = [each[0] for each in spans(off(0, 200, channel=3), off(0, 200))]

    assert rows == [0, 1]


def test_a_clock_that_was_set_was_off_by_as_much_since_the_last_check():
    forward = ClockReport(5, NOON, EventCode.CLOCK_SET, 1200, cleared=False)

    assert spans(forward) == [(1, -24, 0, -1200)]


def test_a_clock_that_is_right_is_no_error():
    assert spans(off(0, -3000, cleared=True)) == []
