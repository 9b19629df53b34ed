"""What holds for every opt-out, whoever asks: fees, meters, order; and what becomes of it later."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdms.domain.registry import Commodity, PremiseKind
from mdms.policy.case import Case
from mdms.policy.decision import Verdict
from mdms.policy.optout import MeterAction, OptoutOutcome, judge, review
from mdms.policy.optout_facts import OptoutRequest, Requester, Service, Stage, Standing
from mdms.policy.optout_fees import FeeKind, OptoutTerm, monthly_fee
from mdms.policy.optout_meters import end_account, opt_in
from tests.editions import CALENDAR, CUSTOMER_RULES, local

RULES = CUSTOMER_RULES.optout
NOW = local("2026-12-10 10:00")
TODAY = date(2026, 12, 10)

SERVICE = Service(
    usage_point_id="U1",
    premise_id="P1",
    kind=PremiseKind.SINGLE_FAMILY,
    commodity=Commodity.ELECTRIC,
    net_metering=False,
    temporary=False,
    stage=Stage.AMI,
    ami_since=date(2026, 12, 1),
    asked=True,
)
GOOD = OptoutRequest(
    account_id="ACC1",
    received_at=NOW,
    requester=Requester.HOLDER,
    services=(SERVICE,),
    opened_on=date(2019, 5, 1),
    tampering=False,
    standing=Standing.CURRENT,
    obstructed=False,
    hazardous=False,
    self_read_accepted=True,
    form_on_file=True,
)


def decided(request: OptoutRequest) -> OptoutOutcome:
    return judge(Case(request, RULES, NOW, CALENDAR))


def codes(request: OptoutRequest) -> tuple[str, ...]:
    (outcome,) = decided(request).services
    return outcome.decision.codes


HOMES = [
    replace(SERVICE, premise_id=premise_id, commodity=commodity, stage=stage)
    for premise_id, commodity, stage in product(["P1", "P2", "P3"], Commodity, Stage)
]
CHANGES: list[dict[str, Any]] = [
    *({"kind": kind} for kind in PremiseKind),
    {"net_metering": True},
    {"temporary": True},
    {"ami_since": date(2018, 1, 1)},
    {"ami_since": None},
]
OTHERS = [replace(home, **change) for home, change in product(HOMES, CHANGES)]


def numbered(services: list[Service], asked: int) -> tuple[Service, ...]:
    """Give each its own usage point; bits of `asked` say which, beside the first, are asked for."""
    return tuple(
        replace(each, usage_point_id=f"U{number}", asked=bool(1 << number & (asked | 1)))
        for number, each in enumerate(services)
    )


SERVICES = st.builds(
    numbered,
    st.lists(st.sampled_from(HOMES) | st.sampled_from(OTHERS), min_size=1, max_size=6),
    st.integers(0, 63),
)


RESIDENCES = st.frozensets(st.sampled_from(["P1", "P2", "P3"]))
MAYBE = st.sampled_from([False, False, False, True, None])

REQUESTS = st.builds(
    replace,
    st.just(GOOD),
    services=SERVICES,
    requester=st.sampled_from([Requester.HOLDER, *Requester]),
    opened_on=st.sampled_from([None, date(2019, 5, 1), date(2026, 5, 1)]),
    tampering=MAYBE,
    standing=st.sampled_from([Standing.CURRENT, *Standing]),
    obstructed=MAYBE,
    hazardous=MAYBE,
    self_read_accepted=st.sampled_from([True, True, False, None]),
    form_on_file=st.sampled_from([True, True, False]),
    enrolled=RESIDENCES,
    left=RESIDENCES,
    set_up_again=st.sampled_from([None, True, False]),
)


@given(REQUESTS)
def test_no_residence_pays_twice_and_no_account_two_monthly_fees(request_):
    fees = decided(request_).fees

    assert all(fee.amount_usd > 0 for fee in fees)
    set_ups = [fee.subject_id for fee in fees if fee.kind is FeeKind.SET_UP]
    assert len(set_ups) == len(set(set_ups))
    assert not request_.enrolled.intersection(set_ups)
    assert [fee.kind for fee in fees].count(FeeKind.MONTHLY) <= (not request_.enrolled)


@given(REQUESTS)
def test_only_what_is_allowed_costs_or_changes_anything(request_):
    outcome = decided(request_)

    for each in outcome.services:
        assert (each.action is not None) == each.decision.allowed
    allowed = {each.usage_point_id for each in outcome.services if each.decision.allowed}
    homes = {each.premise_id for each in request_.services if each.usage_point_id in allowed}
    assert {fee.subject_id for fee in outcome.fees} <= homes | {"ACC1"}
    assert bool(allowed) or not outcome.fees


@given(REQUESTS)
def test_no_radio_of_a_water_meter_is_ever_switched_off(request_):
    water = {each.usage_point_id for each in request_.services if each.commodity is Commodity.WATER}

    for each in decided(request_).services:
        if each.usage_point_id in water:
            assert each.decision.verdict is Verdict.DENY
            assert each.action is None


@given(REQUESTS)
def test_what_is_not_known_to_be_right_is_never_allowed(request_):
    known_right = (
        request_.requester is Requester.HOLDER
        and request_.standing is Standing.CURRENT
        and request_.opened_on == date(2019, 5, 1)
        and not (request_.tampering is not False or request_.obstructed is not False)
        and request_.hazardous is False
        and request_.self_read_accepted is True
        and request_.form_on_file
    )

    assert known_right or not any(each.decision.allowed for each in decided(request_).services)


@given(REQUESTS, st.randoms(use_true_random=False))
def test_the_order_of_meters_decides_nothing(request_, random):
    shuffled = list(request_.services)
    random.shuffle(shuffled)

    assert decided(replace(request_, services=tuple(shuffled))) == decided(request_)


@pytest.mark.parametrize(
    ("changes", "verdict", "code"),
    [
        ({"requester": Requester.UNKNOWN}, Verdict.REFER, "OO_NOT_HOLDER"),
        ({"requester": Requester.TENANT}, Verdict.DENY, "OO_NOT_HOLDER"),
        ({"opened_on": None}, Verdict.REFER, "OO_NEW_ACCOUNT"),
        ({"opened_on": date(2025, 12, 11)}, Verdict.DENY, "OO_NEW_ACCOUNT"),
        ({"tampering": None}, Verdict.REFER, "OO_TAMPER"),
        ({"standing": Standing.UNKNOWN}, Verdict.REFER, "OO_NOT_CURRENT"),
        ({"obstructed": None}, Verdict.REFER, "OO_ACCESS"),
        ({"hazardous": True}, Verdict.DENY, "OO_SITE"),
        ({"self_read_accepted": None}, Verdict.REFER, "OO_CROM_DISCRETION"),
        ({"services": (replace(SERVICE, stage=Stage.INSTALLING),)}, Verdict.REFER, "OO_RACE"),
    ],
)
def test_each_condition_has_its_code(changes, verdict, code):
    (outcome,) = decided(replace(GOOD, **changes)).services

    assert (outcome.decision.verdict, outcome.decision.codes) == (verdict, (code,))


def test_an_account_that_was_opened_with_an_ami_meter_is_referred_once_it_is_old_enough():
    opened_on = date(2025, 12, 10)
    before, after = opened_on - timedelta(days=1), opened_on + timedelta(days=1)

    there = replace(SERVICE, ami_since=before)
    later = replace(SERVICE, ami_since=after)

    assert codes(replace(GOOD, opened_on=opened_on, services=(there,))) == ("OO_NEW_ACCOUNT",)
    assert codes(replace(GOOD, opened_on=opened_on, services=(later,))) == ("OO_RADIO_OFF",)


def test_a_form_that_is_out_for_too_long_lets_the_request_lapse():
    waiting = replace(GOOD, form_on_file=False)

    def verdict(at: str) -> Verdict:
        outcome = judge(Case(waiting, RULES, local(at), CALENDAR))
        return outcome.services[0].decision.verdict

    assert verdict("2027-01-09 23:59") is Verdict.PENDING
    assert verdict("2027-01-10 00:00") is Verdict.DENY


def test_a_residence_opts_out_with_all_its_eligible_meters_or_a_person_decides():
    gas = replace(SERVICE, usage_point_id="U2", commodity=Commodity.GAS, asked=False)
    water = replace(gas, usage_point_id="U3", commodity=Commodity.WATER)
    elsewhere = replace(gas, usage_point_id="U4", premise_id="P2")

    assert codes(replace(GOOD, services=(SERVICE, gas))) == ("OO_PARTIAL",)
    assert codes(replace(GOOD, services=(SERVICE, water, elsewhere))) == ("OO_RADIO_OFF",)


def test_all_reasons_are_named_at_once_in_the_order_of_the_table():
    water = replace(SERVICE, commodity=Commodity.WATER, temporary=True)

    assert codes(replace(GOOD, services=(water,), tampering=True, form_on_file=False)) == (
        "OO_WATER",
        "OO_TEMP",
        "OO_TAMPER",
        "OO_FORM",
    )


def test_a_second_residence_pays_its_set_up_and_no_second_monthly_fee():
    fees = decided(replace(GOOD, enrolled=frozenset({"P2"}))).fees

    assert [(fee.kind, fee.subject_id) for fee in fees] == [(FeeKind.SET_UP, "P1")]


@pytest.mark.parametrize(
    ("change", "code"),
    [({"tampering": True}, "OO_TAMPER"), ({"standing": Standing.NOT_CURRENT}, "OO_NOT_CURRENT")],
)
def test_a_cause_that_appears_later_is_referred_to_a_human(change, code):
    decision = review(Case(replace(GOOD, **change), RULES, NOW, CALENDAR))

    assert (decision.verdict, decision.codes) == (Verdict.REFER, ("OO_REVOKE",))
    assert code in decision.findings[0].cure


def test_an_opt_out_in_order_stands():
    unknown = replace(GOOD, obstructed=None)

    assert review(Case(GOOD, RULES, NOW, CALENDAR)).code == "OO_STANDS"
    assert review(Case(unknown, RULES, NOW, CALENDAR)).code == "OO_STANDS"


@pytest.mark.parametrize(
    ("commodity", "stage", "action"),
    [
        (Commodity.ELECTRIC, Stage.AMI, MeterAction.RADIO_ON),
        (Commodity.GAS, Stage.AMI, MeterAction.RADIO_ON_FIELD),
        (Commodity.GAS, Stage.LEGACY, MeterAction.INSTALL_AMI),
    ],
)
def test_a_meter_comes_back_when_its_customer_opts_in_or_leaves(commodity, stage, action):
    service = replace(SERVICE, commodity=commodity, stage=stage)

    assert opt_in(service).action is action
    left = end_account(service)
    assert (left.action, left.decision.code) == (action, "OO_END_ACCOUNT")


@given(
    st.lists(
        st.tuples(st.dates(date(2026, 1, 1), date(2026, 12, 31)), st.none() | st.integers(0, 200)),
        max_size=4,
    ),
    st.dates(date(2026, 1, 1), date(2026, 12, 31)),
)
def test_a_month_costs_the_fee_once_when_any_opt_out_touched_it(spans, start):
    end = start + timedelta(days=30)
    terms = [
        OptoutTerm(from_on, None if days is None else from_on + timedelta(days=days))
        for from_on, days in spans
    ]

    fee = monthly_fee("ACC1", start, end, terms, RULES.fees)

    days = {start + timedelta(days=offset) for offset in range(30)}
    touched = any(
        term.from_on <= day and (term.until_on is None or day < term.until_on)
        for term in terms
        for day in days
    )
    assert (fee.amount_usd if fee else Decimal(0)) == (Decimal(25) if touched else 0)
