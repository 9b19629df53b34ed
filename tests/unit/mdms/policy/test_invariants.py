"""
What must hold of every decision, judged apart from the engine, over random scenarios.

MDMS_POLICY_SCENARIOS=1000000 tries so many; without it a few.
"""

import os
from collections import Counter
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdms.domain.controls import Action
from mdms.policy.decision import Verdict
from mdms.policy.engine import CommandFacts
from tests import oracle
from tests.policy import CALENDAR, ZONE, judge
from tests.scenarios import a_reconnect, a_scenario, an_instant, forgotten

SCENARIOS = int(os.environ.get("MDMS_POLICY_SCENARIOS", "3000"))
SECOND = timedelta(seconds=1)

randoms = st.integers(0, 2**63).map(Random)


def closed_friday(at: datetime) -> bool:
    day = at.astimezone(ZONE).date()
    return day in CALENDAR.years[day.year].closed_fridays


def check_an_open(random: Random) -> tuple[str, Verdict]:
    cause, facts, at = a_scenario(random)

    decision = judge(Action.DISCONNECT, cause, facts, at)

    objections = oracle.objections(cause, facts, at)
    if cause == "MOVE_OUT" and closed_friday(at):
        objections.append("a Friday off")
    assert decision.allowed == (not objections), (decision, objections)
    return cause, decision.verdict


def check_a_reconnect(random: Random) -> tuple[str | None, Verdict]:
    cause, facts, at = a_reconnect(random)

    decision = judge(Action.RECONNECT, cause, facts, at)

    objections = oracle.reconnect_objections(cause, facts)
    assert decision.allowed == (not objections), (decision, objections)
    return facts.reconnect.open_cause, decision.verdict


@given(randoms)
def test_what_the_engine_allows_the_rules_allow_and_nothing_else(random):
    check_an_open(random)
    check_a_reconnect(random)


@pytest.mark.timeout(0)
@pytest.mark.parametrize("check", [check_an_open, check_a_reconnect])
def test_engine_and_rules_agree_on_many_scenarios(check):
    seen = Counter(check(Random(seed)) for seed in range(SCENARIOS))

    for cause in ("NONPAY", "MOVE_OUT", "HAZARD", "ADVERSE_LOAD", "THEFT"):
        assert seen[cause, Verdict.ALLOW] > SCENARIOS // 500, (cause, seen)
        assert seen[cause, Verdict.DENY]


@given(randoms)
def test_an_open_for_non_payment_ends_within_its_window(random):
    _, facts, at = a_scenario(random)

    decision = judge(Action.DISCONNECT, "NONPAY", facts, at)

    if decision.verdict is Verdict.DENY:
        assert decision.not_after is None
    else:
        assert decision.not_after
        local, end = at.astimezone(ZONE), decision.not_after.astimezone(ZONE)
        assert end.date() == local.date()
        assert f"{end:%H:%M:%S}" == "16:25:00"
        assert f"{local:%H:%M:%S}" < "15:00:00"


@given(randoms)
def test_forgetting_a_fact_never_helps(random):
    cause, facts, at = a_scenario(random)
    known = judge(Action.DISCONNECT, cause, facts, at)

    less = judge(Action.DISCONNECT, cause, forgotten(random, facts), at)

    assert known.allowed or not less.allowed


@given(randoms)
def test_forgetting_a_fact_never_turns_a_denied_reconnect_into_an_allowed_one(random):
    cause, facts, at = a_reconnect(random)
    known = judge(Action.RECONNECT, cause, facts, at)

    less = judge(Action.RECONNECT, cause, forgotten(random, facts), at)

    assert known.verdict is not Verdict.DENY or not less.allowed


@given(randoms)
def test_a_reconnect_is_bound_by_no_window(random):
    cause, facts, at = a_reconnect(random)
    later = at + timedelta(hours=random.randrange(24 * 14))

    now, then = (judge(Action.RECONNECT, cause, facts, each) for each in (at, later))

    assert now.codes == then.codes
    assert now.not_after is None
    assert not any(
        finding.next_possible_at for finding in now.findings if finding.code != "RD_BUSY"
    )


@given(randoms)
def test_the_time_that_is_named_is_the_first_at_which_it_is_possible(random):
    cause, facts, at = a_scenario(random)

    decision = judge(Action.DISCONNECT, cause, facts, at)

    if named := decision.next_possible_at:
        assert named > at
        assert allowed_at(named, cause, facts)
        assert not allowed_at(named - SECOND, cause, facts)
        assert not decision.allowed


def allowed_at(at: datetime, cause: str, facts: CommandFacts) -> bool:
    """Judge at another time, when feeds went on, the meter was heard and commands ended."""
    account = replace(facts.nonpay, payments_through=at, cases_through=at, call_centre_known_at=at)
    others = tuple(each for each in facts.meter.others if each.not_after > at)
    meter = replace(facts.meter, heard_at=at, others=others)
    return judge(Action.DISCONNECT, cause, replace(facts, nonpay=account, meter=meter), at).allowed


REFERRED = {"NP_TENANTS", "MO_OCCUPIED", "THEFT_REVIEW"}
WAITING = {"RD_DUAL", "RD_PACED", "MO_HOURS", "HAZARD_ITEM", "HAZARD_EVIDENCE"}


@given(randoms)
def test_what_is_known_to_fail_has_the_verdict_of_its_table(random):
    cause, facts, at = a_scenario(random)

    decision = judge(Action.DISCONNECT, cause, facts, at)

    for finding in decision.findings if not decision.allowed else ():
        medical = finding.code == "RD_MEDICAL" and cause != "NONPAY"
        if finding.cure.startswith("not known") or finding.code in REFERRED or medical:
            assert finding.verdict is Verdict.REFER
        elif finding.code in WAITING:
            assert finding.verdict is Verdict.PENDING
        elif finding.code == "RD_BUDGET":
            assert finding.verdict is Verdict.QUARANTINE
        else:
            assert finding.verdict is Verdict.DENY


@given(randoms)
def test_every_refusal_says_by_what_clause_and_what_would_cure_it(random):
    cause, facts, at = a_scenario(random)

    decision = judge(Action.DISCONNECT, cause, facts, at)

    assert all(finding.code and finding.clause for finding in decision.findings)
    assert decision.allowed or all(finding.cure for finding in decision.findings)
    assert len(decision.refusals) == (0 if decision.allowed else len(decision.findings))


@given(randoms)
def test_the_window_of_the_calendar_is_the_one_of_the_rules(random):
    at = an_instant(random)

    opening = CALENDAR.next_np_opening(at, until=time(15))

    assert oracle.in_window(at) == (opening == at)


@pytest.mark.parametrize("year", [2026, 2027])
def test_the_holidays_that_ship_are_those_that_the_rules_name(year):
    days = [date(year, 1, 1) + timedelta(days=n) for n in range(365)]

    assert [day for day in days if CALENDAR.legal_holiday(day)] == [
        day for day in days if oracle.holiday(day)
    ]
