"""Nobody sees what the matrix does not give, and no condition is ever skipped."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdms.policy import access
from mdms.policy.access_facts import AccessRequest, Basis, Consent, Data, Days, Grant, Role
from mdms.policy.case import Case
from mdms.policy.decision import Decision, Verdict
from mdms.policy.tables import TableError
from tests.editions import CALENDAR, CUSTOMER_RULES, local

RULES = CUSTOMER_RULES.access
NOW = local("2026-12-10 10:00")
NOVEMBER = Days(date(2026, 11, 1), date(2026, 11, 30))
ALWAYS = Days(date(2020, 1, 1), date(2030, 1, 1))

CONSENT = Consent(
    account_id="ACC1",
    data=frozenset(Data),
    days=ALWAYS,
    given_at=NOW - timedelta(days=1),
    expires_at=NOW + timedelta(days=365),
    revoked_at=None,
)
FULL = AccessRequest(
    role=Role.OWNER,
    data=Data.INTERVAL_USAGE,
    days=NOVEMBER,
    account_id="ACC1",
    account_ids=frozenset({"ACC1"}),
    held=(ALWAYS,),
    consent=CONSENT,
    purpose="case 4711",
    hides_everybody=True,
)
"""Shows all that anybody could: what is still refused, the role never sees."""


def judged(request: AccessRequest) -> Decision:
    return access.judge(Case(request, RULES, NOW, CALENDAR))


# policy.md 5.1, written a second time: what each role may see at all.
OWNER = set(Data) - {Data.IDENTITY}
SEES = {
    Role.OWNER: OWNER,
    Role.GUEST: {
        Data.BILL, Data.BILL_NOTICE, Data.DAILY_USAGE, Data.INTERVAL_USAGE, Data.LEAK_ALERT,
        Data.AGGREGATE,
    },
    Role.PROPERTY_MANAGER: {
        Data.BILL, Data.BILL_NOTICE, Data.CARD_PAYMENT, Data.DAILY_USAGE, Data.INTERVAL_USAGE,
        Data.LEAK_ALERT, Data.AGGREGATE,
    },
    Role.PAYER: {Data.BILL_NOTICE, Data.AGGREGATE},
    Role.THIRD_PARTY: {
        Data.BILL, Data.BILL_NOTICE, Data.DAILY_USAGE, Data.INTERVAL_USAGE, Data.LEAK_ALERT,
        Data.AGGREGATE,
    },
    Role.CSR: OWNER - {Data.PAYMENT_METHOD},
    Role.ANALYST: {
        Data.DAILY_USAGE, Data.INTERVAL_USAGE, Data.LEAK_ALERT, Data.STATUS, Data.AGGREGATE,
    },
    Role.CONTRACTOR: {
        Data.BILL, Data.BILL_NOTICE, Data.DAILY_USAGE, Data.INTERVAL_USAGE, Data.STATUS,
        Data.AGGREGATE,
    },
    Role.PUBLIC: {Data.AGGREGATE},
}  # fmt: skip


@pytest.mark.parametrize("role", Role)
def test_the_matrix_that_ships_is_that_of_the_page(role):
    seen = {data for data in Data if judged(replace(FULL, role=role, data=data)).allowed}

    assert seen == SEES[role]


@pytest.mark.parametrize("role", Role)
def test_nobody_ever_sees_identity_documents(role):
    assert RULES.grant(role, Data.IDENTITY) is Grant.NO


def test_analysts_see_intervals_under_a_surrogate_only():
    assert RULES.grant(Role.ANALYST, Data.INTERVAL_USAGE) is Grant.SURROGATE


@pytest.mark.parametrize(
    ("role", "data", "code"),
    [
        (Role.OWNER, Data.BILL, "PV_OWNER"),
        (Role.PROPERTY_MANAGER, Data.BILL, "PV_PM"),
        (Role.PAYER, Data.BILL_NOTICE, "PV_PAYER"),
        (Role.CSR, Data.CONTACT, "PV_STAFF"),
        (Role.ANALYST, Data.AGGREGATE, "PV_STAFF"),
        (Role.PUBLIC, Data.AGGREGATE, "PV_AGG_OK"),
    ],
)
def test_what_is_allowed_says_by_what_right(role, data, code):
    decision = judged(replace(FULL, role=role, data=data))

    assert (decision.verdict, decision.code) == (Verdict.ALLOW, code)


REQUESTS = st.builds(
    replace,
    st.just(FULL),
    role=st.sampled_from(Role),
    data=st.sampled_from(Data),
    account_id=st.sampled_from(["ACC1", "ACC2"]),
    held=st.sampled_from([(), (ALWAYS,), (Days(date(2026, 11, 15), date(2030, 1, 1)),)]),
    consent=st.sampled_from(
        [
            None,
            CONSENT,
            replace(CONSENT, account_id="ACC3"),
            replace(CONSENT, data=frozenset({Data.BILL})),
            replace(CONSENT, days=Days(date(2026, 11, 2), date(2030, 1, 1))),
            replace(CONSENT, given_at=NOW + timedelta(seconds=1)),
            replace(CONSENT, expires_at=NOW),
            replace(CONSENT, revoked_at=NOW),
        ]
    ),
    purpose=st.sampled_from(["", "  ", "case 4711"]),
    basis=st.sampled_from([Basis.ORDINARY, *Basis]),
    hides_everybody=st.booleans(),
)


@given(REQUESTS)
def test_no_condition_is_ever_skipped(request_):
    if not judged(request_).allowed:
        return

    grant = RULES.grant(request_.role, request_.data)
    assert request_.data in SEES[request_.role]
    assert request_.basis not in {Basis.MARKETING, Basis.LEGAL_PROCESS}
    if grant in {Grant.YES, Grant.OWN}:
        assert request_.account_id in request_.account_ids
    if grant is Grant.CONSENT:
        consent = request_.consent
        assert consent is not None
        assert consent.account_id == request_.account_id
        assert request_.data in consent.data
        assert consent.given_at <= NOW < consent.expires_at
        assert consent.revoked_at is None
    if grant in {Grant.PURPOSE, Grant.SURROGATE}:
        assert request_.purpose.strip()
    if grant is Grant.AGGREGATE:
        assert request_.hides_everybody
    if request_.basis is Basis.PUBLIC_RECORDS:
        assert request_.data is Data.AGGREGATE


@given(REQUESTS)
def test_no_customer_sees_days_of_somebody_else(request_):
    usage = {Data.DAILY_USAGE, Data.INTERVAL_USAGE}
    customers = {Role.OWNER, Role.GUEST, Role.PROPERTY_MANAGER, Role.THIRD_PARTY}
    if request_.role in customers and request_.data in usage and judged(request_).allowed:
        assert request_.held == (ALWAYS,)


def test_access_by_consent_ends_with_the_consent_if_that_is_sooner():
    ends = replace(CONSENT, expires_at=NOW + timedelta(seconds=10))

    decision = judged(replace(FULL, role=Role.THIRD_PARTY, consent=ends))

    assert decision.not_after == ends.expires_at


@pytest.mark.parametrize(
    ("held", "within"),
    [
        ([], False),
        ([(1, 30)], True),
        ([(1, 29)], False),
        ([(2, 30)], False),
        ([(16, 30), (1, 15)], True),
        ([(1, 14), (16, 30)], False),
        ([(1, 20), (10, 30)], True),
    ],
)
def test_days_may_be_held_under_one_agreement_after_the_other(held, within):
    others = [Days(date(2026, 11, first), date(2026, 11, last)) for first, last in held]

    assert NOVEMBER.within(others) is within


@pytest.mark.parametrize(
    "matrix",
    [
        {},
        dict.fromkeys(Data, "Y Y Y Y Y Y Y Y"),
        dict.fromkeys(Data, "Y Y Y Y Y Y Y Y x"),
        dict.fromkeys([*Data, "shoe_size"], "Y Y Y Y Y Y Y Y Y"),
    ],
)
def test_a_matrix_with_holes_or_unknown_letters_is_refused(matrix):
    with pytest.raises(TableError, match=r"access\.matrix"):
        replace(RULES, matrix=matrix)
