"""Cases of policy.md 2.6 on budgets, approvals, move-out and danger: B32 to B42."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from mdms.domain.controls import Action
from mdms.policy import budgets, move_out
from mdms.policy.budgets import Opening
from mdms.policy.case import Case
from mdms.policy.decision import Decision, Verdict
from mdms.policy.example_facts import HAZARD, LEFT, PROPOSAL, SPENDING
from mdms.policy.move_out import MoveOutFacts
from mdms.policy.proposal import SAFETY
from tests.policy import (
    CALENDAR,
    RULES,
    Expected,
    approved_by,
    check,
    facts,
    judge,
    local,
    nonpay,
    show,
    statements,
)

ALLOW, DENY, REFER = Verdict.ALLOW, Verdict.DENY, Verdict.REFER
PENDING, QUARANTINE = Verdict.PENDING, Verdict.QUARANTINE
NOON = "2026-12-10 12:00"
AT = "2026-12-10 10:05"


# The breaker itself, and its release, are the signer's.
@pytest.mark.parametrize("count", [pytest.param(10, id="B32")])
def test_the_eleventh_open_in_an_hour_is_never_signed_and_all_that_wait_are_quarantined(count):
    at = local(AT)
    made = [Opening(at - timedelta(minutes=5 * n), f"T{n}", immediate=False) for n in range(count)]
    spending = replace(SPENDING, made=made)
    wanted = Opening(at, "T99", immediate=False)

    tenth = budgets.spend(wanted, replace(spending, made=made[1:]), RULES.budgets)
    eleventh = budgets.spend(wanted, spending, RULES.budgets)
    queued = nonpay(at, {}, spending=replace(SPENDING, tripped=True))

    assert tenth is None
    assert eleventh is not None
    assert (eleventh.verdict, eleventh.code) == (QUARANTINE, "RD_BUDGET")
    check(queued, Expected(QUARANTINE, "RD_BUDGET", "never"))


# That the approval itself is refused is shown where approvals are stored.
@pytest.mark.parametrize("requester", [pytest.param("ann", id="B33")])
def test_nobody_approves_what_they_asked_for(requester):
    proposal = replace(PROPOSAL, requested_by=requester, approvals=approved_by(requester))

    decision = nonpay(local(AT), {}, proposal=proposal)

    check(decision, Expected(PENDING, "RD_DUAL", "never"))


MOVED = {
    "B34": ("2026-12-11 09:00", Expected(ALLOW, "MO_OK")),
    "B35": (
        "2026-11-30 10:00",
        Expected(
            DENY,
            "MO_NOTICE",
            "2026-12-03 08:00:00",
            {"move_out_notice_on": "2026-11-25", "service_end_on": "2026-11-27"},
        ),
    ),
    "B36": ("2026-12-11 09:00", Expected(DENY, "MO_RTO", "never", {"revert_to_owner": "yes"})),
    "B37": (
        "2026-12-11 09:00",
        Expected(DENY, "MO_SUCCESSOR", "never", {"successor_on": "2026-12-11"}),
    ),
    "B38": (
        "2026-12-11 09:00",
        Expected(
            DENY,
            "MO_CONTINUE",
            "2027-01-04 08:00:00",
            {"service_end_on": "2026-12-24", "service_continues_until": "2026-12-24"},
        ),
    ),
}


def moved(at: datetime, changes: dict[str, str], **known: Any) -> Decision:
    said = statements({**LEFT, **changes}, at)
    return judge(Action.DISCONNECT, "MOVE_OUT", facts(said, at, **known), at)


@pytest.mark.parametrize(("at", "expected"), MOVED.values(), ids=MOVED.keys())
def test_a_disconnect_after_a_move_out(at, expected):
    check(moved(local(at), expected.changes), expected)


def test_short_notice_moves_the_end_of_service():  # B35: holidays do not count
    known = MoveOutFacts(
        notice_on=local("2026-11-25 12:00").date(), end_on=local("2026-11-27 12:00").date()
    )

    last = move_out.end_of_service(Case(known, RULES.move_out, local(NOON), CALENDAR))

    assert str(last) == "2026-12-02"


def test_an_old_home_kept_for_two_weeks_is_left_alone():  # B38, policy.md 8.10
    at, expected = MOVED["B38"]

    assert moved(local(at), expected.changes).codes == ("MO_EARLY", "MO_CONTINUE")


def at_once(cause: str, at: str, **known: Any) -> Decision:
    said = statements({"premise_flags": "none"}, local(at))
    return judge(Action.DISCONNECT, cause, facts(said, local(at), **known), local(at))


SUNDAY_NIGHT = "2026-12-06 03:00"
SATURDAY = "2026-12-12 12:00"
THEFT = replace(HAZARD, item="R9.D.1")

IMMEDIATE = {
    "B39": ("HAZARD", SUNDAY_NIGHT, HAZARD, Expected(ALLOW, "HAZARD_OK")),
    "B40": ("THEFT", SATURDAY, replace(THEFT, approvals=()), Expected(REFER, "THEFT_REVIEW")),
    "B40-no-evidence": (
        "THEFT",
        SATURDAY,
        replace(THEFT, evidence=""),
        Expected(REFER, "THEFT_REVIEW"),
    ),
    "B40-allowed": ("THEFT", SATURDAY, THEFT, Expected(ALLOW, "THEFT_REVIEW")),
    "B41": ("WATER_WASTE", NOON, PROPOSAL, Expected(DENY, "RD_DISPROPORTIONATE", "never")),
}


@pytest.mark.parametrize(
    ("cause", "at", "proposal", "expected"), IMMEDIATE.values(), ids=IMMEDIATE.keys()
)
def test_a_disconnect_at_once(cause, at, proposal, expected):
    check(at_once(cause, at, proposal=proposal), expected)


def test_a_hazard_is_approved_by_another_officer_when_no_supervisor_answers():  # B39
    asked_at = local(SUNDAY_NIGHT)
    lone = replace(HAZARD, requested_at=asked_at, approvals=())

    def approved(after: timedelta) -> Decision:
        (approval,) = approved_by("zoe", role=SAFETY)
        approvals = (replace(approval, at=asked_at + after),)
        return at_once("HAZARD", "2026-12-06 03:06", proposal=replace(lone, approvals=approvals))

    check(at_once("HAZARD", SUNDAY_NIGHT, proposal=lone), Expected(PENDING, "RD_DUAL"))
    check(approved(timedelta(minutes=4)), Expected(PENDING, "RD_DUAL"))
    check(approved(timedelta(minutes=5)), Expected(ALLOW, "HAZARD_OK"))


# The list hash that both approvers sign is shown where batches are tested.
@pytest.mark.parametrize("rows", [pytest.param(40, id="B42")])
def test_each_row_of_a_file_is_judged_and_the_budget_paces_what_is_allowed(rows):
    at = local(AT)

    decisions = [nonpay(at, {}, pilot=row >= 3) for row in range(rows)]
    allowed = sum(decision.allowed for decision in decisions)

    assert [decision.code for decision in decisions[:3]] == ["RD_NOT_PILOT"] * 3
    assert allowed == 37
    assert pace_out(allowed, local("2026-12-10 08:00")) == {
        "2026-12-10 08:00:00": 10,
        "2026-12-10 09:00:00": 10,
        "2026-12-10 10:00:00": 5,
        "2026-12-14 08:00:00": 10,
        "2026-12-14 09:00:00": 2,
    }


def pace_out(count: int, at: datetime) -> dict[str | None, int]:
    """Schedule opens one after the other, each as soon as budget and window allow."""
    made: list[Opening] = []
    while len(made) < count:
        wanted = Opening(at, f"T{len(made)}", immediate=False)
        waits = budgets.pace(wanted, replace(SPENDING, made=made), RULES.budgets)
        if waits is None:
            made.append(wanted)
            continue
        assert (waits.verdict, waits.code) == (PENDING, "RD_PACED")
        assert waits.next_possible_at
        opening = CALENDAR.next_np_opening(waits.next_possible_at, until=RULES.nonpay.send_until)
        assert opening
        at = opening
    times = [show(each.at) for each in made]
    return {time: times.count(time) for time in times}


def test_a_paced_command_names_the_next_window():
    made = [Opening(local(AT), f"T{n}", immediate=False) for n in range(25)]

    decision = nonpay(local(NOON), {}, spending=replace(SPENDING, made=made))

    check(decision, Expected(PENDING, "RD_PACED", "2026-12-14 08:00:00"))
