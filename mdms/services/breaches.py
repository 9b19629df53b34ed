"""When data of customers went astray: an incident on record, and everybody concerned is told."""

from collections.abc import Collection
from typing import Any

from mdms.domain.alerts import CustomerAlert
from mdms.domain.audit import AuditEntry
from mdms.domain.controls import new_id
from mdms.domain.errors import NotFoundError
from mdms.policy.alerts import Alert, send_at
from mdms.policy.portal import report_breach
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.customer_rules import CustomerBook


class BreachService:
    """
    Opens incidents of improper disclosure (policy.md 5.3, P20).

    The audit keeps each; the outbox takes an alert to every account, which the portal e-mails.
    What else the law asks for, the privacy officer sees to.

    Args:
        unit_of_work: Opens a transaction.
        clock: The one source of time.
        book: The rules between utility and customer: quiet hours.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock, book: CustomerBook) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._book = book

    async def report(self, account_ids: Collection[str], what: str, by: str) -> dict[str, Any]:
        """
        Open an incident, and tell the accounts.

        Args:
            account_ids: Whose data went astray.
            what: What happened, for the record; customers get the date and the incident's name.
            by: Who reports it.

        Raises:
            NotFoundError: There is no such account.
        """
        now = self._clock.now()
        concerned, incident = sorted(set(account_ids)), new_id(now)
        decision = report_breach(concerned)
        due_at = send_at(Alert.BREACH, now, self._book.at(now).alert, self._book.calendar)
        async with self._unit_of_work() as work:
            known = await work.customers.accounts(concerned)
            if strangers := sorted(set(concerned) - known):
                raise NotFoundError(f"there is no account {', '.join(strangers)}")
            await work.alerts.put(
                [
                    CustomerAlert(
                        alert_id=new_id(now), account_id=account_id, usage_point_id=None,
                        kind=Alert.BREACH.value, subject=str(incident),
                        figures={"incident": str(incident), "found_at": now.isoformat()},
                        made_at=now, due_at=due_at,
                    )
                    for account_id in concerned
                ]
            )  # fmt: skip
            told = {"what": what, "accounts": ", ".join(concerned), "code": decision.code}
            work.audit.note(AuditEntry(now, "privacy.breach", str(incident), by, told))
        return {
            "incident": str(incident),
            "code": decision.code,
            "accounts": len(concerned),
            "told_from": due_at.isoformat(),
            "to_do": list(decision.follow_ups),
        }
