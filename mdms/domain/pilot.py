"""The pilot of meters that are switched from afar: who joined, who left, by whose word."""

from dataclasses import dataclass
from datetime import datetime

from mdms.domain.registry import Commodity, PremiseKind


@dataclass(frozen=True, slots=True, kw_only=True)
class PilotStep:
    """
    A place joins the pilot, or leaves it; whatever meter sits there goes with it.

    Attributes:
        enrolled: It joins; else it leaves.
        by: Name of a token.
    """

    usage_point_id: str
    enrolled: bool
    at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class PilotPlace:
    """A meter that may join the pilot or leave it, with what the rules ask of its place."""

    badge: str
    usage_point_id: str
    model: str
    commodity: Commodity
    premise_kind: PremiseKind
    has_switch: bool
    enrolled: bool


@dataclass(frozen=True, slots=True)
class PilotMeter:
    """
    A meter of the pilot.

    Attributes:
        last: The step that made it one; None: the registry's files say so, and nobody has decided.
    """

    badge: str
    usage_point_id: str
    has_switch: bool
    last: PilotStep | None
