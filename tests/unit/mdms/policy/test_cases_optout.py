"""The cases A01 to A24 of policy.md 1.6: who opts out, of which meter, at what fee."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from mdms.domain.controls import Action
from mdms.domain.events import EventCode
from mdms.domain.registry import Commodity, PremiseKind
from mdms.policy import self_read
from mdms.policy.case import Case
from mdms.policy.decision import Verdict
from mdms.policy.optout import MeterAction, OptoutOutcome, judge
from mdms.policy.optout_facts import OptoutRequest, Requester, Service, Stage, Standing
from mdms.policy.optout_fees import FeeKind, OptoutTerm, monthly_fee
from mdms.policy.optout_meters import opt_in, replace_legacy
from mdms.policy.self_read import Month
from mdms.ports.messages import Envelope
from tests.editions import CALENDAR, CUSTOMER_RULES, local
from tests.messages import READ_TOPIC, frame, message
from tests.policy import facts, nonpay
from tests.policy import judge as command
from tests.unit.ingest.test_events import SILENT, Station

RULES = CUSTOMER_RULES.optout
NOW = local("2026-12-10T10:00")

ELECTRIC = Service(
    usage_point_id="UE1",
    premise_id="P1",
    kind=PremiseKind.SINGLE_FAMILY,
    commodity=Commodity.ELECTRIC,
    net_metering=False,
    temporary=False,
    stage=Stage.LEGACY,
    ami_since=None,
    asked=True,
)
GAS = replace(ELECTRIC, usage_point_id="UG1", commodity=Commodity.GAS)
WATER = replace(ELECTRIC, usage_point_id="UW1", commodity=Commodity.WATER, asked=False)

A01 = OptoutRequest(
    account_id="ACC1",
    received_at=NOW,
    requester=Requester.HOLDER,
    services=(ELECTRIC, GAS, WATER),
    opened_on=date(2019, 5, 1),
    tampering=False,
    standing=Standing.CURRENT,
    obstructed=False,
    hazardous=False,
    self_read_accepted=True,
    form_on_file=True,
)


def with_ami(service: Service) -> Service:
    return replace(service, stage=Stage.AMI, ami_since=date(2026, 12, 9))


A02 = replace(A01, services=(with_ami(ELECTRIC), with_ami(GAS), with_ami(WATER)))


def decided(request: OptoutRequest) -> OptoutOutcome:
    return judge(Case(request, RULES, NOW, CALENDAR))


def of_all(request: OptoutRequest, **changes: Any) -> OptoutRequest:
    """Change every service of a request."""
    return replace(request, services=tuple(replace(each, **changes) for each in request.services))


def fees(outcome: OptoutOutcome) -> list[tuple[FeeKind, str, Decimal]]:
    return [(fee.kind, fee.subject_id, fee.amount_usd) for fee in outcome.fees]


SET_UP = (FeeKind.SET_UP, "P1", Decimal(100))
MONTHLY = (FeeKind.MONTHLY, "ACC1", Decimal(25))


def test_a01_legacy_meters_of_a_home_stay_for_one_set_up_and_one_monthly_fee():
    outcome = decided(A01)

    assert [(each.usage_point_id, each.action) for each in outcome.services] == [
        ("UE1", MeterAction.KEEP_LEGACY),
        ("UG1", MeterAction.KEEP_LEGACY),
    ]
    assert {each.decision.code for each in outcome.services} == {"OO_KEEP_LEGACY"}
    assert fees(outcome) == [SET_UP, MONTHLY]


def test_a02_radios_of_meters_that_hang_already_are_switched_off_at_the_same_fees():
    outcome = decided(A02)

    assert [each.action for each in outcome.services] == [MeterAction.RADIO_OFF] * 2
    assert {each.decision.code for each in outcome.services} == {"OO_RADIO_OFF"}
    assert fees(outcome) == [SET_UP, MONTHLY]


def test_a03_a_water_meter_that_was_ticked_refuses_only_itself():
    outcome = decided(of_all(A02, asked=True))

    electric, gas, water = outcome.services
    assert electric.decision.allowed
    assert gas.decision.allowed
    assert (water.decision.verdict, water.decision.codes) == (Verdict.DENY, ("OO_WATER",))
    assert water.action is None
    assert fees(outcome) == [SET_UP, MONTHLY]


def test_a04_no_approval_switches_off_the_radio_of_a_water_meter():
    known = facts((), NOW, commodity=Commodity.WATER, opted_out=True)

    decision = command(Action.RADIO_OFF, "", known, NOW)

    assert decision.verdict is Verdict.DENY
    assert "RADIO_WATER" in decision.codes


def test_a05_two_homes_of_one_account_pay_two_set_ups_and_one_monthly_fee():
    second = [replace(each, premise_id="P2") for each in A02.services]
    second = [replace(each, usage_point_id=f"{each.usage_point_id}-2") for each in second]

    outcome = decided(replace(A02, services=(*A02.services, *second)))

    assert {each.decision.code for each in outcome.services} == {"OO_RADIO_OFF"}
    assert len(outcome.services) == 4
    assert fees(outcome) == [SET_UP, (FeeKind.SET_UP, "P2", Decimal(100)), MONTHLY]


REFUSED = {
    "A06": (of_all(A01, kind=PremiseKind.MULTI_UNIT), Verdict.DENY, "OO_MULTI_UNIT"),
    "A07": (of_all(A01, net_metering=True), Verdict.DENY, "OO_NEM"),
    "A08": (of_all(A01, kind=PremiseKind.COMMERCIAL), Verdict.DENY, "OO_CI"),
    "A09": (of_all(A01, temporary=True), Verdict.DENY, "OO_TEMP"),
    "A10": (replace(A02, opened_on=date(2026, 12, 5)), Verdict.DENY, "OO_NEW_ACCOUNT"),
    "A11": (replace(A01, requester=Requester.GUEST), Verdict.DENY, "OO_NOT_HOLDER"),
    "A12": (replace(A02, form_on_file=False), Verdict.PENDING, "OO_FORM"),
    "A13": (replace(A01, standing=Standing.NOT_CURRENT), Verdict.DENY, "OO_NOT_CURRENT"),
    "A14": (replace(A01, standing=Standing.DISPUTED_ONLY), Verdict.REFER, "OO_DISPUTED"),
    "A15": (replace(A01, tampering=True), Verdict.DENY, "OO_TAMPER"),
    "A16": (replace(A01, obstructed=True), Verdict.DENY, "OO_ACCESS"),
}


@pytest.mark.parametrize(("request_", "verdict", "code"), REFUSED.values(), ids=REFUSED)
def test_who_may_not_opt_out_is_told_why_and_pays_nothing(request_, verdict, code):
    outcome = decided(request_)

    for each in outcome.services:
        assert each.decision.verdict is verdict
        assert each.decision.codes == (code,)
        assert each.decision.findings[0].cure
        assert each.action is None
    assert outcome.fees == ()


def test_a17_a_meter_that_was_installed_before_the_request_came_in_counts_as_installed():
    crew_left, asked = local("2026-12-10T13:40"), local("2026-12-10T14:00")
    installed = replace(ELECTRIC, stage=Stage.AMI, ami_since=crew_left.date())

    outcome = judge(
        Case(replace(A01, services=(installed,), received_at=asked), RULES, asked, CALENDAR)
    )

    assert [each.decision.code for each in outcome.services] == ["OO_RADIO_OFF"]
    assert [each.action for each in outcome.services] == [MeterAction.RADIO_OFF]


SELF_READ = CUSTOMER_RULES.self_read


def test_a18_the_second_month_without_a_reading_in_a_row_is_referred():
    may = self_read.judge_missing([Month.ACCEPTED, Month.MISSING], SELF_READ)
    june = self_read.judge_missing([Month.ACCEPTED, Month.MISSING, Month.MISSING], SELF_READ)

    assert (may.verdict, may.code) == (Verdict.ALLOW, "CROM_EST")
    assert june.verdict is Verdict.REFER
    assert june.codes == ("CROM_2MISS",)
    assert "estimate the month" in may.follow_ups
    assert "estimate the month" in june.follow_ups


def test_a19_a_reading_in_between_starts_the_count_anew():
    months = [Month.MISSING, Month.ACCEPTED, Month.MISSING]

    decision = self_read.judge_missing(months, SELF_READ)

    assert (decision.verdict, decision.code) == (Verdict.ALLOW, "CROM_EST")
    assert self_read.missing_in_a_row(months) == 1


def test_a20_a_person_decides_on_a_second_set_up_after_opting_in():
    again = replace(A02, left=frozenset({"P1"}))

    undecided = decided(again)

    assert {each.decision.verdict for each in undecided.services} == {Verdict.REFER}
    assert {each.decision.code for each in undecided.services} == {"OO_SETUP_AGAIN"}
    assert undecided.fees == ()
    assert fees(decided(replace(again, set_up_again=True))) == [SET_UP, MONTHLY]
    assert fees(decided(replace(again, set_up_again=False))) == [MONTHLY]


def test_a21_a_meter_whose_radio_is_off_is_disconnected_by_field_order_only():
    decision = nonpay(local("2026-12-10 10:05"), {}, radio_on=False, opted_out=True)

    assert decision.verdict is Verdict.DENY
    assert decision.codes == ("RADIO_DISABLED",)
    assert "field order" in decision.findings[0].cure


async def test_a22_a_frame_of_a_radio_that_is_off_raises_an_alarm_and_loses_its_values():
    station = Station(SILENT)

    await station.take(Envelope(READ_TOPIC, message(frame(meter_id=1))))

    (event,) = station.work.events.stored
    assert event.code is EventCode.RADIO_OFF_VIOLATION
    assert station.work.readings.interval_values == {}
    assert station.work.readings.register_values == {}


def test_a23_a_legacy_meter_that_dies_is_replaced_with_the_radio_off_at_no_new_fee():
    outcome = replace_legacy(ELECTRIC)

    assert outcome.decision.allowed
    assert outcome.decision.code == "OO_REPLACE_RADIO_OFF"
    assert outcome.action is MeterAction.REPLACE_RADIO_OFF
    assert fees(decided(replace(A02, enrolled=frozenset({"P1"})))) == []


def test_a24_opting_in_ends_the_monthly_fee_after_the_month_that_was_begun():
    opted_out = OptoutTerm(date(2026, 8, 1), date(2026, 11, 20))

    def bill(start: date, end: date) -> Decimal | None:
        fee = monthly_fee("ACC1", start, end, [opted_out], RULES.fees)
        return None if fee is None else fee.amount_usd

    electric, gas = (opt_in(with_ami(each)) for each in (ELECTRIC, GAS))
    assert electric.decision.code == "OO_OPT_IN"
    assert (electric.action, gas.action) == (MeterAction.RADIO_ON, MeterAction.RADIO_ON_FIELD)
    assert bill(date(2026, 10, 25), date(2026, 11, 25)) == Decimal(25)
    assert bill(date(2026, 11, 25), date(2026, 12, 25)) is None
