"""Disconnecting at once, for safety and for theft: policy.md 2.5."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ImmediateRules:
    """Who answers for a cut without notice."""

    second_officer_minutes: int
    review_business_days: int
