"""
What the worked examples start from: an account, a home, a meter and a proposal in order.

An example changes some of it, and nothing else.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from mdms.domain.controls import Action, ControlState, EndDeviceControl, new_id
from mdms.domain.facts import CisFact
from mdms.domain.registry import Commodity
from mdms.policy.assembly import SwitchFacts
from mdms.policy.budgets import Spending
from mdms.policy.facts import KINDS
from mdms.policy.gate import MeterFacts
from mdms.policy.proposal import SAFETY, SUPERVISOR, Approval, Proposal

Values = Mapping[str, str]
"""Facts by name, as the customer system states them."""

ARREARS: Final[Values] = {
    "past_due": "400.00",
    "bill_issued_on": "2026-10-20",
    "bill_due_on": "2026-11-09",
    "bill_incorrect": "no",
    "corrected_issued_on": "none",
    "corrected_due_on": "none",
    "dispute": "none",
    "dispute_answered_at": "none",
    "arrangement": "none",
    "arrangement_ended_at": "none",
    "balance_transferred": "no",
    "military_granted_on": "none",
    "military_extended": "no",
    "medical_certificate": "no",
    "late_notice_issued_on": "2026-11-16",
    "late_notice_mailed_on": "2026-11-16",
    "late_notice_pay_by": "2026-12-01",
    "late_notice_shows_fee": "yes",
    "notice_48h_delivered_at": "2026-12-08T10:00",
    "notice_48h_contents": (
        "name_address amount_fee pay_by complaint amortisation assistance telephone"
    ),
    "third_party_notice": "none",
    "contact_attempted_at": "2026-12-08T10:00",
    "payment_started_at": "none",
    "shared_meter": "no",
    "call_centre": "answering",
    "premise_flags": "none",
}
"""The bill of policy.md 2.4, its notices, and nothing that stands against a disconnect."""

LEFT: Final[Values] = {
    "service_end_on": "2026-12-10",
    "move_out_notice_on": "2026-12-07",
    "revert_to_owner": "no",
    "successor_on": "none",
    "service_continues_until": "none",
    "new_application": "no",
    "premise_flags": "none",
}
"""A home that is left on 2026-12-10, with three business days' notice."""

PAID: Final[Values] = {
    "balance_due": "0.00",
    "reconnect_charges_due": "0.00",
    "arrangement": "none",
}
"""An account that owes nothing any more."""

METER: Final = MeterFacts(
    commodity=Commodity.ELECTRIC,
    model="m",
    transformer_id="T1",
    installed=True,
    has_switch=True,
    pilot=True,
    radio_on=True,
    heard_at=datetime(2027, 12, 31, tzinfo=UTC),
    outage=False,
    opted_out=False,
    premise_flags=(),
    remote_open=True,
)
"""A pilot meter in order."""

SPENDING: Final = Spending(made=(), open_count=0, switch_count=500)
"""Nothing was opened yet."""

_ASKED_AT: Final = datetime(2026, 12, 6, tzinfo=UTC)

PROPOSAL: Final = Proposal(
    requested_by="clerk",
    requested_at=_ASKED_AT,
    role="csr",
    approvals=tuple(Approval(each, SUPERVISOR, _ASKED_AT) for each in ("ann", "bob")),
)
"""A clerk asked, two supervisors approved."""

HAZARD: Final = replace(PROPOSAL, role=SAFETY, evidence="EV-7", item="R9.D.3")
"""An officer proposed it on evidence, supervisors approved."""


def stated(values: Values, at: datetime) -> list[CisFact]:
    """Return values as the customer system states them at a time, its feeds up to date."""
    feeds = {"payments_through": at.isoformat(), "cases_through": at.isoformat()}
    return [
        CisFact(
            subject=KINDS[name].subject,
            subject_id="example",
            fact=name,
            value=value,
            effective_at=at,
            known_at=at,
            evidence="example",
        )
        for name, value in (feeds | dict(values)).items()
    ]


def opened(cause: str, at: datetime) -> SwitchFacts:
    """Return a switch that was opened for a cause at a time."""
    control = EndDeviceControl(
        control_id=new_id(at),
        action=Action.DISCONNECT,
        badge="E1",
        serial="S-E1",
        radio_id=1,
        key_id=1,
        usage_point_id="UE1",
        commodity=Commodity.ELECTRIC,
        cause=cause,
        order="",
        reason="",
        requested_by="clerk",
        requested_at=at,
        not_before=at,
        not_after=at,
        state=ControlState.VERIFIED,
        answered_at=at,
    )
    return SwitchFacts(opened_by=control, load_side_voltage=False, hot=False, in_use=False)
