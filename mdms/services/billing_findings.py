"""What reads have overtaken after a freeze, each difference with what the rules say about it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from mdms.billing.window import BillWindow
from mdms.domain.audit import AuditEntry, Value
from mdms.domain.facts import Subject
from mdms.policy.corrections import Ruling, WrongUnits, judge_correction
from mdms.policy.nonpay_facts import Dispute
from mdms.ports.billing import Correction
from mdms.ports.unit_of_work import UnitOfWork
from mdms.services.billing_look_back import Difference, LookBack
from mdms.services.customer_rules import CustomerBook
from vee.rules import RuleSet


class Findings:
    """
    Looks back at a window and rules on what it finds.

    Args:
        book: The rules that corrections go by.
        rules: The rule set that the installation ships with.
    """

    def __init__(self, book: CustomerBook, rules: RuleSet) -> None:
        self._book = book
        self._look_back = LookBack(book, rules)

    async def differences(
        self,
        work: UnitOfWork,
        window: BillWindow,
        as_of: datetime,
        *,
        channel_ids: frozenset[int] | None = None,
    ) -> Sequence[Difference]:
        """Return what differs; see `LookBack.differences`."""
        return await self._look_back.differences(work, window, as_of, channel_ids=channel_ids)

    async def ruling(self, work: UnitOfWork, difference: Difference, now: datetime) -> Ruling:
        """Return what is done about a difference that is found now."""
        frozen = difference.frozen
        rules = self._book.at(now)
        return judge_correction(
            WrongUnits(
                billed_on=frozen.window_end,
                found_on=self._book.today(now),
                changes={name: new - old for name, (old, new) in difference.changes.items()},
                estimated=difference.next_bill_carries,
                disputed=await _disputed(work, difference.billed_to, now),
            ),
            rules.adjustment,
            rules.bill,
        )

    async def correction(
        self, work: UnitOfWork, difference: Difference, now: datetime, by: str
    ) -> Correction:
        """Return a difference that can be added up as a correction, found now by somebody."""
        frozen, present = difference.frozen, difference.present
        assert present is not None, "what cannot be added up is no correction"
        ruling = await self.ruling(work, difference, now)
        return Correction(
            window_start=frozen.window_start,
            window_end=frozen.window_end,
            usage_point_id=frozen.usage_point_id,
            period=frozen.period,
            revision=frozen.revision,
            account_id=frozen.account_id,
            found_at=now,
            found_by=by,
            changes=difference.changes,
            causes=tuple(cause.value for cause in difference.causes),
            flags=tuple(flag.value for flag in ruling.flags),
            treatment=ruling.treatment.value,
            notice_by=ruling.notice_by,
            old_hash=frozen.content_hash,
            new_hash=present.content_hash,
        )


def view(correction: Correction) -> dict[str, Any]:
    """Return a correction as plain values."""
    return {
        "number": correction.number,
        "window_start": str(correction.window_start),
        "window_end": str(correction.window_end),
        "usage_point": correction.usage_point_id,
        "account": correction.account_id,
        "revision": correction.revision,
        "changes": {
            name: {"frozen": old, "present": new, "change": new - old}
            for name, (old, new) in correction.changes.items()
        },
        "causes": list(correction.causes),
        "flags": list(correction.flags),
        "treatment": correction.treatment,
        "proposed": correction.proposed,
        "found_at": correction.found_at.isoformat(),
        "found_by": correction.found_by,
        "notice_by": str(correction.notice_by),
        "noticed_at": None if correction.noticed_at is None else correction.noticed_at.isoformat(),
        "noticed_by": correction.noticed_by,
    }


def audited(correction: Correction) -> AuditEntry:
    """Return what the audit keeps of a correction that was found."""
    told: dict[str, Value] = {
        name: value
        for name, value in view(correction).items()
        if name not in {"found_at", "found_by", "noticed_at", "noticed_by"}
    }
    kind = "billing.correction_proposed" if correction.proposed else "billing.corrected"
    return AuditEntry(
        correction.found_at, kind, correction.usage_point_id, correction.found_by, told
    )


async def _disputed(work: UnitOfWork, accounts: frozenset[str], now: datetime) -> bool:
    """Return whether any of these accounts disputes a bill; nobody, who is empty, never does."""
    subjects = {(Subject.ACCOUNT, each) for each in accounts if each}
    facts = await work.facts.bearing(subjects, now) if subjects else ()
    said = [each for each in facts if each.fact == "dispute"]
    return any(each.value == Dispute.OPEN for each in said)
