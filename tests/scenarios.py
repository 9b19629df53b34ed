"""
Random commands and what is known about them: mostly in order, each part wrong now and then.

Times are chosen near the limits that rules set, where mistakes live.
"""

from dataclasses import fields, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final

from mdms.domain.controls import ControlState
from mdms.domain.facts import ABSENT
from mdms.domain.registry import Commodity
from mdms.policy.budgets import Opening, Spending
from mdms.policy.engine import CommandFacts
from mdms.policy.example_facts import METER
from mdms.policy.gate import MeterFacts
from mdms.policy.immediate import AdverseLoadFacts
from mdms.policy.move_out import MoveOutFacts
from mdms.policy.nonpay_facts import Arrangement, Dispute, NonpayFacts, ThirdParty
from mdms.policy.proposal import SAFETY, SUPERVISOR, Approval, Proposal
from mdms.policy.reconnect import ReconnectFacts
from tests.controls import a_control
from tests.policy import RULES, ZONE

CAUSES: Final = ("NONPAY", "MOVE_OUT", "HAZARD", "ADVERSE_LOAD", "THEFT", "WATER_WASTE", "TEST")
WRONG: Final = 0.02
"""How often a part is not in order."""

_FIRST: Final = date(2026, 11, 20)
_DAYS: Final = 400
_BUSY: Final = (
    a_control(state=ControlState.SENT),
    a_control(state=ControlState.UNKNOWN),
    a_control(state=ControlState.METER_ACK, due_at=datetime(2026, 12, 1, tzinfo=UTC)),
)
_EDGES: Final = tuple(
    time(*each)
    for each in (
        (0, 0), (7, 59, 59), (8, 0), (10, 5), (14, 59, 59), (15, 0), (16, 25), (16, 29, 59),
        (16, 30), (23, 59, 59),
    )
)  # fmt: skip


def an_instant(random: Random) -> datetime:
    """Return a time within the calendars; half of them in the window for non-payment."""
    day = _FIRST + timedelta(days=random.randrange(_DAYS))
    if random.random() < 0.5:
        at = time(random.randrange(8, 15), random.randrange(60))
        day -= timedelta(days=max(0, day.weekday() - 3))
    else:
        at = random.choice(_EDGES)
    return datetime.combine(day, at, tzinfo=ZONE).astimezone(UTC)


def a_scenario(random: Random) -> tuple[str, CommandFacts, datetime]:
    """Return the cause of a disconnect, what is known, and when it is asked for."""
    at = an_instant(random)
    cause = random.choice(CAUSES) if random.random() < 0.6 else "NONPAY"
    facts = CommandFacts(
        proposal=_proposal(random, cause, at),
        meter=_meter(random, at),
        spending=_spending(random, at),
        move_out=_move_out(random, at),
        nonpay=_nonpay(random, at),
        load=_disturbed(
            random,
            AdverseLoadFacts(mitigation_failed=True, engineering_finding="F-1"),
            {"mitigation_failed": (False, None), "engineering_finding": (ABSENT, None)},
        ),
    )
    return cause, facts, at


def a_reconnect(random: Random) -> tuple[str, CommandFacts, datetime]:
    """Return the cause of a reconnect, what is known, and when it is asked for."""
    at = an_instant(random)
    opened_at = at - random.choice((timedelta(hours=2), timedelta(hours=25), timedelta(days=9)))
    known = ReconnectFacts(
        open_cause=random.choice(CAUSES[:5]),
        opened_at=opened_at,
        balance_due=Decimal(),
        reconnect_charges_due=Decimal(),
        arrangement=Arrangement.NONE,
        account_established=True,
        inspection="I-1",
        inspected_at=at - timedelta(hours=1),
        load_side_voltage=False,
        hot=False,
        locked=False,
        customer_confirmed=True,
        met_at=at - timedelta(minutes=1),
    )
    wrong: dict[str, tuple[Any, ...]] = {
        "open_cause": (None, "TEST"),
        "balance_due": (Decimal(10), None),
        "reconnect_charges_due": (Decimal("0.01"), None),
        "arrangement": (Arrangement.KEPT, Arrangement.BROKEN, None),
        "account_established": (False, None),
        "inspection": (ABSENT, None),
        "inspected_at": (opened_at - timedelta(days=1), None),
        "load_side_voltage": (True, None),
        "hot": (True, None),
        "locked": (True, None),
        "customer_confirmed": (False, None),
    }
    facts = CommandFacts(
        proposal=_proposal(random, "NONPAY", at),
        meter=_meter(random, at),
        spending=_spending(random, at),
        reconnect=_disturbed(random, known, wrong, times=4),
    )
    return random.choice(("paid", "paid", "paid", "ERROR")), facts, at


def forgotten(random: Random, facts: CommandFacts) -> CommandFacts:
    """Return facts of which one is not known any more."""
    part = random.choice(("move_out", "nonpay", "load", "reconnect", "flags", "heard"))
    if part == "flags":
        return replace(facts, meter=replace(facts.meter, premise_flags=None))
    if part == "heard":
        return replace(facts, meter=replace(facts.meter, heard_at=None))
    known = getattr(facts, part)
    name = random.choice(fields(known)).name
    return replace(facts, **{part: replace(known, **{name: None})})


def _disturbed(
    random: Random, known: Any, wrong: dict[str, tuple[Any, ...]], *, times: int = 1
) -> Any:
    changes = {
        name: random.choice(values)
        for name, values in wrong.items()
        if random.random() < WRONG * times
    }
    return replace(known, **changes) if changes else known


def _about(random: Random, at: datetime, span: timedelta) -> datetime:
    return at - span + random.choice((-1, 0, 1)) * timedelta(seconds=1)


def _proposal(random: Random, cause: str, at: datetime) -> Proposal:
    safety = cause in {"HAZARD", "ADVERSE_LOAD", "THEFT"}
    items = {"HAZARD": "R9.D.3", "ADVERSE_LOAD": "R9.D.4", "THEFT": "R9.D.1"}
    people = ["ann", "bob"] if random.random() > 4 * WRONG else random.choice(
        ([], ["ann"], ["clerk", "ann"], ["ann", "ann"], ["clerk", "clerk"])
    )  # fmt: skip
    role = SUPERVISOR if random.random() > 4 * WRONG else SAFETY
    asked_at = at - timedelta(minutes=10)
    approvals = tuple(
        Approval(each, role, asked_at + timedelta(minutes=random.choice((4, 5, 6))))
        for each in people
    )
    return Proposal(
        requested_by="clerk",
        requested_at=asked_at,
        role=SAFETY if safety and random.random() > WRONG else "csr",
        approvals=approvals,
        evidence="" if random.random() < WRONG else "EV-1",
        item="" if random.random() < WRONG else items.get(cause, ""),
    )


def _meter(random: Random, at: datetime) -> MeterFacts:
    hour = timedelta(hours=1)
    wrong: dict[str, tuple[Any, ...]] = {
        "commodity": (Commodity.GAS, Commodity.WATER),
        "installed": (False,),
        "has_switch": (False,),
        "pilot": (False,),
        "radio_on": (False,),
        "heard_at": (None, at - 24 * hour, at - 25 * hour),
        "outage": (True,),
        "premise_flags": (("life_support",), ("garden", "medical"), ("garden",), None),
        "others": tuple((each,) for each in _BUSY),
        "remote_open": (False,),
    }
    fresh: MeterFacts = _disturbed(random, replace(METER, heard_at=at - hour), wrong)
    return fresh


def _spending(random: Random, at: datetime) -> Spending:
    made: tuple[Opening, ...] = ()
    if random.random() < 0.1:
        count = random.choice((2, 3, 5, 9, 10, 24, 25))
        made = tuple(
            Opening(
                at - random.choice((1, 59, 60, 61, 1439, 1440)) * timedelta(minutes=1),
                random.choice(("T1", "T2", "T3")),
                immediate=random.random() < 0.2,
            )
            for _ in range(count)
        )
    return Spending(
        made=made,
        open_count=random.choice((24, 25)) if random.random() < 0.1 else 3,
        switch_count=500,
        tripped=random.random() < WRONG,
    )


def _move_out(random: Random, at: datetime) -> MoveOutFacts:
    today = at.astimezone(ZONE).date()
    end = today - timedelta(days=random.choice((-1, 0, 1, 1, 1, 2, 5)))
    known = MoveOutFacts(
        end_on=end,
        notice_on=end - timedelta(days=random.choice((2, 3, 4, 5, 6, 8, 20))),
        revert_to_owner=False,
        successor_on=ABSENT,
        continues_until=ABSENT,
        new_application=False,
        in_use=False,
    )
    later = tuple(today + timedelta(days=days) for days in (-1, 0, 1, 2, 30))
    wrong: dict[str, tuple[Any, ...]] = {
        "end_on": (None,),
        "notice_on": (None,),
        "revert_to_owner": (True, None),
        "successor_on": (*later, None),
        "continues_until": (*later, None),
        "new_application": (True, None),
        "in_use": (True, None),
    }
    left: MoveOutFacts = _disturbed(random, known, wrong, times=2)
    return left


def _nonpay(random: Random, at: datetime) -> NonpayFacts:
    minute, hour, day = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
    delivered = at - random.choice((2, 2, 3, 5, 13)) * day
    first = delivered.astimezone(ZONE).date()
    known = NonpayFacts(
        past_due=Decimal(400),
        bill_issued_on=first - 50 * day,
        bill_due_on=first - 30 * day,
        bill_incorrect=False,
        corrected_issued_on=ABSENT,
        corrected_due_on=ABSENT,
        dispute=Dispute.NONE,
        dispute_answered_at=ABSENT,
        arrangement=Arrangement.NONE,
        arrangement_ended_at=ABSENT,
        balance_transferred=False,
        military_granted_on=ABSENT,
        military_extended=False,
        medical_certificate=False,
        late_notice_issued_on=first - 24 * day,
        late_notice_mailed_on=first - 24 * day,
        late_notice_pay_by=first - 9 * day,
        late_notice_shows_fee=True,
        notice_delivered_at=delivered,
        notice_proof="P-1",
        notice_contents=frozenset(RULES.nonpay.notice_contents),
        third_party=ThirdParty.NONE,
        contact_attempted_at=delivered,
        payment_started_at=ABSENT,
        payments_through=at - minute,
        cases_through=at - minute,
        call_centre=True,
        call_centre_known_at=at - minute,
        shared_meter=False,
    )
    around = (delivered - hour, delivered, delivered + hour)
    wrong: dict[str, tuple[Any, ...]] = {
        "past_due": (Decimal(), Decimal(-3), Decimal("0.01"), None),
        "bill_issued_on": (first - 42 * day, first - 43 * day, first - 44 * day, None),
        "bill_due_on": (first - 28 * day, first - 29 * day, first + 10 * day, None),
        "bill_incorrect": (True, None),
        "corrected_issued_on": (first - 50 * day, first - 5 * day, None),
        "corrected_due_on": (first - 30 * day, first + 15 * day, None),
        "dispute": (Dispute.OPEN, Dispute.ANSWERED, None),
        "dispute_answered_at": (*around, None),
        "arrangement": (Arrangement.KEPT, Arrangement.BROKEN, Arrangement.ENDED, None),
        "arrangement_ended_at": (*around, None),
        "balance_transferred": (True, None),
        "military_granted_on": (
            None, *(at.date() - n * day for n in (0, 179, 180, 181, 360, 361)),
        ),
        "military_extended": (True, None),
        "medical_certificate": (True, None),
        "late_notice_issued_on": (ABSENT, first - 26 * day, first - 8 * day, None),
        "late_notice_mailed_on": (ABSENT, first - 16 * day, first - 15 * day, None),
        "late_notice_pay_by": (ABSENT, first - day, first, first + day, None),
        "late_notice_shows_fee": (False, None),
        "notice_delivered_at": (
            ABSENT, None, _about(random, at, 48 * hour), at - 15 * day, at + hour,
        ),
        "notice_proof": ("", None),
        "notice_contents": (frozenset({"pay_by"}), None),
        "third_party": (ThirdParty.SERVED, ThirdParty.UNSERVED, None),
        "contact_attempted_at": (ABSENT, None, _about(random, at, 24 * hour), at - 90 * day),
        "payment_started_at": (None, _about(random, at, 24 * hour), at, at - 3 * hour),
        "payments_through": (None, at - 3 * hour, _about(random, at, 15 * minute)),
        "cases_through": (None, at - 3 * hour, _about(random, at, 15 * minute)),
        "call_centre": (False, None),
        "call_centre_known_at": (None, at - 15 * minute),
        "shared_meter": (True, None),
    }  # fmt: skip
    account: NonpayFacts = _disturbed(random, known, wrong)
    return account
