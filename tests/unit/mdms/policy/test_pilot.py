"""Who may join the pilot, and leave it."""

from dataclasses import replace

import pytest

from mdms.domain.registry import Commodity, PremiseKind
from mdms.policy import pilot
from mdms.policy.decision import Verdict
from mdms.policy.pilot import PilotFacts
from tests.policy import RULES

HOME = PilotFacts(
    commodity=Commodity.ELECTRIC,
    premise_kind=PremiseKind.SINGLE_FAMILY,
    has_switch=True,
    model="m",
    enrolled_count=0,
)


def test_the_pilot_has_room_for_five_hundred_meters():
    last, full = (
        pilot.enrol(replace(HOME, enrolled_count=count), RULES.gate) for count in (499, 500)
    )

    assert (last.verdict, last.code) == (Verdict.ALLOW, "PILOT_OK")
    assert (full.verdict, full.code) == (Verdict.DENY, "PILOT_FULL")
    assert [refusal.clause for refusal in full.refusals] == ["RD-I"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"commodity": Commodity.GAS}, "RD_NOT_ELECTRIC"),
        ({"premise_kind": PremiseKind.COMMERCIAL}, "PILOT_NOT_RESIDENTIAL"),
        ({"has_switch": False}, "RD_NO_SWITCH"),
    ],
)
def test_what_cannot_be_switched_or_is_no_home_does_not_join(change, code):
    decision = pilot.enrol(replace(HOME, **change), RULES.gate)

    assert (decision.verdict, decision.codes) == (Verdict.DENY, (code,))


def test_a_model_whose_switch_was_recalled_does_not_join():
    recalled = replace(RULES.gate, blocked_models=("m",))

    assert pilot.enrol(HOME, recalled).codes == ("RD_BLOCKED",)


def test_every_reason_is_told_at_once():
    poor = replace(HOME, commodity=Commodity.WATER, has_switch=False, enrolled_count=500)

    assert pilot.enrol(poor, RULES.gate).codes == ("RD_NOT_ELECTRIC", "RD_NO_SWITCH", "PILOT_FULL")


def test_a_home_without_supply_is_reconnected_before_it_leaves():
    assert pilot.leave(may_be_open=True).codes == ("PILOT_OPEN",)
    assert pilot.leave(may_be_open=False).allowed
