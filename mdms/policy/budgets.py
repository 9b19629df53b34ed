"""How many remote opens are made in a time: policy.md 2.1 G7 and 8.5; headend.md 4."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRules:
    """Most opens that may be made, and stand, at once."""

    per_hour: int
    per_day: int
    per_transformer_hour: int
    open_per_cent_max: int
    immediate_per_hour: int
