"""Disconnecting after a move-out: policy.md 2.3."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveOutRules:
    """Notice of a move-out."""

    notice_business_days: int
