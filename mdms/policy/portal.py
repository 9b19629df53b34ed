"""What a customer may set up on the portal, and what an improper disclosure leads to."""

from collections.abc import Iterable
from typing import Final

from mdms.policy.access_facts import AccessRules
from mdms.policy.case import deny, refer
from mdms.policy.decision import Decision, Finding, Verdict, decide

_PORTAL: Final = "MY"
_OK: Final = Finding(Verdict.ALLOW, "MY_OK", _PORTAL)


def link_account(linked_count: int, rules: AccessRules) -> Decision:
    """Return whether one more contract account may be put under a master that has so many."""
    full = refer("MY_LIMIT", _PORTAL, "customer service links further accounts")
    return decide([full if linked_count >= rules.linked_accounts_max else None], _OK)


def register_email(email: str, taken: Iterable[str]) -> Decision:
    """Return whether an address is free: each account has one of its own; case does not count."""
    used = email.strip().casefold() in {each.strip().casefold() for each in taken}
    return decide([deny("MY_EMAIL", _PORTAL, "use another address") if used else None], _OK)


def report_breach(account_ids: Iterable[str]) -> Decision:
    """Return what follows when data of these accounts is believed to have gone astray."""
    affected = sorted(set(account_ids))
    return decide(
        [refer("PV_BREACH", "PP, Civil Code 1798.29", "the privacy officer leads the incident")],
        _OK,
        follow_ups=[
            "open an incident",
            *(f"e-mail {account_id} without unreasonable delay" for account_id in affected),
        ],
    )
