"""An opt-out on one screen: the request, then every service with each reason."""

from typing import Any

import pytest

from mdms.cli import optout
from mdms.cli.output import Output
from mdms.client import Client
from mdms.domain.controls import Action, ControlState, Refusal
from mdms.domain.errors import NotFoundError
from mdms.domain.programme import RADIO_PAUSE
from mdms.services.optout_views import radio_view
from tests.controls import a_control

REASON = {"code": "OO_FORM", "clause": "OO-III", "cure": "return the signed form by 2026-12-04"}


def request(optout_id: str, state: str, **more: Any) -> dict[str, Any]:
    service = {
        "usage_point": "UE1", "premise": "P1", "meter": "E1", "verdict": "PENDING",
        "code": "OO_FORM", "action": "", "reasons": [REASON],
    }  # fmt: skip
    return {
        "optout_id": optout_id,
        "account": "A1",
        "state": state,
        "meters": ["E1"],
        "services": [service],
        **more,
    }


class Requests(Client):
    """Knows two requests of one account: the first is over."""

    def __init__(self) -> None:
        """Connect to nothing."""

    def optouts(self) -> list[dict[str, Any]]:
        return [request("one", "ended"), request("two", "in_force")]


def test_a_request_shows_every_reason_and_silence(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")

    optout._show_one(request("one", "pending", silent={"E1": False}), Output.TABLE)

    shown = capsys.readouterr().out
    for part in ("pending", "A1", "E1", *REASON.values(), "false"):
        assert part in shown


def test_a_radio_that_could_not_be_silenced_says_why_and_when_it_is_tried_again(
    capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "200")
    busy = Refusal("RD_BUSY", "G7", "wait for ping 7")
    refused = a_control(action=Action.RADIO_OFF, state=ControlState.POLICY_DENIED, refusals=(busy,))
    radios = {"E1": radio_view(refused)}

    optout._show_one(request("two", "in_force", silent={}, radios=radios), Output.TABLE)

    shown = capsys.readouterr().out
    again = f"{refused.requested_at + RADIO_PAUSE:%Y-%m-%d %H:%M:%SZ}"
    for part in ("POLICY_DENIED", "RD_BUSY (G7): wait for ping 7", again):
        assert part in shown


@pytest.mark.parametrize("which", ["A1", "E1", "two"])
def test_an_account_or_a_meter_means_what_is_under_way(which):
    assert optout._id(Requests(), which) == "two"


def test_what_is_over_is_named_by_its_id():
    assert optout._id(Requests(), "one") == "one"


def test_who_never_asked_is_not_found():
    with pytest.raises(NotFoundError, match="A9"):
        optout._id(Requests(), "A9")
