"""Cases C01 to C12 of policy.md: the window in which a supply may be cut off for non-payment."""

from datetime import timedelta

import pytest

from mdms.domain.errors import UsageError
from mdms.policy.calendars import Calendar
from mdms.policy.decision import Verdict
from tests.policy import CALENDAR, RULES, ZONE, local, nonpay, show, texts

UNTIL = RULES.nonpay.send_until

CASES = [
    pytest.param("2026-12-10 07:59:59", "OFFICE_CLOSED", "2026-12-10 08:00:00", id="C01"),
    pytest.param("2026-12-10 16:30:00", "OFFICE_CLOSED", "2026-12-14 08:00:00", id="C03"),
    pytest.param("2026-12-10 23:59:59", "OFFICE_CLOSED", "2026-12-14 08:00:00", id="C04"),
    pytest.param("2026-12-11 00:00:00", "FRIDAY", "2026-12-14 08:00:00", id="C05"),
    pytest.param("2027-07-05 10:00", "LEGAL_HOLIDAY", "2027-07-06 08:00:00", id="C06"),
    pytest.param("2027-03-31 10:00", "LEGAL_HOLIDAY", "2027-04-01 08:00:00", id="C07"),
    pytest.param("2026-10-12 10:00", "LEGAL_HOLIDAY", "2026-10-13 08:00:00", id="C08"),
    pytest.param("2026-12-28 10:00", "OFFICE_CLOSED", "2027-01-04 08:00:00", id="C09"),
    pytest.param("2026-11-11 10:00", "LEGAL_HOLIDAY", "2026-11-12 08:00:00", id="C10"),
]


@pytest.mark.parametrize(("at", "code", "opening"), CASES)
def test_the_window_is_closed_and_its_next_opening_is_known(at, code, opening):
    assert not CALENDAR.np_window(local(at))
    assert code in CALENDAR.closures(local(at))
    assert show(CALENDAR.next_np_opening(local(at), until=UNTIL)) == opening


@pytest.mark.parametrize("at", [pytest.param("2026-12-10 16:29:59", id="C02")])
def test_the_window_is_open_to_its_last_second_but_the_margin_says_no(at):
    assert CALENDAR.np_window(local(at))
    assert CALENDAR.closures(local(at)) == ()

    decision = nonpay(local(at), {})

    assert decision.verdict is Verdict.DENY
    assert decision.codes == ("NP_LATE_MARGIN",)


@pytest.mark.parametrize("at", [pytest.param("2027-03-14 02:30", id="C11")])
def test_a_local_time_that_does_not_exist_is_no_time(at):
    with pytest.raises(UsageError, match="does not exist"):
        local(at)

    before, after = local("2027-03-14 01:59:59"), local("2027-03-14 03:00")
    assert (after - before).total_seconds() == 1
    for instant in (before, after):
        assert not CALENDAR.np_window(instant)
        assert show(CALENDAR.next_np_opening(instant, until=UNTIL)) == "2027-03-15 08:00:00"


@pytest.mark.parametrize("at", [pytest.param("2028-02-01 10:00", id="C12")])
def test_a_year_that_nobody_signed_is_closed_without_a_next_opening(at):
    assert not CALENDAR.np_window(local(at))
    assert CALENDAR.closures(local(at)) == ("CALENDAR_MISSING",)
    assert CALENDAR.next_np_opening(local(at)) is None

    decision = nonpay(local(at), {})

    assert decision.verdict is Verdict.DENY  # the stricter row wins: policy.md 8.2
    assert "CALENDAR_MISSING" in decision.codes
    assert decision.next_possible_at is None


def test_the_last_days_before_a_missing_year_have_no_next_opening():
    assert CALENDAR.next_np_opening(local("2027-12-30 16:30")) is None


def test_a_local_time_that_exists_twice_needs_its_offset():
    with pytest.raises(UsageError, match="exists twice"):
        local("2026-11-01 01:30")

    assert show(local("2026-11-01 01:30-08:00")) == "2026-11-01 01:30:00"


def test_an_unsigned_year_is_as_good_as_none():
    unsigned = {
        name: text.replace('signed_by = "example"', 'signed_by = ""')
        for name, text in texts("calendars").items()
    }

    calendar = Calendar.parse(unsigned, ZONE)

    assert calendar.closures(local("2026-12-10 10:05")) == ("CALENDAR_MISSING",)


def test_unknown_hours_of_the_call_centre_are_closed():
    (text,) = (text for name, text in texts("calendars").items() if name == "2026.toml")
    start, end = text.index("[call_centre]"), text.index("[city]")

    calendar = Calendar.parse({"2026.toml": text[:start] + text[end:]}, ZONE)

    assert calendar.office_open(local("2026-12-10 10:05"))
    assert calendar.closures(local("2026-12-10 10:05")) == ("OFFICE_CLOSED",)


def test_the_window_is_open_while_office_and_call_centre_both_are():
    (text,) = (text for name, text in texts("calendars").items() if name == "2026.toml")
    start = text.index("opens", text.index("[call_centre]"))
    text = text[:start] + "opens = 09:00:00\ncloses = 16:00:00\n" + text[text.index("[city]") :]
    calendar = Calendar.parse({"2026.toml": text}, ZONE)
    day = local("2026-12-10 12:00").date()

    window = calendar.np_hours(day)

    assert window
    assert [show(each) for each in window] == ["2026-12-10 09:00:00", "2026-12-10 16:00:00"]
    assert calendar.office_open(local("2026-12-10 08:59:59"))
    assert not calendar.np_window(local("2026-12-10 08:59:59"))


def test_the_office_opens_again_on_its_next_working_day():
    at = local("2026-12-10 16:30")  # the closed Friday is the week after

    assert show(CALENDAR.next_office_opening(at)) == "2026-12-11 08:00:00"
    assert show(CALENDAR.next_office_opening(at + timedelta(days=7))) == "2026-12-21 08:00:00"


def test_days_off_are_no_excuse_for_what_we_owe():
    friday_off, closure = local("2026-12-04 12:00").date(), local("2026-12-24 12:00").date()
    assert not CALENDAR.office_open(local("2026-12-04 12:00"))

    assert CALENDAR.deadline_day(friday_off)
    assert CALENDAR.deadline_day(closure)
