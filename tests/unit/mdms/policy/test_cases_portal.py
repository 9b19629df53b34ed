"""The cases P01 to P22 of policy.md 5: who sees what, what is published, who is told when."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from mdms.policy import access, aggregates, alerts, portal
from mdms.policy.access_facts import AccessRequest, Basis, Consent, Data, Days, Role
from mdms.policy.aggregates import Answer, Contribution, Release, Step
from mdms.policy.alerts import Alert, Planned
from mdms.policy.case import Case
from mdms.policy.decision import Decision, Verdict
from tests.editions import CALENDAR, CUSTOMER_RULES, local

RULES = CUSTOMER_RULES.access
NOW = local("2026-12-10T10:00")
NOVEMBER = Days(date(2026, 11, 1), date(2026, 11, 30))
THIRTEEN_MONTHS = Days(date(2025, 11, 1), date(2026, 11, 30))
LAST_YEAR = Days(date(2025, 6, 1), date(2025, 6, 30))

GUEST = AccessRequest(
    role=Role.GUEST,
    data=Data.INTERVAL_USAGE,
    days=NOVEMBER,
    account_id="ACC1",
    account_ids=frozenset({"ACC1"}),
    held=(Days(date(2020, 1, 1), date(2027, 12, 31)),),
)
MANAGER = replace(GUEST, role=Role.PROPERTY_MANAGER)
CSR = replace(GUEST, role=Role.CSR, account_ids=frozenset(), purpose="case 4711")
SOLAR = replace(
    GUEST,
    role=Role.THIRD_PARTY,
    account_ids=frozenset(),
    days=THIRTEEN_MONTHS,
    consent=Consent(
        account_id="ACC1",
        data=frozenset({Data.INTERVAL_USAGE}),
        days=THIRTEEN_MONTHS,
        given_at=local("2026-12-01T08:00"),
        expires_at=local("2027-12-01T08:00"),
        revoked_at=None,
    ),
)
REPORTER = replace(GUEST, role=Role.PUBLIC, account_ids=frozenset())
TENANT = replace(
    GUEST,
    role=Role.OWNER,
    days=LAST_YEAR,
    held=(Days(date(2026, 7, 1), date(2027, 12, 31)),),
)


def judged(request: AccessRequest) -> Decision:
    return access.judge(Case(request, RULES, NOW, CALENDAR))


ACCESS = {
    "P01": (GUEST, Verdict.ALLOW, "PV_GUEST"),
    "P02": (replace(GUEST, account_id="ACC2"), Verdict.DENY, "PV_SCOPE"),
    "P03": (replace(GUEST, data=Data.PAYMENT), Verdict.DENY, "PV_ROLE"),
    "P04": (replace(MANAGER, data=Data.CARD_PAYMENT), Verdict.ALLOW, "PV_PM_PAY"),
    "P05": (replace(MANAGER, data=Data.PAYMENT_METHOD), Verdict.DENY, "PV_ROLE"),
    "P06": (MANAGER, Verdict.DENY, "PV_CONSENT"),
    "P07": (SOLAR, Verdict.ALLOW, "PV_CMD"),
    "P13": (replace(REPORTER, basis=Basis.PUBLIC_RECORDS), Verdict.DENY, "PV_CPRA"),
    "P14": (replace(REPORTER, basis=Basis.LEGAL_PROCESS), Verdict.REFER, "PV_LEGAL"),
    "P15": (replace(CSR, purpose=""), Verdict.DENY, "PV_PURPOSE"),
    "P16": (TENANT, Verdict.DENY, "PV_TENANCY"),
    "P19": (replace(SOLAR, basis=Basis.MARKETING), Verdict.DENY, "PV_NO_SALE"),
    "P22": (replace(CSR, role=Role.ANALYST, purpose=" "), Verdict.DENY, "PV_PURPOSE"),
}


@pytest.mark.parametrize(("request_", "verdict", "code"), ACCESS.values(), ids=ACCESS)
def test_who_may_see_what(request_, verdict, code):
    decision = judged(request_)

    assert decision.verdict is verdict
    assert code in decision.codes
    assert all(finding.cure for finding in decision.findings if verdict is not Verdict.ALLOW)


@pytest.mark.parametrize("case", ["P06", "P13", "P14", "P16"])
def test_what_would_help_is_said(case):
    cures = {
        "P06": "the owner consents",
        "P13": "attorney",
        "P14": "attorney",
        "P16": "the customer's own service",
    }

    decision = judged(ACCESS[case][0])

    assert any(cures[case] in finding.cure for finding in decision.findings)


@pytest.mark.parametrize("case", ["P07", "P14"])
def test_access_by_consent_or_by_law_is_logged(case):
    assert judged(ACCESS[case][0]).follow_ups == ("log it",)


def test_p08_a_revoked_consent_ends_within_a_minute_wherever_it_was_remembered():
    revoked_at = NOW + timedelta(seconds=1)
    assert SOLAR.consent is not None
    revoked = replace(SOLAR, consent=replace(SOLAR.consent, revoked_at=revoked_at))

    before = judged(SOLAR)
    after = access.judge(Case(revoked, RULES, revoked_at, CALENDAR))

    assert before.allowed
    assert before.not_after is not None
    assert before.not_after <= revoked_at + timedelta(minutes=1)
    assert (after.verdict, after.codes) == (Verdict.DENY, ("PV_REVOKED",))


def homes(count: int, *, first: int = 0) -> Release:
    """Homes of one month that use 100 kWh each."""
    return Release(
        "electric kWh",
        Step.MONTH,
        tuple(
            Contribution(f"H{number}", residential=True, month=NOV, amount=Decimal(100))
            for number in range(first, first + count)
        ),
    )


NOV = date(2026, 11, 1)
SHOPS = Release(
    "electric kWh",
    Step.MONTH,
    tuple(
        Contribution(f"S{number}", residential=False, month=NOV, amount=Decimal(amount))
        for number, amount in enumerate([760, *[60] * 19])
    ),
)


def asked(release: Release, *earlier: Release) -> Answer:
    (answer,) = aggregates.publish([release], earlier, CUSTOMER_RULES.aggregate)
    return answer


SUPPRESSED = {
    "P09": (homes(9), (), "PV_AGG"),
    "P11": (SHOPS, (), "PV_AGG"),
    "P12": (homes(101), (homes(100),), "PV_DIFF"),
}


@pytest.mark.parametrize(("release", "ledger", "code"), SUPPRESSED.values(), ids=SUPPRESSED)
def test_a_total_that_shows_somebody_is_suppressed_and_never_zero(release, ledger, code):
    answer = asked(release, *ledger)

    assert answer.decision.verdict is Verdict.DENY
    assert code in answer.decision.codes
    assert answer.total is None
    assert str(answer) == "SUPPRESSED"


def test_p10_the_monthly_total_of_4000_homes_is_published():
    answer = asked(homes(4000))

    assert (answer.decision.verdict, answer.decision.code) == (Verdict.ALLOW, "PV_AGG_OK")
    assert answer.total == Decimal(400_000)


def test_p17_the_66th_account_is_linked_by_customer_service():
    assert portal.link_account(64, RULES).allowed
    decision = portal.link_account(65, RULES)

    assert (decision.verdict, decision.code) == (Verdict.REFER, "MY_LIMIT")


def test_p18_two_accounts_may_not_share_an_address():
    decision = portal.register_email("Ann@Example.org ", ["ann@example.org"])

    assert (decision.verdict, decision.code) == (Verdict.DENY, "MY_EMAIL")
    assert portal.register_email("bob@example.org", ["ann@example.org"]).allowed


def test_p20_an_export_to_the_wrong_firm_is_an_incident_that_customers_are_told_of():
    decision = portal.report_breach(["ACC2", "ACC1", "ACC2"])

    assert (decision.verdict, decision.code) == (Verdict.REFER, "PV_BREACH")
    assert decision.follow_ups == (
        "open an incident",
        "e-mail ACC1 without unreasonable delay",
        "e-mail ACC2 without unreasonable delay",
    )


def test_p21_a_bill_is_announced_four_days_before_and_one_day_after_it_is_due():
    planned = alerts.bill_alerts(date(2026, 11, 16), CUSTOMER_RULES.alert, CALENDAR)

    assert planned == (
        Planned(Alert.BILL_DUE, local("2026-11-12T09:00")),
        Planned(Alert.PAST_DUE, local("2026-11-17T09:00")),
    )
    assert alerts.judge(Alert.BILL_DUE, opted_out=False).code == "ALERT"
