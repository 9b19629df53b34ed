"""
From statements, registry and commands to the facts that the engine judges by.

Of several statements of a fact the latest holds, if it is also the last that we heard; where an
old one came in late and says something else, nobody knows until the fact is stated again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import TypeVar
from zoneinfo import ZoneInfo

from mdms.domain.controls import EndDeviceControl, Result
from mdms.domain.facts import ABSENT, Absence, CisFact
from mdms.policy import reasons
from mdms.policy.budgets import Spending
from mdms.policy.engine import CommandFacts
from mdms.policy.facts import KINDS, CallCentre, read_value
from mdms.policy.gate import MeterFacts
from mdms.policy.immediate import AdverseLoadFacts
from mdms.policy.move_out import MoveOutFacts
from mdms.policy.nonpay_facts import Arrangement, Dispute, NonpayFacts, ThirdParty
from mdms.policy.proposal import Proposal
from mdms.policy.reconnect import ReconnectFacts

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stated:
    """The statements that hold, each with its value as read."""

    facts: Mapping[str, CisFact]
    values: Mapping[str, object]

    @classmethod
    def at(cls, statements: Iterable[CisFact], at: datetime, zone: ZoneInfo) -> "Stated":
        """
        Return what holds at an instant, as far as it was known then.

        Args:
            statements: About one account, its premise, its meter and the utility.
            at: What took effect, or was heard, later does not count.
            zone: Of local times without an offset.

        Raises:
            UsageError: A value has another form than its fact.
        """
        by_name: dict[str, list[CisFact]] = {}
        for fact in statements:
            if fact.fact in KINDS and fact.effective_at <= at and fact.known_at <= at:
                said = by_name.setdefault(fact.fact, [])
                said.append(fact)
                assert fact.subject_id == said[0].subject_id, "facts of two are never mixed"
        facts = {name: _last(said) for name, said in by_name.items() if not _contradicted(said)}
        return cls(facts, {name: read_value(fact, zone) for name, fact in facts.items()})

    def of(self, name: str, kind: type[T]) -> T | None:
        """Return a value; None where nobody stated it."""
        value = self.values.get(name)
        assert value is None or isinstance(value, kind), f"{name} is no {kind}"
        return value

    def of_any(self, name: str, kind: type[T]) -> T | Absence | None:
        """Return a value that may be stated not to exist."""
        return ABSENT if self.values.get(name) is ABSENT else self.of(name, kind)

    def since(self, name: str) -> datetime | None:
        """Return when a statement took effect."""
        fact = self.facts.get(name)
        return fact.effective_at if fact else None


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchFacts:
    """
    What we know of a switch ourselves.

    Attributes:
        opened_by: The last command that opened it; None: nobody knows.
        load_side_voltage: There is voltage behind the open switch; None: not known.
        hot: The meter raised a temperature alarm.
        refused: How the last command to close it ended, if it failed.
        in_use: More than standby was used for a day; None: not known.
    """

    opened_by: EndDeviceControl | None = None
    load_side_voltage: bool | None = None
    hot: bool | None = None
    refused: Result | None = None
    in_use: bool | None = None


def command_facts(
    stated: Stated,
    *,
    proposal: Proposal,
    meter: MeterFacts,
    switch: SwitchFacts,
    spending: Spending,
) -> CommandFacts:
    """Return all that a command is judged by; `meter` has the flags that the registry knows."""
    flags = premise_flags(stated, meter.premise_flags or ())
    return CommandFacts(
        proposal=proposal,
        meter=replace(meter, premise_flags=flags),
        spending=spending,
        move_out=move_out_facts(stated, in_use=switch.in_use),
        nonpay=nonpay_facts(stated),
        load=AdverseLoadFacts(
            mitigation_failed=stated.of("mitigation_failed", bool),
            engineering_finding=stated.of_any("engineering_finding", str),
        ),
        reconnect=reconnect_facts(stated, switch),
    )


def premise_flags(stated: Stated, registered: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the flags of a premise in both systems; None while the customer system is silent."""
    flags = stated.of("premise_flags", tuple)
    return None if flags is None else (*registered, *flags)


def nonpay_facts(stated: Stated) -> NonpayFacts:
    """Return what is known of an account in arrears."""
    delivered = stated.facts.get("notice_48h_delivered_at")
    contents = stated.of("notice_48h_contents", tuple)
    call_centre = stated.of("call_centre", CallCentre)
    return NonpayFacts(
        past_due=stated.of("past_due", Decimal),
        bill_issued_on=stated.of("bill_issued_on", date),
        bill_due_on=stated.of("bill_due_on", date),
        bill_incorrect=stated.of("bill_incorrect", bool),
        corrected_issued_on=stated.of_any("corrected_issued_on", date),
        corrected_due_on=stated.of_any("corrected_due_on", date),
        dispute=stated.of("dispute", Dispute),
        dispute_answered_at=stated.of_any("dispute_answered_at", datetime),
        arrangement=stated.of("arrangement", Arrangement),
        arrangement_ended_at=stated.of_any("arrangement_ended_at", datetime),
        balance_transferred=stated.of("balance_transferred", bool),
        military_granted_on=stated.of_any("military_granted_on", date),
        military_extended=stated.of("military_extended", bool),
        medical_certificate=stated.of("medical_certificate", bool),
        late_notice_issued_on=stated.of_any("late_notice_issued_on", date),
        late_notice_mailed_on=stated.of_any("late_notice_mailed_on", date),
        late_notice_pay_by=stated.of_any("late_notice_pay_by", date),
        late_notice_shows_fee=stated.of("late_notice_shows_fee", bool),
        notice_delivered_at=stated.of_any("notice_48h_delivered_at", datetime),
        notice_proof=delivered.evidence if delivered else None,
        notice_contents=None if contents is None else frozenset(contents),
        third_party=stated.of("third_party_notice", ThirdParty),
        contact_attempted_at=stated.of_any("contact_attempted_at", datetime),
        payment_started_at=stated.of_any("payment_started_at", datetime),
        payments_through=_heard(stated, "payments_through"),
        cases_through=_heard(stated, "cases_through"),
        call_centre=None if call_centre is None else call_centre is CallCentre.ANSWERING,
        call_centre_known_at=stated.since("call_centre"),
        shared_meter=stated.of("shared_meter", bool),
    )


def move_out_facts(stated: Stated, *, in_use: bool | None) -> MoveOutFacts:
    """Return what is known of a home that somebody leaves."""
    return MoveOutFacts(
        end_on=stated.of("service_end_on", date),
        notice_on=stated.of("move_out_notice_on", date),
        revert_to_owner=stated.of("revert_to_owner", bool),
        successor_on=stated.of_any("successor_on", date),
        continues_until=stated.of_any("service_continues_until", date),
        new_application=stated.of("new_application", bool),
        in_use=in_use,
    )


def reconnect_facts(stated: Stated, switch: SwitchFacts) -> ReconnectFacts:
    """Return what is known of an open switch; that somebody is there counts since it opened."""
    opened = switch.opened_by
    opened_at = (opened.answered_at or opened.sent_at) if opened else None
    confirmed_at = stated.since("customer_confirmed")
    confirmed = stated.of("customer_confirmed", bool)
    if opened_at is None or confirmed_at is None or confirmed_at < opened_at:
        confirmed = None
    return ReconnectFacts(
        open_cause=opened.cause if opened else None,
        opened_at=opened_at,
        balance_due=stated.of("balance_due", Decimal),
        reconnect_charges_due=stated.of("reconnect_charges_due", Decimal),
        arrangement=stated.of("arrangement", Arrangement),
        account_established=stated.of("account_established", bool),
        inspection=stated.of_any("inspection", str),
        inspected_at=stated.since("inspection"),
        load_side_voltage=switch.load_side_voltage,
        hot=switch.hot,
        locked=switch.refused is Result.SWITCH_LOCKED,
        customer_confirmed=confirmed,
        met_at=_met_at(stated, opened.cause if opened else ""),
    )


def _met_at(stated: Stated, open_cause: str) -> datetime | None:
    """Return when the last condition took effect; None where one was never stated."""
    names = _CONDITIONS.get(open_cause, ())
    if open_cause == reasons.NONPAY and stated.of("arrangement", Arrangement) is Arrangement.KEPT:
        names = ("arrangement",)
    times = [stated.since(name) for name in names]
    known = [time for time in times if time is not None]
    return max(known) if known and len(known) == len(times) else None


_CHARGES = ("balance_due", "reconnect_charges_due")
_CONDITIONS: Mapping[str, tuple[str, ...]] = {
    reasons.NONPAY: _CHARGES,
    reasons.MOVE_OUT: ("account_established",),
    reasons.HAZARD: ("inspection",),
    reasons.ADVERSE_LOAD: ("inspection",),
    reasons.THEFT: (*_CHARGES, "inspection"),
}
"""What must be stated before a supply comes back, by why it was cut off."""


def _heard(stated: Stated, name: str) -> datetime | None:
    """Return how far a feed has come: no further than to when it told us."""
    through = stated.of(name, datetime)
    return min(through, stated.facts[name].known_at) if through else None


def _last(said: list[CisFact]) -> CisFact:
    return max(said, key=lambda fact: (fact.effective_at, fact.known_at))


def _contradicted(said: list[CisFact]) -> bool:
    last_heard = max(said, key=lambda fact: (fact.known_at, fact.effective_at))
    return last_heard.value != _last(said).value
