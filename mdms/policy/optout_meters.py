"""
What becomes of the meters of an opt-out after it was allowed: policy.md 1.3.

Whether a radio command may be sent at all is judged where every command is.
"""

from typing import Final

from mdms.domain.registry import Commodity
from mdms.policy.decision import Finding, Verdict, decide
from mdms.policy.optout import MeterAction, ServiceOutcome
from mdms.policy.optout_facts import Service, Stage

_REPLACE: Final = Finding(Verdict.ALLOW, "OO_REPLACE_RADIO_OFF", "OO-II")
_OPT_IN: Final = Finding(Verdict.ALLOW, "OO_OPT_IN", "OO-IV.2, SR")
_END_ACCOUNT: Final = Finding(Verdict.ALLOW, "OO_END_ACCOUNT", "OO-II")


def replace_legacy(service: Service) -> ServiceOutcome:
    """
    Return what takes the place of a legacy meter that failed, is obsolete or is to be upgraded.

    Its radio stays off, even where the customer asked for the upgrade: only an opt-in switches it
    on. There is no new fee.
    """
    assert service.stage is Stage.LEGACY, "only a legacy meter is replaced for the programme"
    decision = decide([], _REPLACE)
    return ServiceOutcome(service.usage_point_id, decision, MeterAction.REPLACE_RADIO_OFF)


def opt_in(service: Service) -> ServiceOutcome:
    """Return how a meter comes back when the customer opts in: free, and nothing is returned."""
    return ServiceOutcome(service.usage_point_id, decide([], _OPT_IN), _back(service))


def end_account(service: Service) -> ServiceOutcome:
    """Return how a meter comes back when its account closes; the next account takes part."""
    return ServiceOutcome(service.usage_point_id, decide([], _END_ACCOUNT), _back(service))


def _back(service: Service) -> MeterAction:
    if service.stage is not Stage.AMI:
        return MeterAction.INSTALL_AMI
    hears = service.commodity is Commodity.ELECTRIC
    return MeterAction.RADIO_ON if hears else MeterAction.RADIO_ON_FIELD
