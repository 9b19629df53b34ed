"""Reconnecting: policy.md 3."""

from dataclasses import dataclass
from datetime import time


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconnectRules:
    """Who may, and how fast it must be done."""

    approvals: int
    safety_approvals: int
    arm_after_hours: int
    workday_starts: time
    workday_ends: time
    alarm_minutes: int
    field_minutes: int
