"""What a request to opt out is judged by: the account, its residences, their services."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from mdms.domain.registry import Commodity, PremiseKind
from mdms.policy.optout_fees import OptoutFeeRules


@dataclass(frozen=True, slots=True, kw_only=True)
class OptoutRules:
    """
    Terms of the programme.

    Attributes:
        account_months_min: How old an account must be.
        form_days: For the signed form to come back, before the request lapses.
        fees: What it costs.
    """

    account_months_min: int
    form_days: int
    fees: OptoutFeeRules


class Requester(StrEnum):
    """Who asks, as the account knows them."""

    HOLDER = "holder"
    GUEST = "guest"
    TENANT = "tenant"
    PROPERTY_MANAGER = "property_manager"
    UNKNOWN = "unknown"


class Standing(StrEnum):
    """How the account stands with the utility."""

    CURRENT = "current"
    DISPUTED_ONLY = "disputed_only"
    """Nothing is open but what is in dispute."""
    NOT_CURRENT = "not_current"
    UNKNOWN = "unknown"


class Stage(StrEnum):
    """What hangs at a usage point when the request is received."""

    LEGACY = "legacy"
    INSTALLING = "installing"
    """A crew is on its way the same day."""
    AMI = "ami"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """
    A service of the account at one of its residences.

    Attributes:
        asked: Whether the customer wants to opt out with it.
        ami_since: Since when an AMI meter hangs there; None for a legacy meter.
    """

    usage_point_id: str
    premise_id: str
    kind: PremiseKind
    commodity: Commodity
    net_metering: bool
    temporary: bool
    stage: Stage
    ami_since: date | None
    asked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OptoutRequest:
    """
    A request with what is known of the account; None where that is nothing.

    Attributes:
        account_id: Who asks, by web form, at the counter or by phone.
        services: Every service at the residences chosen, asked for or not.
        opened_on: When the account was opened.
        tampering: Whether tampering or diversion of any service is on record, settled or not.
        obstructed: Whether obstructed access is on record.
        hazardous: Whether a site is deemed inaccessible or hazardous.
        self_read_accepted: Whether the utility lets the customer read the meters.
        form_on_file: Whether the signed acknowledgement came back.
        enrolled: Residences of the account whose opt-out is in force.
        left: Residences whose opt-out was ended by opting in; their set-up was paid then.
        set_up_again: Whether these pay it again, as somebody decided.
        approved: What the rules refer to a person was decided by one, in favour.
    """

    account_id: str
    received_at: datetime
    requester: Requester
    services: tuple[Service, ...]
    opened_on: date | None
    tampering: bool | None
    standing: Standing
    obstructed: bool | None
    hazardous: bool | None
    self_read_accepted: bool | None
    form_on_file: bool
    enrolled: frozenset[str] = frozenset()
    left: frozenset[str] = frozenset()
    set_up_again: bool | None = None
    approved: bool = False
