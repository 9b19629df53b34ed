"""
The whole interface, asked anything: it never fails, and answers as its own description says.

`MDMS_API_SEED` tries other requests, `MDMS_API_EXAMPLES` more of them of each operation.
"""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from queue import Queue
from threading import Thread
from typing import Any, Final

import pytest
import requests
import schemathesis
import uvicorn
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode, Response
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from mdms import api
from mdms.domain.customers import Holder
from mdms.domain.people import STAFF, Role
from mdms.services.tokens import TokenService
from mdms.storage.unit_of_work import open_store
from tests.fakes import FakeClock
from tests.integration.mdms.api.test_routes import NOW, services, token
from tests.integration.services.test_billing_life import frozen

pytestmark = pytest.mark.db

Operation = APIOperation[Any, Any, Any, Any]
AnyCase = Case[Any]

SEED: Final = int(os.environ.get("MDMS_API_SEED", "20261103"))
EXAMPLES: Final = int(os.environ.get("MDMS_API_EXAMPLES", "6"))
PARTS: Final = 4
"""So many tests share the operations, for who has several processors."""

EVERYBODY: Final = token(*STAFF)
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
KNOWN: Final = {
    "meter": ["E1", "U-W1", "G1"],
    "from": ["2026-11-03", "2026-11-10T08:00Z"],
    "to": ["2026-11-10", "2026-11-11T08:00Z"],
    "start": ["2026-11-03"],
    "end": ["2026-12-03"],
    "at": ["2026-11-10T20:00Z"],
    "as_of": ["2026-12-24T00:00Z"],
    "since": ["2026-11-01T00:00Z"],
    "account_id": ["A1"],
    "usage_point_id": ["U-E1", "U-W1"],
    "subject_id": ["A1", "P1"],
    "name": ["determinants_v1.csv", "readings.csv", "readings.parquet", "green_button.xml"],
    "day": ["2026-11-10"],
}
"""What a parameter may well be, so that some requests get past the first check."""


@contextmanager
def served(dsn: str) -> Iterator[tuple[str, FastAPI]]:
    """Answer at a port of this machine, from a thread with a loop of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    loop, ended, apps = asyncio.new_event_loop(), asyncio.Event(), Queue[FastAPI]()

    async def serve() -> None:
        async with open_store(dsn, connections_max=4, statement_timeout_s=30) as store:
            await frozen(store)
            callers = [*(token(role) for role in Role), EVERYBODY]
            known = TokenService(store, FakeClock(NOW), callers)
            app = api.create(replace(services(store), tokens=known))
            server = uvicorn.Server(
                uvicorn.Config(
                    app,
                    log_config=None,
                    lifespan="off",
                    timeout_keep_alive=300,  # nobody hangs up on who thinks of the next request
                )
            )
            apps.put(app)
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            await ended.wait()
            server.should_exit = True
            await serving

    thread = Thread(target=loop.run_until_complete, args=[serve()])
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", apps.get(timeout=60)
    loop.call_soon_threadsafe(ended.set)
    thread.join()
    loop.close()


@pytest.fixture
def interface(daemon_database: str) -> Iterator[tuple[str, FastAPI]]:
    with served(daemon_database) as found:
        yield found


def owner(url: str) -> str:
    body = {"holder": Holder.OWNER, "account_ids": ["A1"]}
    headers = {"Authorization": f"Bearer {Role.PORTAL}"}
    answer = requests.post(f"{url}/v1/grants", json=body, headers=headers, timeout=60)
    return str(answer.json()["token"])


def errors_are_problems(_context: object, response: Response, _case: AnyCase) -> None:
    if response.status_code >= 400:
        assert response.headers["content-type"] == ["application/problem+json"], response.content
        assert response.json()["status"] == response.status_code
        assert response.json()["detail"]


@st.composite
def requests_of(draw: st.DrawFn, operation: Operation) -> AnyCase:
    """Draw a request: as described, or off in some way, or about what there is."""
    mode = draw(st.sampled_from([GenerationMode.POSITIVE] * 3 + [GenerationMode.NEGATIVE]))
    case: AnyCase = draw(operation.as_strategy(generation_mode=mode))
    for given_values in (case.path_parameters, case.query):
        for name in sorted(set(given_values or ()) & set(KNOWN)):
            if draw(st.integers(0, 3)):
                given_values[name] = draw(st.sampled_from(KNOWN[name]))
    return case


@pytest.mark.parametrize("part", range(PARTS))
def test_no_request_is_answered_otherwise_than_the_description_says(interface, subtests, part):
    url, app = interface
    described = schemathesis.openapi.from_dict(app.openapi())
    operations = [each.ok() for each in described.get_all_operations() if isinstance(each, Ok)]
    callers = [EVERYBODY.name] * 4 + [*Role, owner(url), "nobody"]

    assert len(operations) > 100
    with requests.Session() as session:
        for operation in operations[part::PARTS]:
            with subtests.test(operation.label):
                ask_anything(operation, callers, url, session)


def ask_anything(
    operation: Operation, callers: list[str], url: str, session: requests.Session
) -> None:
    @seed(SEED)
    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=requests_of(operation), caller=st.sampled_from(callers))
    def ask(case: AnyCase, caller: str) -> None:
        headers = {"Authorization": f"Bearer {caller}", "Purpose": "case 4711"}
        answer = case.call(base_url=url, session=session, headers=headers)
        case.validate_response(answer, checks=CHECKS, additional_checks=[errors_are_problems])

    ask()
