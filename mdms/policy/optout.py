"""
Opting out of a meter's radio: who may, and what becomes of each meter (policy.md 1.1-1.3).

Rows on the account hold for every service; rows on the type of customer are judged service by
service, so that a water meter that was ticked by mistake refuses only itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from mdms.domain.registry import Commodity, PremiseKind
from mdms.domain.time import local_day, months_after
from mdms.policy.case import Case, Row, deny, found, pending, refer
from mdms.policy.decision import Decision, Finding, Verdict, decide
from mdms.policy.optout_facts import (
    OptoutRequest,
    OptoutRules,
    Requester,
    Service,
    Stage,
    Standing,
)
from mdms.policy.optout_fees import Fee, enrolment_fees

_PROGRAMME: Final = "OO-III"
_CONDUCT: Final = "OO-III, R10.D-opt"


class MeterAction(StrEnum):
    """What becomes of a meter."""

    KEEP_LEGACY = "keep_legacy"
    """Left as it is for the time being; its install order is cancelled."""
    RADIO_OFF = "radio_off"
    REPLACE_RADIO_OFF = "replace_radio_off"
    """An AMI meter takes its place, with its radio off."""
    RADIO_ON = "radio_on"
    RADIO_ON_FIELD = "radio_on_field"
    """By field order: a battery meter whose radio is off hears nothing."""
    INSTALL_AMI = "install_ami"


@dataclass(frozen=True, slots=True)
class ServiceOutcome:
    """What was decided for one service; no action unless it is allowed."""

    usage_point_id: str
    decision: Decision
    action: MeterAction | None


@dataclass(frozen=True, slots=True)
class OptoutOutcome:
    """
    What was decided for a request.

    Attributes:
        services: One for each service asked for, in order of their usage points.
        fees: Due with what was allowed; none while nothing is.
    """

    services: tuple[ServiceOutcome, ...]
    fees: tuple[Fee, ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    """One of the services asked for, with the request."""

    request: OptoutRequest
    service: Service


_Case = Case[_Asked, OptoutRules]
_Row = Row[_Asked, OptoutRules]


def judge(case: Case[OptoutRequest, OptoutRules]) -> OptoutOutcome:
    """
    Decide a request for every service asked for, and name the fees.

    Ask again while it is pending: a request whose form is out for longer than its term lapses.
    """
    request, rules = case.facts, case.rules
    outcomes = tuple(_judge_service(_of(request, service, case)) for service in _asked(request))
    allowed = {each.usage_point_id for each in outcomes if each.decision.allowed}
    residences = {
        service.premise_id for service in _asked(request) if service.usage_point_id in allowed
    }
    paid = request.enrolled if request.set_up_again else request.enrolled | request.left
    fees = enrolment_fees(
        request.account_id,
        residences - paid,
        rules.fees,
        joins=bool(allowed) and not request.enrolled,
    )
    return OptoutOutcome(outcomes, fees)


def review(case: Case[OptoutRequest, OptoutRules]) -> Decision:
    """
    Return whether something came up that would have kept an opt-out from being allowed.

    A human decides; then the radio comes back, or an AMI meter is installed, with written notice.
    """
    request = case.facts
    causes = sorted(
        {
            finding.code
            for service in _asked(request)
            for finding in found(_LASTING_ROWS, _of(request, service, case))
            if finding.verdict is Verdict.DENY
        }
    )
    revoke = refer("OO_REVOKE", _PROGRAMME, f"somebody decides on {', '.join(causes)}")
    return decide([revoke] if causes else [], Finding(Verdict.ALLOW, "OO_STANDS", _PROGRAMME))


def _asked(request: OptoutRequest) -> list[Service]:
    asked = [service for service in request.services if service.asked]
    assert asked, "a request names a service"
    return sorted(asked, key=lambda service: service.usage_point_id)


def _of(request: OptoutRequest, service: Service, case: Case[Any, OptoutRules]) -> _Case:
    return Case(_Asked(request, service), case.rules, case.at, case.calendar)


def _judge_service(case: _Case) -> ServiceOutcome:
    service = case.facts.service
    keeps = service.stage is Stage.LEGACY
    decision = decide(
        [finding for finding in found(_ROWS, case) if not _settled(finding, case)],
        Finding(Verdict.ALLOW, "OO_KEEP_LEGACY" if keeps else "OO_RADIO_OFF", "OO-II"),
    )
    action = MeterAction.KEEP_LEGACY if keeps else MeterAction.RADIO_OFF
    return ServiceOutcome(service.usage_point_id, decision, action if decision.allowed else None)


def _settled(finding: Finding, case: _Case) -> bool:
    return finding.verdict is Verdict.REFER and case.facts.request.approved


def _not_holder(case: _Case) -> Finding | None:
    requester = case.facts.request.requester
    if requester is Requester.HOLDER:
        return None
    verdict = Verdict.REFER if requester is Requester.UNKNOWN else Verdict.DENY
    return Finding(verdict, "OO_NOT_HOLDER", _PROGRAMME, "the account holder asks for it")


def _water(case: _Case) -> Finding | None:
    if case.facts.service.commodity is not Commodity.WATER:
        return None
    return _never("OO_WATER", "water meters stand in the right of way and take part always")


def _multi_unit(case: _Case) -> Finding | None:
    if case.facts.service.kind is not PremiseKind.MULTI_UNIT:
        return None
    return _never("OO_MULTI_UNIT", "only single-family homes may opt out")


def _commercial(case: _Case) -> Finding | None:
    if case.facts.service.kind not in {PremiseKind.COMMERCIAL, PremiseKind.INDUSTRIAL}:
        return None
    return _never("OO_CI", "only homes may opt out")


def _net_metering(case: _Case) -> Finding | None:
    if not case.facts.service.net_metering:
        return None
    return _never("OO_NEM", "net metering needs intervals")


def _temporary(case: _Case) -> Finding | None:
    if not case.facts.service.temporary:
        return None
    return _never("OO_TEMP", "temporary service takes part always")


def _never(code: str, why: str) -> Finding:
    return deny(code, _PROGRAMME, f"none: {why}")


def _new_account(case: _Case) -> Finding | None:
    """
    Refuse a new account; refer one that found an AMI meter when it was opened.

    New accounts take part automatically (OO-II). Until when they do is not said: denied while
    younger than the term, then referred (policy.md 7.14); an account that was there before its
    AMI meter is not new.
    """
    opened_on, ami_since = case.facts.request.opened_on, case.facts.service.ami_since
    if opened_on is None:
        return refer("OO_NEW_ACCOUNT", "OO-II", "find out when the account was opened")
    old_enough_on = months_after(opened_on, case.rules.account_months_min)
    if case.today < old_enough_on:
        return deny("OO_NEW_ACCOUNT", "OO-II", f"ask again from {old_enough_on} on")
    if ami_since is not None and ami_since <= opened_on:
        return refer(
            "OO_NEW_ACCOUNT",
            "OO-II",
            "customer service decides: the account was opened with an AMI meter",
        )
    return None


def _partial(case: _Case) -> Finding | None:
    request = case.facts.request
    chosen = {service.premise_id for service in _asked(request)}
    left_out = sorted(
        service.usage_point_id
        for service in request.services
        if not service.asked
        and service.premise_id in chosen
        and not found(_TYPE_ROWS, _of(request, service, case))
    )
    if not left_out:
        return None
    return refer("OO_PARTIAL", _PROGRAMME, f"ask for {', '.join(left_out)} as well")


def _tampering(case: _Case) -> Finding | None:
    tampering = case.facts.request.tampering
    return _on_record("OO_TAMPER", "none: tampering is on record", "tampering", recorded=tampering)


def _not_current(case: _Case) -> Finding | None:
    standing = case.facts.request.standing
    if standing is Standing.DISPUTED_ONLY:
        return refer(
            "OO_DISPUTED", _CONDUCT, "the billing supervisor decides: only disputed sums are open"
        )
    recorded = None if standing is Standing.UNKNOWN else standing is Standing.NOT_CURRENT
    return _on_record("OO_NOT_CURRENT", "pay what is past due", "standing", recorded=recorded)


def _obstructed(case: _Case) -> Finding | None:
    obstructed = case.facts.request.obstructed
    return _on_record(
        "OO_ACCESS",
        "none: obstructed access is on record",
        "access_obstructed",
        recorded=obstructed,
    )


def _hazardous(case: _Case) -> Finding | None:
    return _on_record(
        "OO_SITE",
        "none while the site is deemed inaccessible or hazardous",
        "site_hazardous",
        recorded=case.facts.request.hazardous,
    )


def _on_record(code: str, cure: str, fact: str, *, recorded: bool | None) -> Finding | None:
    """Deny what is on record; refer what nobody knows, and name the fact that would tell."""
    if recorded is False:
        return None
    if recorded is None:
        return refer(
            code,
            _CONDUCT,
            f"look into the record and state the fact {fact} (`mdms fact import FILE`; "
            f"`mdms fact kinds` says of whom and how), then `mdms optout judge`",
        )
    return deny(code, _CONDUCT, cure)


def _self_read(case: _Case) -> Finding | None:
    if case.facts.request.self_read_accepted:
        return None
    return refer(
        "OO_CROM_DISCRETION",
        "OO-VI, R10.C",
        "the utility accepts that the customer reads the meters",
    )


def _set_up_again(case: _Case) -> Finding | None:
    request, service = case.facts.request, case.facts.service
    if service.premise_id not in request.left or request.set_up_again is not None:
        return None
    return refer("OO_SETUP_AGAIN", "OO-IV.1", "somebody decides on a second set-up fee")


def _form(case: _Case) -> Finding | None:
    request = case.facts.request
    if request.form_on_file:
        return None
    received_on = local_day(request.received_at, case.calendar.zone)
    due_on = received_on + timedelta(days=case.rules.form_days)
    if case.today > due_on:
        return deny("OO_FORM", _PROGRAMME, "make a new request: this one lapsed")
    return pending("OO_FORM", _PROGRAMME, f"return the signed form by {due_on}")


def _race(case: _Case) -> Finding | None:
    if case.facts.service.stage is not Stage.INSTALLING:
        return None
    return refer("OO_RACE", "A", "call the crew back; if it was done, it counts as installed")


_TYPE_ROWS: Final[Sequence[_Row]] = (_water, _multi_unit, _commercial, _net_metering, _temporary)

_LASTING_ROWS: Final[Sequence[_Row]] = (
    *_TYPE_ROWS,
    _tampering,
    _not_current,
    _obstructed,
    _hazardous,
)
"""Causes that end an opt-out when they appear later."""

_ROWS: Final[Sequence[_Row]] = (
    _not_holder,
    *_TYPE_ROWS,
    _new_account,
    _partial,
    _tampering,
    _not_current,
    _obstructed,
    _hazardous,
    _self_read,
    _set_up_again,
    _form,
    _race,
)
