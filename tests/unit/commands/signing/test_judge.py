"""The signer's own judgement of an open."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from commands.codecs import Command, CommandFlag
from commands.signing.judge import judge
from commands.signing.rules import OpenRules
from mdms.domain.controls import Action, ControlState, Opcode, new_id
from mdms.domain.registry import Commodity, Radio
from mdms.ports.signer import OpenOrder, Place
from tests.signing import ZONE, an_edition, open_rules

RULES = open_rules(an_edition(approvals=2))
THURSDAY = datetime(2026, 12, 10, 10, 5, tzinfo=ZONE).astimezone(UTC)

PLACE = Place(
    serial="S1",
    model="m",
    radio_id=7,
    usage_point_id="U1",
    commodity=Commodity.ELECTRIC,
    has_switch=True,
    pilot=True,
    radio=Radio.ON,
    flags=(),
    transformer_id="T1",
    opted_out=False,
    silent=False,
)


def at(local: str) -> datetime:
    return datetime.fromisoformat(local).replace(tzinfo=ZONE).astimezone(UTC)


def asked(
    now: datetime = THURSDAY, *, not_after: datetime | None = None, **changes: Any
) -> tuple[Command, OpenOrder]:
    """A command, and the order behind it."""
    order = OpenOrder(
        action=Action.DISCONNECT,
        state=ControlState.POLICY_OK,
        serial="S1",
        radio_id=7,
        key_id=1,
        usage_point_id="U1",
        cause="NONPAY",
        requested_by="clerk",
        approved_by=("carol", "dave"),
        not_before=now,
        not_after=not_after or now + timedelta(minutes=15),
        place=PLACE,
    )
    command = Command(
        radio_id=7,
        opcode=Opcode.OPEN,
        flags=CommandFlag.NONE,
        key_id=1,
        not_before=now,
        not_after=order.not_after,
        command_id=new_id(now),
    )
    return command, replace(order, **changes)


def codes(now: datetime = THURSDAY, rules: OpenRules = RULES, **changes: Any) -> list[str]:
    command, order = asked(now, **changes)
    return [each.code for each in judge(command, order, rules, now)]


def test_an_open_that_all_rules_allow_is_left_to_the_budgets():
    assert codes() == []


@pytest.mark.parametrize(
    ("local", "code"),
    [
        ("2026-12-10T07:59:59", "NP_OFFICE_CLOSED"),
        ("2026-12-10T15:00:00", "NP_LATE_MARGIN"),
        ("2026-12-10T16:30:00", "NP_OFFICE_CLOSED"),
        ("2026-12-11T10:00:00", "NP_FRIDAY"),
        ("2026-12-12T10:00:00", "NP_WEEKEND"),
        ("2027-07-05T10:00:00", "NP_HOLIDAY"),
        ("2027-03-31T10:00:00", "NP_HOLIDAY"),
        ("2026-12-28T10:00:00", "NP_OFFICE_CLOSED"),
        ("2031-01-06T10:00:00", "CALENDAR_MISSING"),
    ],
)
def test_nobody_is_cut_off_for_money_outside_of_the_window(local, code):
    assert code in codes(at(local))
    assert code not in codes(at(local), cause="MOVE_OUT")


def test_an_open_for_money_must_end_before_the_window_does():
    end = at("2026-12-10T16:25:00")

    assert codes(not_after=end) == []
    assert codes(not_after=end + timedelta(seconds=1)) == ["NP_LATE_MARGIN"]


def test_the_next_window_is_named():
    command, order = asked(at("2026-12-10T15:30:00"))

    (refusal,) = judge(command, order, RULES, at("2026-12-10T15:30:00"))

    assert refusal.next_possible_at == at("2026-12-14T08:00:00")


@pytest.mark.parametrize(
    ("cause", "approved_by", "allowed"),
    [
        ("MOVE_OUT", ("carol", "dave"), True),
        ("MOVE_OUT", ("carol",), False),
        ("MOVE_OUT", ("carol", "clerk"), False),
        ("HAZARD", ("carol",), True),
        ("HAZARD", ("clerk",), False),
    ],
)
def test_people_other_than_the_requester_must_approve(cause, approved_by, allowed):
    found = codes(cause=cause, approved_by=approved_by)

    assert found == ([] if allowed else ["RD_DUAL"])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"cause": "LOAD_SHED"}, "RD_REASON"),
        ({"action": Action.RECONNECT}, "SIGNER_MISMATCH"),
        ({"state": ControlState.CANCELLED}, "SIGNER_MISMATCH"),
        ({"state": ControlState.VERIFIED}, "SIGNER_MISMATCH"),
        ({"radio_id": 8}, "SIGNER_MISMATCH"),
        ({"not_before": THURSDAY + timedelta(seconds=1)}, "SIGNER_MISMATCH"),
        ({"place": None}, "SIGNER_MISMATCH"),
        ({"place": replace(PLACE, serial="S2")}, "METER_CHANGED"),
        ({"place": replace(PLACE, commodity=Commodity.GAS)}, "RD_NOT_ELECTRIC"),
        ({"place": replace(PLACE, pilot=False)}, "RD_NOT_PILOT"),
        ({"place": replace(PLACE, has_switch=False)}, "RD_NO_SWITCH"),
        ({"place": replace(PLACE, silent=True)}, "RADIO_DISABLED"),
        ({"place": replace(PLACE, flags=("life_support",))}, "RD_MEDICAL"),
    ],
)
def test_what_only_a_mistaken_daemon_sends_is_refused(changes, code):
    assert code in codes(**changes)


def test_an_open_is_short_lived():
    now = at("2026-12-10T08:00:00")

    assert codes(now, cause="MOVE_OUT", not_after=now + timedelta(hours=12)) == []
    assert codes(now, cause="MOVE_OUT", not_after=now + timedelta(hours=12, seconds=1)) == [
        "SIGNER_VALIDITY"
    ]
    assert codes(now, cause="MOVE_OUT", not_after=now) == ["SIGNER_EXPIRED"]


def test_nothing_is_opened_while_remote_opening_is_off_or_no_rules_are_in_force():
    off = replace(RULES, remote_open=False)

    assert codes(rules=off) == ["REMOTE_OPEN_OFF"]
    assert codes(at("2021-12-09T10:00:00")) == ["SIGNER_RULES"]
