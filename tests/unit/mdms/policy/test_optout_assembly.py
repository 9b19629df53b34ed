"""What a request to opt out is judged by comes from the registry and from what was stated."""

from dataclasses import replace
from datetime import date

import pytest

from mdms.domain.facts import CisFact
from mdms.domain.registry import Account, Radio
from mdms.policy.assembly import Stated
from mdms.policy.case import Case
from mdms.policy.facts import KINDS
from mdms.policy.optout import judge
from mdms.policy.optout_assembly import Earlier, optout_request, service
from mdms.policy.optout_facts import OptoutRequest, Requester, Stage, Standing
from tests.controls import a_registry
from tests.editions import CALENDAR, CUSTOMER_RULES, ZONE, local

NOW = local("2026-12-10 10:00")
ACCOUNT = Account("A1", "A1", "residential", date(2019, 5, 1), None)
REGISTRY = a_registry()
(PREMISE,) = REGISTRY.premises
POINT = REGISTRY.usage_points[0]
METER = next(each for each in REGISTRY.meters if each.usage_point_id == POINT.usage_point_id)

SAID = {
    "tampering": "no",
    "standing": "current",
    "self_read_accepted": "yes",
    "optout_form_on": "2026-12-09",
}
SITE = {"access_obstructed": "no", "site_hazardous": "no"}


def stated(values: dict[str, str]) -> Stated:
    facts = [
        CisFact(
            subject=KINDS[name].subject,
            subject_id="X",
            fact=name,
            value=value,
            effective_at=NOW,
            known_at=NOW,
        )
        for name, value in values.items()
    ]
    return Stated.at(facts, NOW, ZONE)


def asked(said: dict[str, str], *sites: dict[str, str]) -> OptoutRequest:
    here = service(PREMISE, POINT, METER, zone=ZONE, asked=True, installing=False)
    return optout_request(
        ACCOUNT,
        [here],
        stated(said),
        [stated(site) for site in sites],
        requester=Requester.HOLDER,
        received_at=NOW,
        earlier=Earlier(),
    )


def codes(request: OptoutRequest) -> tuple[str, ...]:
    (outcome,) = judge(Case(request, CUSTOMER_RULES.optout, NOW, CALENDAR)).services
    return outcome.decision.codes


def test_a_customer_in_order_opts_out():
    assert codes(asked(SAID, SITE)) == ("OO_RADIO_OFF",)


def test_what_nobody_stated_is_referred():
    request = asked({})

    assert request.standing is Standing.UNKNOWN
    assert codes(request) == (
        "OO_TAMPER",
        "OO_NOT_CURRENT",
        "OO_ACCESS",
        "OO_SITE",
        "OO_CROM_DISCRETION",
        "OO_FORM",
    )


@pytest.mark.parametrize(
    ("sites", "obstructed"),
    [
        ([SITE, SITE], False),
        ([SITE, {}], None),
        ([{}, {"access_obstructed": "yes"}], True),
        ([], None),
    ],
)
def test_one_residence_is_enough_to_know_of_a_hindrance(sites, obstructed):
    assert asked(SAID, *sites).obstructed is obstructed


def test_a_form_that_is_said_to_be_missing_is_missing():
    assert codes(asked(SAID | {"optout_form_on": "none"}, SITE)) == ("OO_FORM",)


@pytest.mark.parametrize(
    ("radio", "installing", "stage"),
    [
        (Radio.ON, False, Stage.AMI),
        (Radio.OFF, True, Stage.AMI),
        (Radio.NONE, False, Stage.LEGACY),
        (Radio.NONE, True, Stage.INSTALLING),
    ],
)
def test_a_meter_without_a_radio_is_a_legacy_meter(radio, installing, stage):
    meter = replace(METER, radio=radio)

    found = service(PREMISE, POINT, meter, zone=ZONE, asked=True, installing=installing)

    assert found.stage is stage
    assert found.ami_since == (None if radio is Radio.NONE else date(2026, 10, 31))
