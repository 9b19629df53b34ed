"""
Who may see what of a customer's data: policy.md 5.1.

The matrix is data: a cell says on what condition a role sees a kind of data. What is not known to
be allowed is refused.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from mdms.policy.access_facts import AccessRequest, AccessRules, Basis, Data, Grant, Role
from mdms.policy.case import Case, Row, deny, found, refer
from mdms.policy.decision import Decision, Finding, Verdict, decide

_PORTAL: Final = "MY"
_PRIVACY: Final = "PP"
_CONSENT: Final = "PP, X3 8381"

_BY_ACCOUNT: Final = frozenset({Grant.YES, Grant.OWN})
_BY_PURPOSE: Final = frozenset({Grant.PURPOSE, Grant.SURROGATE})
_OF_DAYS: Final = frozenset(
    {Data.BILL, Data.BILL_NOTICE, Data.DAILY_USAGE, Data.INTERVAL_USAGE, Data.LEAK_ALERT}
)
"""Data of a time: another customer's where somebody else had the service then."""

_Case = Case[AccessRequest, AccessRules]
_Row = Row[AccessRequest, AccessRules]


def judge(case: _Case) -> Decision:
    """
    Return whether somebody may see what they ask for.

    Access by consent holds until `not_after` and is judged again then, so that a consent that is
    revoked ends within that time wherever it was remembered. Every access by consent or purpose
    is logged.
    """
    facts, grant = case.facts, _grant(case)
    logged = grant is Grant.CONSENT or grant in _BY_PURPOSE or facts.basis is not Basis.ORDINARY
    return decide(
        found(_ROWS[facts.basis], case),
        Finding(Verdict.ALLOW, _code(facts, grant), _CLAUSES.get(grant, _PORTAL)),
        not_after=_recheck_at(case) if grant is Grant.CONSENT else None,
        follow_ups=["log it"] if logged else [],
    )


def _grant(case: _Case) -> Grant:
    return case.rules.grant(case.facts.role, case.facts.data)


def _recheck_at(case: _Case) -> datetime:
    recheck_at = case.at + timedelta(seconds=case.rules.recheck_seconds)
    consent = case.facts.consent
    return recheck_at if consent is None else min(recheck_at, consent.expires_at)


def _code(facts: AccessRequest, grant: Grant) -> str:
    if facts.role is Role.PROPERTY_MANAGER and facts.data is Data.CARD_PAYMENT:
        return "PV_PM_PAY"
    if grant is Grant.OWN:
        return _OWN_CODES.get(facts.role, "PV_OWNER")
    return _CODES[grant]


_OWN_CODES: Final[Mapping[Role, str]] = {
    Role.GUEST: "PV_GUEST",
    Role.PROPERTY_MANAGER: "PV_PM",
    Role.PAYER: "PV_PAYER",
}
_CODES: Final[Mapping[Grant, str]] = {
    Grant.YES: "PV_OWNER",
    Grant.CONSENT: "PV_CMD",
    Grant.PURPOSE: "PV_STAFF",
    Grant.SURROGATE: "PV_STAFF",
    Grant.STAFF: "PV_STAFF",
    Grant.AGGREGATE: "PV_AGG_OK",
    Grant.NO: "PV_ROLE",
}
_CLAUSES: Final[Mapping[Grant, str]] = {
    Grant.CONSENT: _CONSENT,
    Grant.PURPOSE: _PRIVACY,
    Grant.SURROGATE: _PRIVACY,
    Grant.STAFF: _PRIVACY,
    Grant.AGGREGATE: _PRIVACY,
}


def _role(case: _Case) -> Finding | None:
    if _grant(case) is not Grant.NO:
        return None
    facts = case.facts
    return deny("PV_ROLE", _PORTAL, f"none: {facts.data} is never shown to {facts.role}")


def _scope(case: _Case) -> Finding | None:
    facts = case.facts
    if _grant(case) not in _BY_ACCOUNT or facts.account_id in facts.account_ids:
        return None
    return deny("PV_SCOPE", _PORTAL, "the owner of that contract account grants access to it")


def _consent(case: _Case) -> Finding | None:
    facts, consent = case.facts, case.facts.consent
    if _grant(case) is not Grant.CONSENT:
        return None
    covered = (
        consent is not None
        and consent.account_id == facts.account_id
        and facts.data in consent.data
        and facts.days.within([consent.days])
        and consent.given_at <= case.at
    )
    if covered:
        return None
    return deny("PV_CONSENT", _CONSENT, "the owner consents to this data of these days")


def _revoked(case: _Case) -> Finding | None:
    consent = case.facts.consent
    if _grant(case) is not Grant.CONSENT or consent is None:
        return None
    ends_at = min(filter(None, (consent.revoked_at, consent.expires_at)))
    if case.at < ends_at:
        return None
    return deny("PV_REVOKED", _CONSENT, "the owner consents anew")


def _purpose(case: _Case) -> Finding | None:
    if _grant(case) not in _BY_PURPOSE or case.facts.purpose.strip():
        return None
    return deny("PV_PURPOSE", _PRIVACY, "record the purpose, with a case or order")


def _tenancy(case: _Case) -> Finding | None:
    facts, grant = case.facts, _grant(case)
    if grant not in {*_BY_ACCOUNT, Grant.CONSENT} or facts.data not in _OF_DAYS:
        return None
    if facts.days.within(facts.held):
        return None
    return deny("PV_TENANCY", _PRIVACY, "ask for days of the customer's own service there")


def _aggregate(case: _Case) -> Finding | None:
    if _grant(case) is not Grant.AGGREGATE or case.facts.hides_everybody:
        return None
    return deny("PV_AGG", _PRIVACY, "ask for a release that hides everybody in it")


def _public_records(case: _Case) -> Finding | None:
    if case.facts.data is Data.AGGREGATE:
        return None
    return deny("PV_CPRA", _PRIVACY, "the City's attorney answers; customers are exempt")


def _legal_process(_case: _Case) -> Finding | None:
    return refer("PV_LEGAL", _PRIVACY, "the City's attorney decides")


def _no_sale(_case: _Case) -> Finding | None:
    return deny("PV_NO_SALE", _CONSENT, "none: data is not sold, nor given for an incentive")


_MATRIX_ROWS: Final[Sequence[_Row]] = (
    _role,
    _scope,
    _consent,
    _revoked,
    _purpose,
    _tenancy,
    _aggregate,
)

_ROWS: Final[Mapping[Basis, Sequence[_Row]]] = {
    Basis.ORDINARY: _MATRIX_ROWS,
    Basis.PUBLIC_RECORDS: (_public_records, *_MATRIX_ROWS),
    Basis.LEGAL_PROCESS: (_legal_process,),
    Basis.MARKETING: (_no_sale,),
}
