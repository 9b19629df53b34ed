"""Commands that move no switch: radios (policy.md 1.3), reads and pings."""

from collections.abc import Mapping
from typing import Final

from mdms.domain.controls import Action
from mdms.domain.registry import Commodity
from mdms.policy.case import Row, deny, found
from mdms.policy.decision import Finding, Verdict
from mdms.policy.gate import GateRules, MeterCase, MeterFacts, busy, meter_changed

ALLOWING: Final = Finding(Verdict.ALLOW, "OK", "headend 2.7")


def judge(action: Action, case: MeterCase) -> list[Finding]:
    """Return every failing row before a radio is switched, or a meter asked."""
    return [*found(_ROWS[action], case), *busy(action, case.facts.others)]


def _water(case: MeterCase) -> Finding | None:
    if case.facts.commodity is not Commodity.WATER:
        return None
    cure = "none: the radio of a water meter may not be switched off"
    return deny("RADIO_WATER", "OO-III, SR", cure)


def _no_optout(case: MeterCase) -> Finding | None:
    if case.facts.opted_out:
        return None
    cure = "file the customer's opt-out first: `mdms optout enrol METER`"
    return deny("RADIO_NO_OPTOUT", "OO-II", cure)


def _still_opted_out(case: MeterCase) -> Finding | None:
    if not case.facts.opted_out:
        return None
    cure = "the customer must opt in first: `mdms optout end METER`"
    return deny("RADIO_OPTED_OUT", "OO-IV.2", cure)


def _no_receiver(case: MeterCase) -> Finding | None:
    if case.facts.commodity is Commodity.ELECTRIC or case.facts.radio_on:
        return None
    cure = (
        "a battery meter whose radio is off hears nothing: send a field order, then "
        "`mdms optout end METER --field-order ...`"
    )
    return deny("RADIO_FIELD", "OO-IV.2, SR", cure)


def _silent(case: MeterCase) -> Finding | None:
    if case.facts.radio_on:
        return None
    cure = "the meter cannot confirm with its radio off; send a field order, or end the opt-out"
    return deny("RADIO_DISABLED", "headend 2.7", cure)


_ROWS: Final[Mapping[Action, tuple[Row[MeterFacts, GateRules], ...]]] = {
    Action.RADIO_OFF: (_water, _no_optout, _silent, meter_changed),
    Action.RADIO_ON: (_still_opted_out, _no_receiver, meter_changed),
    Action.READ: (_silent, meter_changed),
    Action.PING: (_silent, meter_changed),
}
