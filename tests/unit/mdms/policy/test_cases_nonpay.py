"""Cases of policy.md 2.6 on non-payment: B01 to B31, B43, B44, through stated facts."""

from datetime import timedelta

import pytest

from mdms.domain.registry import Commodity
from mdms.policy.decision import Verdict
from tests.policy import Expected, check, local, long_past, nonpay, show

ALLOW, DENY = Verdict.ALLOW, Verdict.DENY
AT = "2026-12-10 10:05"

WITHOUT_ASSISTANCE = "name_address amount_fee pay_by complaint_on_bill amortisation telephone"
SPRING = long_past("2027-03-13 10:00")
STATE_DAY = long_past("2027-03-25 10:00")
CLOSURE = long_past("2026-12-21 10:00")

NONPAY = {
    "B01": ("2026-12-10 10:05", Expected(ALLOW, "NP_OK")),
    "B02": ("2026-12-10 09:59:59", Expected(DENY, "NP_48H_RUNNING", "2026-12-10 10:00:00")),
    "B03": ("2026-12-10 15:30", Expected(DENY, "NP_LATE_MARGIN", "2026-12-14 08:00:00")),
    "B04": ("2026-12-11 00:00", Expected(DENY, "NP_FRIDAY", "2026-12-14 08:00:00")),
    "B05": (
        "2026-12-03 16:59",
        Expected(DENY, "NP_OFFICE_CLOSED", "2026-12-07 08:00:00", long_past("2026-12-01 16:59")),
    ),
    "B06": (
        "2026-12-07 08:00",
        Expected(DENY, "NP_NOT_DUE", "never", long_past("2026-12-01 16:59") | {"past_due": "0"}),
    ),
    "B07": (
        "2027-07-05 10:00",
        Expected(DENY, "NP_HOLIDAY", "2027-07-06 08:00:00", long_past("2027-07-01 10:00")),
    ),
    "B08": ("2027-03-15 10:30", Expected(DENY, "NP_48H_RUNNING", "2027-03-15 11:00:00", SPRING)),
    "B09": ("2027-03-15 11:00", Expected(ALLOW, "NP_OK", changes=SPRING)),
    "B10": ("2026-11-02 08:00", Expected(ALLOW, "NP_OK", changes=long_past("2026-10-31 09:00"))),
    # B11: that the dispatcher then lets the command expire is shown where its life is tested.
    "B11": ("2026-12-10 16:27", Expected(DENY, "NP_LATE_MARGIN", "2026-12-14 08:00:00")),
    "B12": (
        AT,
        Expected(
            DENY,
            "NP_PAYMENT_PENDING",
            "2026-12-14 08:00:00",
            {"payment_started_at": "2026-12-10 09:30"},
        ),
    ),
    "B13": (AT, Expected(DENY, "NP_STALE", "never", {"payments_through": "2026-12-10 07:05"})),
    "B14": (AT, Expected(DENY, "NP_DISPUTE", "never", {"dispute": "open"})),
    "B15": (
        AT,
        Expected(
            DENY,
            "NP_48H_NEW",
            "never",
            {"dispute": "answered", "dispute_answered_at": "2026-12-10 09:00"},
        ),
    ),
    "B16": (AT, Expected(DENY, "NP_ARRANGEMENT", "never", {"arrangement": "kept"})),
    "B17": (
        AT,
        Expected(
            DENY,
            "NP_48H_NEW",
            "never",
            {"arrangement": "broken", "arrangement_ended_at": "2026-12-09 00:00"},
        ),
    ),
    "B18": (
        AT,
        Expected(
            DENY,
            "NP_BILL_INCORRECT",
            changes={
                "bill_incorrect": "yes",
                "corrected_issued_on": "2026-12-05",
                "corrected_due_on": "2026-12-25",
            },
        ),
    ),
    "B19": (
        "2027-02-27 10:00",
        Expected(
            DENY,
            "NP_MILITARY",
            changes=long_past("2027-02-24 10:00") | {"military_granted_on": "2026-09-01"},
        ),
    ),
    "B21": (
        "2027-08-26 10:00",
        Expected(
            DENY,
            "NP_MILITARY",
            changes=long_past("2027-08-23 10:00")
            | {"military_granted_on": "2026-09-01", "military_extended": "yes"},
        ),
    ),
    "B22": (
        AT,
        Expected(
            DENY,
            "NP_NO_LATE_NOTICE",
            "never",
            {"late_notice_issued_on": "2026-11-13", "late_notice_mailed_on": "2026-11-13"},
        ),
    ),
    "B24": (
        AT,
        Expected(
            DENY,
            "NP_48H_CONTENT",
            "never",
            {"notice_48h_contents": WITHOUT_ASSISTANCE},
        ),
    ),
    "B25": (AT, Expected(DENY, "NP_NO_48H", "never", {"notice_48h_delivered_at": "none"})),
    "B26": (AT, Expected(DENY, "NP_THIRD_PARTY", "never", {"third_party_notice": "unserved"})),
    "B27": ("2027-03-31 10:00", Expected(DENY, "NP_HOLIDAY", "2027-04-01 08:00:00", STATE_DAY)),
    "B28": ("2026-12-28 10:00", Expected(DENY, "NP_OFFICE_CLOSED", "2027-01-04 08:00:00", CLOSURE)),
    "B29": (AT, Expected(DENY, "NP_OFFICE_CLOSED", "never", {"call_centre": "down"})),
    "B30": ("2026-12-11 10:05", Expected(DENY, "RD_NOT_PILOT", "never", known={"pilot": False})),
    "B31": (AT, Expected(DENY, "RD_NOT_ELECTRIC", "never", known={"commodity": Commodity.GAS})),
    "B43": (AT, Expected(DENY, "RD_MEDICAL", "never", {"premise_flags": "life_support"})),
    "B44": (AT, Expected(DENY, "METER_CHANGED", "never", known={"installed": False})),
}


@pytest.mark.parametrize(("at", "expected"), NONPAY.values(), ids=NONPAY.keys())
def test_a_disconnect_for_non_payment(at, expected):
    check(nonpay(local(at), expected.changes, **expected.known), expected)


def test_what_is_allowed_ends_before_the_window_does():  # B01
    decision = nonpay(local(AT), {})

    assert show(decision.not_after) == "2026-12-10 16:25:00"
    assert decision.findings[0].code == decision.code == "NP_OK"


def test_a_late_hour_and_a_friday_are_both_named():  # B30: and the same calendar is applied
    decision = nonpay(local("2026-12-11 10:05"), {}, pilot=False)

    assert decision.codes == ("RD_NOT_PILOT", "NP_FRIDAY")


def test_a_corrected_bill_is_not_due_either():  # B18, policy.md 8.10
    at, expected = NONPAY["B18"]

    decision = nonpay(local(at), expected.changes)

    assert {"NP_NOT_DUE", "NP_BILL_INCORRECT"} <= set(decision.codes)


PROTECTED_UNTIL = [
    pytest.param("2027-03-01 10:00", "2027-02-25 10:00", "no", id="B20"),
    pytest.param("2027-08-28 10:00", "2027-08-25 10:00", "yes", id="B21"),
]


@pytest.mark.parametrize(("at", "delivered", "extended"), PROTECTED_UNTIL)
def test_a_military_protection_ends_with_its_last_day(at, delivered, extended):
    changes = long_past(delivered) | {
        "military_granted_on": "2026-09-01",
        "military_extended": extended,
    }

    assert "NP_MILITARY" not in nonpay(local(at), changes).codes


@pytest.mark.parametrize(
    ("at", "code"),
    [
        pytest.param("2026-12-01 10:00", "NP_10DAY", id="B23"),
        pytest.param("2026-12-02 10:00", "NP_NO_48H", id="B23-after"),
    ],
)
def test_a_pay_by_date_before_the_lawful_one_voids_the_48_hour_notice(at, code):
    changes = {
        "late_notice_pay_by": "2026-11-26",
        "notice_48h_delivered_at": "2026-11-27 10:00",
        "contact_attempted_at": "2026-11-27 10:00",
    }

    decision = nonpay(local(at), changes)

    assert decision.verdict is DENY
    assert code in decision.codes
    assert "NP_NO_48H" in decision.codes  # only a new 48-hour notice cures it
    assert decision.next_possible_at is None


WAITS = {
    "NP_48H_RUNNING": ("notice_48h_delivered_at", timedelta(hours=48)),
    "NP_CONTACT": ("contact_attempted_at", timedelta(hours=24)),
    "NP_PAYMENT_PENDING": ("payment_started_at", timedelta(hours=24)),
}


@pytest.mark.parametrize(("code", "fact", "wait"), [(c, *w) for c, w in WAITS.items()])
def test_a_wait_is_over_at_its_last_second_and_no_sooner(code, fact, wait):
    at = local("2026-12-10 12:00")
    over = {fact: (at - wait).isoformat()}
    runs = {fact: (at - wait + timedelta(seconds=1)).isoformat()}

    assert nonpay(at, over).allowed
    assert nonpay(at, runs).codes == (code,)
    assert nonpay(at, runs).next_possible_at == at + timedelta(seconds=1)


@pytest.mark.parametrize("feed", ["payments_through", "cases_through"])
def test_news_is_stale_after_a_quarter_of_an_hour(feed):
    at = local("2026-12-10 12:00")
    fresh, stale = (at - timedelta(minutes=15, seconds=offset) for offset in (-1, 0))

    assert nonpay(at, {feed: fresh.isoformat()}).allowed
    assert nonpay(at, {feed: stale.isoformat()}).codes == ("NP_STALE",)
    assert nonpay(at, {feed: ""}).codes == ("NP_STALE",)


def test_the_cases_leave_no_number_out():
    numbers = [*range(1, 32), 43, 44]

    assert {f"B{number:02}" for number in numbers} == {*NONPAY, "B20", "B23"}
