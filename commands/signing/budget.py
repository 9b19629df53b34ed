"""How much may be switched off: counts against limits (policy.md G7, headend.md 4). Pure."""

from typing import Final

from mdms.policy.rulebook import Rules
from mdms.ports.signer import Spent

_PER_CENT: Final = 100


def exceeded(spent: Spent, rules: Rules, *, immediate: bool) -> str | None:
    """
    Return which limits one more open would exceed, for people; None: there is room.

    Args:
        spent: What has been opened.
        rules: What may be.
        immediate: Whether the open is one of policy.md 2.5. These have a limit of their own and
            count in the others too: who lies about the reason gains nothing.
    """
    limits = rules.budgets
    rows = [
        (spent.hour, limits.per_hour, "opens in an hour"),
        (spent.day, limits.per_day, "opens in 24 hours"),
        (
            spent.transformer_hour,
            limits.per_transformer_hour,
            "opens in an hour behind one transformer",
        ),
        (spent.open_now, open_max(spent.pilot, rules), "switches open at once"),
    ]
    if immediate:
        rows.append((spent.immediate_hour, limits.immediate_per_hour, "immediate opens in an hour"))
    full = [f"{count} of {most} {what}" for count, most, what in rows if count >= most]
    return "; ".join(full) or None


def open_max(pilot: int, rules: Rules) -> int:
    """
    Return how many switches may be open at once: at least one, however small the pilot.

    Args:
        pilot: Meters that have one, by the registry; those beyond the pilot's size do not count.
        rules: Share that may be open.
    """
    counted = min(pilot, rules.gate.pilot_meters_max)
    return max(1, counted * rules.budgets.open_per_cent_max // _PER_CENT)
