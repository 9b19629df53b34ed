"""The gate of every command that moves a switch: policy.md 2.1."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRules:
    """What every command must meet."""

    approvals: int
    pilot_meters_max: int
    heard_hours_max: int
    blocked_models: tuple[str, ...]
    protected: tuple[str, ...]
