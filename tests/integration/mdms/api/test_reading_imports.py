"""Files of reads by REST: who may hand them in, what a mistake is answered with."""

import hashlib
from base64 import b64encode
from collections.abc import AsyncIterator

import httpx
import pytest

from mdms.api import reading_imports
from mdms.domain.people import Role
from mdms.ports.unit_of_work import UnitOfWorkFactory
from tests.integration.mdms.api.test_routes import application, as_, services
from tests.integration.storage.registries import SMALL_TOWN

pytestmark = pytest.mark.db

ROW = (
    "MEPMD01,20080501,CPAU,,BILLING,,202611100830,E100,OK,E,KWH,1,00000015,1,202611100815,R0,0.210"
)
URL = "/v1/readings/imports"
DAY = {"from": "2026-11-10", "to": "2026-11-10"}


AS_IT_IS = {"Accept-Encoding": "identity"}


@pytest.fixture
async def town(store: UnitOfWorkFactory) -> AsyncIterator[httpx.AsyncClient]:
    async with store() as work:
        await work.registry.merge(SMALL_TOWN)
    transport = httpx.ASGITransport(application(services(store)))
    async with httpx.AsyncClient(transport=transport, base_url="http://mdms") as client:
        yield client


async def hand_in(
    town: httpx.AsyncClient, text: str, role: Role = Role.VEE, **params: str
) -> httpx.Response:
    return await town.post(
        URL, params={"name": "day.cmep"} | params, content=text.encode(), headers=as_(role)
    )


async def test_only_who_answers_for_reads_hands_them_in(town):
    answers = {role: await hand_in(town, "", role) for role in Role}

    assert {role for role, answer in answers.items() if answer.status_code != 403} == {Role.VEE}


async def test_a_file_goes_in_and_its_report_is_found_again(town):
    answer = await hand_in(town, f"{ROW}\r\n{ROW.replace('E100', 'X9')}\r\n")

    made = answer.json()
    listed = await town.get(URL, params={"from": "2026-01-01T00:00Z"}, headers=as_(Role.BILLING))
    rows = await town.get(f"{URL}/{made['reading_import_id']}/refused", headers=as_(Role.BILLING))
    after = await town.get(
        f"{URL}/{made['reading_import_id']}/refused", params={"after": 1}, headers=as_(Role.VEE)
    )
    assert (answer.status_code, made["state"], made["imported_by"]) == (201, "refused", "vee")
    assert [each["reading_import_id"] for each in listed.json()["imports"]] == [
        made["reading_import_id"]
    ]
    assert [(row["number"], row["line"]) for row in rows.json()["refused"]] == [(1, 2)]
    assert after.json()["refused"] == []


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"zone": "Mars"}, "no zone"),
        ({"zone": "\0"}, "zone has a NUL"),
        ({"meter": "\0"}, "meter"),
        ({"format": "xls"}, "format"),
        ({"name": ""}, "name"),
    ],
)
async def test_what_cannot_be_meant_is_said_to_be_so(town, params, sentence):
    answer = await hand_in(town, f"{ROW}\r\n", **params)

    assert answer.status_code == 422
    assert sentence in answer.json()["detail"]


async def test_a_file_that_is_too_long_is_refused_while_it_comes(town, monkeypatch):
    monkeypatch.setattr(reading_imports, "FILE_BYTES_MAX", 50)

    answer = await hand_in(town, f"{ROW}\r\n")

    assert answer.status_code == 422
    assert "at most 50 bytes" in answer.json()["detail"]


async def test_an_import_that_never_was_is_not_found(town):
    answer = await town.get(
        f"{URL}/00000000-0000-7000-8000-000000000000/refused", headers=as_(Role.VEE)
    )

    assert answer.status_code == 404


async def test_downloads_carry_their_digest_and_speak_of_one_place(town):
    assert (await hand_in(town, f"{ROW}\r\n")).json()["state"] == "stored"

    here, there = [
        await town.get(
            f"/v1/readings/green-button/{usage_point}",
            params=DAY,
            headers=as_(Role.CSR) | AS_IT_IS,
        )
        for usage_point in ("U1", "U2")
    ]
    cmep = await town.get(
        "/v1/readings/files/readings.cmep", params=DAY, headers=as_(Role.VEE) | AS_IT_IS
    )

    assert b"<value>210</value>" in here.content
    assert b"<value>" not in there.content
    assert here.headers["content-type"] == "application/atom+xml"
    assert b"202611100815,R0,0.210" in cmep.content
    for answer in (here, there, cmep):
        digest = b64encode(hashlib.sha256(answer.content).digest()).decode()
        assert answer.headers["repr-digest"] == f"sha-256=:{digest}:"
