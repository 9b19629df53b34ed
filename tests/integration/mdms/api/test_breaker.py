"""The signer's breaker by REST: the daemon passes proofs on, and cannot make any."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from commands.releasing import BreakerRelease
from commands.signing import breaker
from commands.signing.keys import KeyRing
from commands.signing.local import LocalSigner
from mdms import api
from mdms.client.breaker import BreakerCalls
from mdms.domain.controls import new_id
from mdms.domain.people import Role
from mdms.ports.signer import Trip
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.storage.signer import open_signer_memory
from tests.fakes import FakeClock
from tests.integration.mdms.api.test_routes import NOW, as_, services
from tests.meters import MASTER
from tests.signing import open_rules, supervisors

pytestmark = pytest.mark.db

SUPERVISOR = as_(Role.SUPERVISOR)
TRIP = Trip(new_id(NOW), NOW, "10 of 10 opens in an hour")


@pytest.fixture
async def signer(database: str) -> AsyncIterator[LocalSigner]:
    """A signer whose breaker stands open."""
    async with open_signer_memory(database, statement_timeout_s=30) as memory:
        async with memory() as own:
            await own.trip(TRIP)
        yield LocalSigner(
            KeyRing({1: MASTER}), memory, FakeClock(NOW), open_rules(), supervisors=supervisors()
        )


@pytest.fixture
async def http(store: UnitOfWorkFactory, signer: LocalSigner) -> AsyncIterator[httpx.AsyncClient]:
    passing = BreakerRelease(store, FakeClock(NOW), signer)
    transport = httpx.ASGITransport(api.create(replace(services(store), breaker=passing)))
    async with httpx.AsyncClient(transport=transport, base_url="http://mdms") as client:
        yield client


def word(name: str, trip: Trip = TRIP) -> dict[str, str]:
    """What a supervisor sends, whose secret is the name."""
    proof = breaker.prove(name, trip).hex()
    return {"supervisor": name, "trip_id": str(trip.trip_id), "proof": proof}


async def send(http: httpx.AsyncClient, body: dict[str, str], role: Role = Role.SUPERVISOR) -> Any:
    return await http.post("/v1/breaker/release", json=body, headers=as_(role))


async def test_two_supervisors_release_it_and_the_audit_names_them(http, store):
    shown = (await http.get("/v1/breaker", headers=as_(Role.CSR))).json()["trip"]

    first = await send(http, word("ada"))
    second = await send(http, word("bob"))

    after = await http.get("/v1/breaker", headers=SUPERVISOR)
    async with store() as work:
        noted = [each.content for each in await work.audit.about(str(TRIP.trip_id))]
    assert shown["reason"] == TRIP.reason
    assert first.json()["trip"]["released_by"] == ["ada"]
    assert second.json() == after.json() == {"trip": None}
    assert [b'"supervisor":"ada"' in noted[0], b'"supervisor":"bob"' in noted[1]] == [True, True]


async def test_one_persons_word_counts_once_however_often_and_by_whomever_it_is_brought(http):
    await send(http, word("ada"))

    again = await send(http, word("ada"))
    as_bob = await send(http, word("ada") | {"supervisor": "bob"})

    assert again.json()["trip"]["released_by"] == ["ada"]
    assert as_bob.status_code == 409
    assert "not a proof" in as_bob.json()["detail"]


async def test_a_proof_over_another_reason_than_the_signers_releases_nothing(http):
    harmless = replace(TRIP, reason="a drill: nobody was switched off")

    lured = await send(http, word("ada", harmless))

    assert lured.status_code == 409


async def test_what_was_said_of_an_earlier_trip_releases_no_later_one(http):
    earlier = replace(TRIP, trip_id=new_id(NOW))

    replayed = await send(http, word("ada", earlier) | {"trip_id": str(TRIP.trip_id)})

    assert replayed.status_code == 409


@pytest.mark.parametrize("role", [Role.CSR, Role.SAFETY, Role.ADMIN, Role.AUDITOR])
async def test_only_supervisors_bring_a_word(http, role):
    assert (await send(http, word("ada"), role)).status_code == 403


async def test_what_is_no_proof_at_all_does_not_reach_the_signer(http):
    assert (await send(http, word("ada") | {"proof": "00"})).status_code == 422


async def test_a_daemon_without_a_signer_says_so(store):
    transport = httpx.ASGITransport(api.create(services(store)))
    async with httpx.AsyncClient(transport=transport, base_url="http://mdms") as client:
        asked = await client.get("/v1/breaker", headers=SUPERVISOR)

    assert asked.status_code == 409
    assert "[signer] socket" in asked.json()["detail"]


async def test_the_client_reads_a_trip_as_the_signer_has_it(http):
    answer: dict[str, Any] = (await http.get("/v1/breaker", headers=SUPERVISOR)).json()

    class Answered(BreakerCalls):
        def _json(self, *_args: Any, **_options: Any) -> dict[str, Any]:
            return answer

    assert Answered("http://mdms").standing_trip() == TRIP
