"""Who may join the pilot of remote switching, and leave it: policy.md 2.1."""

from dataclasses import dataclass
from typing import Final

from mdms.domain.registry import Commodity, PremiseKind
from mdms.policy.case import deny
from mdms.policy.decision import Decision, Finding, Verdict, decide
from mdms.policy.gate import GateRules

_RESIDENTIAL: Final = frozenset({PremiseKind.SINGLE_FAMILY, PremiseKind.MULTI_UNIT})


@dataclass(frozen=True, slots=True, kw_only=True)
class PilotFacts:
    """
    What is known of a meter that is to join.

    Attributes:
        enrolled_count: Meters that are in the pilot already.
    """

    commodity: Commodity
    premise_kind: PremiseKind
    has_switch: bool
    model: str
    enrolled_count: int


def enrol(facts: PilotFacts, rules: GateRules) -> Decision:
    """
    Decide whether one more meter may join.

    RD-I's reasons for choosing a premise (accounts that come and go, disconnections, a site that
    is hard to reach) are guidelines for people, and conditions of nothing.
    """
    rows = (
        _not_electric(facts),
        _not_residential(facts),
        _no_switch(facts),
        _blocked(facts, rules),
        full(facts.enrolled_count + 1, rules),
    )
    return decide(rows, Finding(Verdict.ALLOW, "PILOT_OK", "RD-I"))


def leave(*, may_be_open: bool) -> Decision:
    """Decide whether a meter may leave; one that was opened from afar is closed from afar."""
    stuck = None
    if may_be_open:
        stuck = deny("PILOT_OPEN", "A", "its switch may stand open: reconnect it first")
    return decide([stuck], Finding(Verdict.ALLOW, "PILOT_OK", "RD-I"))


def full(count: int, rules: GateRules) -> Finding | None:
    """Return why the pilot may not have this many meters; None where it may."""
    if count <= rules.pilot_meters_max:
        return None
    cure = f"{rules.pilot_meters_max} meters have room: take another one out of the pilot first"
    return deny("PILOT_FULL", "RD-I", cure)


def _not_electric(facts: PilotFacts) -> Finding | None:
    if facts.commodity is Commodity.ELECTRIC:
        return None
    return deny("RD_NOT_ELECTRIC", "RD title, R9.E", "only electric meters are switched remotely")


def _not_residential(facts: PilotFacts) -> Finding | None:
    if facts.premise_kind in _RESIDENTIAL:
        return None
    cure = f"the pilot is for residential meters, and this premise is {facts.premise_kind}"
    return deny("PILOT_NOT_RESIDENTIAL", "SR, RD-I", cure)


def _no_switch(facts: PilotFacts) -> Finding | None:
    if facts.has_switch:
        return None
    return deny("RD_NO_SWITCH", "RD-I", "exchange the meter for one with a switch first")


def _blocked(facts: PilotFacts, rules: GateRules) -> Finding | None:
    if facts.model not in rules.blocked_models:
        return None
    return deny("RD_BLOCKED", "RD-I", f"no switch of model {facts.model} is moved from afar")
