"""Batches by REST: proposed, approved by their hash, paused, resumed, undone."""

from typing import Any

import httpx
import pytest

from mdms.domain.people import Role
from tests.integration.mdms.api.test_controls import as_, http

pytestmark = pytest.mark.db

__all__ = ["http"]

LIST = "action,meter,cause,order,evidence,item\ndisconnect,E1,MOVE_OUT,,,\n"
CLERK, BOSS = Role.CSR, Role.SUPERVISOR


async def propose(http: httpx.AsyncClient, text: str = LIST) -> dict[str, Any]:
    body = {"name": "move-outs.csv", "text": text}
    made = await http.post("/v1/batches", json=body, headers=as_(CLERK))
    assert made.status_code == 201
    batch: dict[str, Any] = made.json()
    return batch


async def say(
    http: httpx.AsyncClient, batch: dict[str, Any], verb: str, role: Role, **body: str
) -> httpx.Response:
    path = f"/v1/batches/{batch['batch_id']}/{verb}"
    return await http.post(path, json=body, headers=as_(role))


async def approved(http: httpx.AsyncClient) -> dict[str, Any]:
    batch = await propose(http)
    said = await say(http, batch, "approve", BOSS, sha256=batch["sha256"])
    assert said.status_code == 200
    return batch


async def state(http: httpx.AsyncClient, batch: dict[str, Any]) -> Any:
    shown = await http.get(f"/v1/batches/{batch['batch_id']}", headers=as_(Role.VIEWER))
    return shown.json()["state"]


async def test_a_list_waits_for_another_persons_word_on_its_hash(http):
    batch = await propose(http)

    own = await say(http, batch, "approve", CLERK, sha256=batch["sha256"])
    other_list = await say(http, batch, "approve", BOSS, sha256="00" * 32)
    good = await say(http, batch, "approve", BOSS, sha256=batch["sha256"])
    listed = await http.get("/v1/batches", headers=as_(Role.VIEWER))

    assert batch["state"] == "PROPOSED"
    assert own.status_code == 403
    assert [each["code"] for each in other_list.json()["codes"]] == ["BATCH_HASH"]
    assert (good.json()["state"], good.json()["approved_by"]) == ("RUNNING", "supervisor")
    assert [each["batch_id"] for each in listed.json()["batches"]] == [batch["batch_id"]]


async def test_anybody_who_commands_may_pause_and_only_a_supervisor_resumes(http):
    batch = await approved(http)

    paused = await say(http, batch, "pause", CLERK, reason="wrong file?")
    by_clerk = await say(http, batch, "resume", CLERK)
    resumed = await say(http, batch, "resume", BOSS, reason="it is right")

    assert (paused.status_code, paused.json()["state"]) == (200, "PAUSED")
    assert by_clerk.status_code == 403
    assert (resumed.status_code, resumed.json()["state"]) == (200, "RUNNING")


async def test_what_does_not_run_cannot_be_paused_nor_what_runs_resumed(http):
    proposed = await propose(http)
    early = await say(http, proposed, "pause", CLERK)
    running = await approved(http)

    twice = await say(http, running, "resume", BOSS)

    assert (early.status_code, twice.status_code) == (409, 409)
    assert await state(http, running) == "RUNNING"


async def test_undoing_takes_back_what_has_not_gone_and_is_for_good(http):
    batch = await approved(http)

    undone = await say(http, batch, "undo", CLERK, reason="wrong file")
    again = await say(http, batch, "resume", BOSS)

    assert undone.status_code == 200
    assert undone.json()["state"] == "UNDONE"
    assert (len(undone.json()["cancelled"]), undone.json()["reconnected"]) == (1, {})
    assert again.status_code == 409
    shown = await http.get("/v1/controls", headers=as_(Role.VIEWER))
    assert [each["state"] for each in shown.json()["controls"]] == ["CANCELLED"]


@pytest.mark.parametrize("verb", ["approve", "pause", "resume", "undo"])
async def test_a_batch_that_is_not_there_is_not_found(http, verb):
    nowhere = {"batch_id": "01a1a7b7-c100-7a94-80c4-fe19394caaac"}

    assert (await say(http, nowhere, verb, BOSS)).status_code == 404


async def test_a_file_with_a_meter_twice_is_refused_as_a_whole(http):
    body = {"name": "twice.csv", "text": LIST + "disconnect,E1,NONPAY,,,\n"}

    refused = await http.post("/v1/batches", json=body, headers=as_(CLERK))

    assert refused.status_code in {409, 422}
    assert "line 2" in refused.json()["detail"]
