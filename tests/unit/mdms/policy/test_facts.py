"""What the customer system states, and what holds of it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from mdms.domain.errors import UsageError
from mdms.domain.facts import ABSENT, CisFact, Subject
from mdms.policy.assembly import Stated, nonpay_facts, premise_flags, reconnect_facts
from mdms.policy.example_facts import opened
from mdms.policy.facts import KINDS, read_value
from mdms.policy.nonpay_facts import Dispute
from tests.policy import ZONE

AT = datetime(2026, 12, 10, 18, tzinfo=UTC)
HOUR = timedelta(hours=1)


def said(fact: str, value: str, *, effective: datetime = AT, known: datetime = AT) -> CisFact:
    return CisFact(
        subject=KINDS[fact].subject,
        subject_id="A1",
        fact=fact,
        value=value,
        effective_at=effective,
        known_at=known,
        evidence="E-1",
    )


def dispute(*statements: CisFact) -> Dispute | None:
    return nonpay_facts(Stated.at(statements, AT, ZONE)).dispute


@pytest.mark.parametrize(
    ("fact", "text", "value"),
    [
        ("past_due", "412.50", Decimal("412.50")),
        ("bill_due_on", "2026-11-09", date(2026, 11, 9)),
        ("military_granted_on", "none", ABSENT),
        ("notice_48h_delivered_at", "2026-12-08T10:00", datetime(2026, 12, 8, 18, tzinfo=UTC)),
        ("bill_incorrect", "no", False),
        ("notice_48h_contents", "pay_by telephone", ("pay_by", "telephone")),
        ("premise_flags", "none", ()),
        ("dispute", "answered", Dispute.ANSWERED),
        ("inspection", "I-7", "I-7"),
    ],
)
def test_values_are_read_in_the_form_of_their_fact(fact, text, value):
    assert read_value(said(fact, text), ZONE) == value


@pytest.mark.parametrize(
    ("fact", "text"),
    [
        ("past_due", "NaN"),
        ("past_due", "1e999999"),
        ("past_due", "1e-999999"),
        ("past_due", "a lot"),
        ("bill_due_on", "none"),
        ("bill_incorrect", "true"),
        ("dispute", "maybe"),
        ("inspection", " "),
        ("premise_flags", ""),
        ("notice_48h_delivered_at", "2027-03-14T02:30"),
    ],
)
def test_a_value_in_another_form_is_refused(fact, text):
    with pytest.raises(UsageError):
        read_value(said(fact, text), ZONE)


def test_only_facts_of_the_list_about_their_subject_are_taken():
    with pytest.raises(UsageError, match="no fact that a rule reads"):
        read_value(replace(said("dispute", "open"), fact="mood"), ZONE)
    with pytest.raises(UsageError, match="a fact of the account, not of the premise"):
        read_value(replace(said("dispute", "open"), subject=Subject.PREMISE), ZONE)


def test_the_latest_statement_holds():
    assert dispute(said("dispute", "none", effective=AT - HOUR, known=AT - HOUR)) is Dispute.NONE
    assert (
        dispute(
            said("dispute", "none", effective=AT - HOUR, known=AT - HOUR), said("dispute", "open")
        )
        is Dispute.OPEN
    )


def test_what_takes_effect_or_is_heard_later_does_not_count():
    now = said("dispute", "none", effective=AT - HOUR, known=AT - HOUR)

    assert dispute(now, said("dispute", "open", effective=AT + HOUR)) is Dispute.NONE
    assert dispute(now, said("dispute", "open", known=AT + HOUR)) is Dispute.NONE


def test_old_news_that_comes_late_and_contradicts_leaves_the_fact_unknown():
    replayed = said("dispute", "none", effective=AT - 9 * HOUR, known=AT)

    assert dispute(said("dispute", "open", effective=AT - HOUR, known=AT - HOUR), replayed) is None


def test_a_fact_that_no_rule_reads_any_more_changes_nothing():
    gone = replace(said("dispute", "open"), fact="mood")

    assert Stated.at([gone], AT, ZONE) == Stated({}, {})


def test_facts_of_two_customers_are_never_mixed():
    other = replace(said("dispute", "none"), subject_id="A2")

    with pytest.raises(AssertionError, match="never mixed"):
        Stated.at([said("dispute", "open"), other], AT, ZONE)


def test_what_nobody_stated_is_unknown():
    assert dispute() is None
    assert premise_flags(Stated.at([], AT, ZONE), ("garden",)) is None


def test_flags_of_both_systems_count():
    stated = Stated.at([said("premise_flags", "medical")], AT, ZONE)

    assert premise_flags(stated, ("garden",)) == ("garden", "medical")


def test_a_feed_has_come_no_further_than_to_when_it_told_us():
    ahead = said("payments_through", (AT + HOUR).isoformat(), known=AT - HOUR, effective=AT - HOUR)

    assert nonpay_facts(Stated.at([ahead], AT, ZONE)).payments_through == AT - HOUR


def test_who_was_there_before_the_cut_does_not_answer_for_the_appliances():
    there = said("customer_confirmed", "yes", effective=AT - 3 * HOUR)
    stated = Stated.at([there], AT, ZONE)

    before, after = (
        reconnect_facts(stated, opened("NONPAY", AT - ago)).customer_confirmed
        for ago in (2 * HOUR, 4 * HOUR)
    )

    assert before is None
    assert after is True


def test_the_clock_of_a_reconnect_starts_with_the_last_condition():
    stated = Stated.at(
        [
            said("balance_due", "0", effective=AT - 2 * HOUR),
            said("reconnect_charges_due", "0", effective=AT - HOUR),
        ],
        AT,
        ZONE,
    )

    assert reconnect_facts(stated, opened("NONPAY", AT - 5 * HOUR)).met_at == AT - HOUR
