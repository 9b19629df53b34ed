"""From registry and statements to the request that an opt-out is judged by."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from mdms.domain.registry import Account, Meter, Premise, Radio, UsagePoint
from mdms.domain.time import local_day
from mdms.policy.assembly import Stated
from mdms.policy.optout_facts import OptoutRequest, Requester, Service, Stage, Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """
    What the account's earlier opt-outs left.

    Attributes:
        enrolled: Residences whose opt-out is in force.
        left: Residences whose opt-out was ended by opting in.
    """

    enrolled: frozenset[str] = frozenset()
    left: frozenset[str] = frozenset()


def service(
    premise: Premise,
    point: UsagePoint,
    meter: Meter,
    *,
    zone: ZoneInfo,
    asked: bool,
    installing: bool,
) -> Service:
    """
    Return a service as the rules see it; a meter without a radio is a legacy meter.

    Args:
        premise: Where it is.
        point: What is delivered.
        meter: What hangs there when the request is received.
        zone: Of local days.
        asked: Whether the customer wants to opt out with it.
        installing: Whether a crew is to put an AMI meter in its place that day.
    """
    legacy = meter.radio is Radio.NONE
    stage = Stage.AMI
    if legacy:
        stage = Stage.INSTALLING if installing else Stage.LEGACY
    return Service(
        usage_point_id=point.usage_point_id,
        premise_id=premise.premise_id,
        kind=premise.kind,
        commodity=point.commodity,
        net_metering=point.net_metering,
        temporary=point.temporary,
        stage=stage,
        ami_since=None if legacy else local_day(meter.installed_at, zone),
        asked=asked,
    )


def optout_request(
    account: Account,
    services: Iterable[Service],
    stated: Stated,
    sites: Sequence[Stated],
    *,
    requester: Requester,
    received_at: datetime,
    earlier: Earlier,
) -> OptoutRequest:
    """
    Return a request with what is known of the account.

    Args:
        account: Who asks.
        services: Every service at the residences chosen.
        stated: Statements about the account.
        sites: Statements about each of the residences; what is not known of one is not known.
        requester: As the account knows them.
        received_at: When the request came in.
        earlier: What earlier opt-outs left.
    """
    return OptoutRequest(
        account_id=account.account_id,
        received_at=received_at,
        requester=requester,
        services=tuple(services),
        opened_on=account.opened_on,
        tampering=stated.of("tampering", bool),
        standing=stated.of("standing", Standing) or Standing.UNKNOWN,
        obstructed=_anywhere("access_obstructed", sites),
        hazardous=_anywhere("site_hazardous", sites),
        self_read_accepted=stated.of("self_read_accepted", bool),
        form_on_file=isinstance(stated.of_any("optout_form_on", date), date),
        enrolled=earlier.enrolled,
        left=earlier.left,
        set_up_again=stated.of("optout_set_up_again", bool),
    )


def _anywhere(name: str, sites: Sequence[Stated]) -> bool | None:
    """Return whether something holds of any residence; None where that is not known of all."""
    values = [site.of(name, bool) for site in sites]
    if any(values):
        return True
    return None if None in values or not values else False
