"""What the rules would say, and what they said, by REST."""

from datetime import timedelta

import pytest

from mdms.domain.people import Role
from tests.controls import AT
from tests.integration.mdms.api.test_controls import DISCONNECT, as_, asked_for, http

__all__ = ["http"]  # the fixture of the commands' routes

pytestmark = pytest.mark.db

QUESTION = {"action": "disconnect", "meter": "E1", "cause": "MOVE_OUT"}


async def test_a_check_names_what_is_missing_and_stores_nothing(http):
    answer = await http.post("/v1/policy/checks", json=QUESTION, headers=as_(Role.CSR))
    listed = await http.get("/v1/controls", headers=as_(Role.VIEWER))
    audited = await http.get("/v1/audit", headers=as_(Role.AUDITOR))

    said = answer.json()
    assert (answer.status_code, said["outlook"], said["verdict"]) == (200, "held", "PENDING")
    assert [each["code"] for each in said["findings"]] == ["RD_DUAL"]
    assert said["facts"]["successor_on"]["known_at"] == (AT - timedelta(hours=1)).isoformat()
    assert listed.json()["controls"] == []
    assert audited.json()["records"] == []


async def test_a_check_of_a_later_hour_judges_that_hour(http):
    evening = (AT + timedelta(hours=9)).isoformat()
    answer = await http.post(
        "/v1/policy/checks", json=QUESTION | {"at": evening}, headers=as_(Role.CSR)
    )

    said = answer.json()
    assert said["at"] == evening
    assert [each["code"] for each in said["findings"]] == ["MO_HOURS", "RD_DUAL"]
    assert said["findings"][0]["next_possible_at"] == "2026-11-05T16:00:00+00:00"


async def test_a_check_of_the_past_is_refused_as_a_mistake(http):
    past = (AT - timedelta(seconds=1)).isoformat()
    answer = await http.post(
        "/v1/policy/checks", json=QUESTION | {"at": past}, headers=as_(Role.CSR)
    )

    assert answer.status_code == 422
    assert "policy explain" in answer.json()["detail"]


async def test_what_is_refused_is_an_answer_with_every_cure(http):
    water = QUESTION | {"meter": "UW1"}
    answer = await http.post("/v1/policy/checks", json=water, headers=as_(Role.AUDITOR))

    said = answer.json()
    assert (answer.status_code, said["outlook"], said["verdict"]) == (200, "over", "DENY")
    assert all(each["clause"] and each["cure"] for each in said["findings"])


async def test_every_judgement_of_a_command_is_reprinted_with_its_inputs(http):
    path = await asked_for(http)
    await http.post(f"{path}/approve", json={}, headers=as_(Role.SUPERVISOR))
    control_id = path.rpartition("/")[2]
    answer = await http.get(f"/v1/policy/decisions/{control_id}", headers=as_(Role.AUDITOR))

    told = answer.json()
    assert (told["decision"], told["state"]) == (control_id, "APPROVED_1")
    asked, approved = told["judgements"]
    (dual,) = asked["findings"]
    assert (dual["code"], dual["clause"]) == ("RD_DUAL", "G6")
    assert "1 more must approve" in dual["cure"]
    assert (approved["verdict"], approved["known"]["approved_by"]) == ("ALLOW", ["supervisor"])
    assert len(approved["rules"]["sha256"]) == len(approved["rules"]["calendar_sha256"]) == 64
    assert asked["facts"]["service_end_on"]["evidence"] == "E-1"


async def test_a_refusal_on_file_is_explained_too(http):
    refused = await http.post(
        "/v1/controls", json=DISCONNECT | {"meter": "UW1"}, headers=as_(Role.CSR)
    )
    control_id = refused.json()["control_id"]
    answer = await http.get(f"/v1/policy/decisions/{control_id}", headers=as_(Role.VIEWER))

    (judged,) = answer.json()["judgements"]
    assert judged["verdict"] == "DENY"
    assert {each["code"] for each in judged["findings"]} >= {"RD_NOT_ELECTRIC", "RD_NO_SWITCH"}


async def test_nothing_is_known_of_another_decision(http):
    nobody = "01935b3e-0000-7000-8000-000000000000"
    answer = await http.get(f"/v1/policy/decisions/{nobody}", headers=as_(Role.VIEWER))

    assert answer.status_code == 404
