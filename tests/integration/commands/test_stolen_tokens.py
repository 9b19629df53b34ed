"""Stolen tokens of a requester and an approver: a budget opens, people know, one undo closes."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import structlog
from structlog.testing import LogCapture

from commands.approvals import ControlApprovals
from commands.batches import ControlBatches
from commands.dispatcher import Dispatcher
from commands.flood import Flood
from commands.judgement import Judge
from commands.requests import ControlRequests
from commands.signing.client import SocketSigner
from commands.undoing import BatchUndo
from mdms import api
from mdms.app.clock import SystemClock
from mdms.domain.controls import ControlState, Opcode
from mdms.domain.people import Role
from mdms.policy.calendars import Calendar
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.telemetry import metrics
from tests.integration.commands.many import TownAir, a_settled_town, settle
from tests.integration.mdms.api.test_routes import services
from tests.lawful import UTILITY, a_judge
from tests.signing import SignerProcess, an_edition, open_rules, write_signer_files

pytestmark = [pytest.mark.db, pytest.mark.slow, pytest.mark.timeout(600)]

METERS = 500
EDITION = an_edition(approvals=1, open_per_cent_max=5)
HOUR_BUDGET = 10
CLOCK = SystemClock()
STARTED = CLOCK.now()
THIEF = {"Authorization": f"Bearer {Role.CSR}"}
ACCOMPLICE = {"Authorization": f"Bearer {Role.SUPERVISOR}"}
CLERK = {"Authorization": f"Bearer {Role.CSR}"}
WAIT_S = 240


class OpenNow(Calendar):
    """The counter is open at whatever hour these are run, and not for longer than may be signed."""

    def office_hours(self, day: date) -> tuple[datetime, datetime]:
        return STARTED - timedelta(hours=1), STARTED + timedelta(hours=6)


@dataclass
class City:
    """The API, the dispatcher behind it, and every switch."""

    http: httpx.AsyncClient
    air: TownAir
    store: UnitOfWorkFactory
    signer: SocketSigner

    async def until(self, states: set[ControlState], count: int, batch_id: str) -> dict[str, int]:
        """Wait until so many commands of a batch are in one of these states."""
        end = time.monotonic() + WAIT_S
        while True:
            shown = (await self.http.get(f"/v1/batches/{batch_id}", headers=CLERK)).json()
            counts: dict[str, int] = shown["counts"]
            if sum(counts.get(state, 0) for state in states) >= count:
                return counts
            assert time.monotonic() < end, counts
            await CLOCK.sleep(0.1)


@pytest.fixture
def logged() -> Iterator[LogCapture]:
    """What is logged, in whatever task; the log of other tests is put back."""
    before, capture = structlog.get_config(), LogCapture()
    structlog.configure(processors=[capture])
    yield capture
    structlog.configure(**before)


@pytest.fixture
def process(tmp_path: Path, database: str) -> Iterator[SignerProcess]:
    running = SignerProcess(write_signer_files(tmp_path / "signer", database, edition=EDITION))
    yield running
    assert running.stop() == 0


@pytest.fixture
async def city(process: SignerProcess, store: UnitOfWorkFactory) -> AsyncIterator[City]:
    now = CLOCK.now()
    await settle(store, a_settled_town(METERS), now, left_on=now.date() - timedelta(days=10))
    rules = a_judge(EDITION)
    judge = Judge(
        open_rules(EDITION).rulebook,
        OpenNow(rules.calendar.zone, rules.calendar.years),
        utility=UTILITY,
        remote_open=True,
    )
    air, signer = TownAir(METERS, CLOCK), SocketSigner(process.socket, CLOCK)
    dispatcher = Dispatcher(store, CLOCK, signer, air, judge)
    flood = Flood(judge)
    requests = ControlRequests(store, CLOCK, judge, on_request=dispatcher.wake, flood=flood)
    backend = replace(
        services(store),
        requests=requests,
        approvals=ControlApprovals(store, CLOCK, judge, dispatcher.wake),
        batches=ControlBatches(store, CLOCK, requests, flood, dispatcher.wake),
        batch_undo=BatchUndo(store, CLOCK, requests),
    )

    async def ingest() -> None:
        while True:
            heard = air.heard()
            if heard:
                async with store() as work:
                    await work.controls.receive(heard)
                dispatcher.wake()
            await CLOCK.sleep(0.02)

    tasks = [asyncio.create_task(dispatcher.forever()), asyncio.create_task(ingest())]
    transport = httpx.ASGITransport(api.create(backend))
    async with httpx.AsyncClient(transport=transport, base_url="http://mdms") as http:
        yield City(http, air, store, signer)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await signer.close()


async def test_five_hundred_stolen_disconnects_open_a_budget_raise_an_alarm_and_are_undone(
    city, logged
):
    rows = [f"disconnect,E{n},MOVE_OUT,SO-{n},," for n in range(METERS)]
    text = "\n".join(["action,meter,cause,order,evidence,item", *rows])

    asked = await city.http.post(
        "/v1/batches", json={"name": "left.csv", "text": text}, headers=THIEF
    )
    batch = asked.json()
    alarmed = metrics.COMMAND_OPENS_FLOOD._value.get()
    own = await city.http.post(
        f"/v1/batches/{batch['batch_id']}/approve", json={"sha256": batch["sha256"]}, headers=THIEF
    )
    approved = await city.http.post(
        f"/v1/batches/{batch['batch_id']}/approve",
        json={"sha256": batch["sha256"]},
        headers=ACCOMPLICE,
    )
    await city.until({ControlState.VERIFIED}, HOUR_BUDGET, batch["batch_id"])
    opened = city.air.moves(Opcode.OPEN)
    undone = await city.http.post(
        f"/v1/batches/{batch['batch_id']}/undo", json={"reason": "stolen"}, headers=CLERK
    )
    undone_s = time.monotonic()
    while len(city.air.moves(Opcode.CLOSE)) < len(opened):
        assert time.monotonic() < undone_s + WAIT_S
        await CLOCK.sleep(0.05)
    shown = (await city.http.get(f"/v1/batches/{batch['batch_id']}", headers=CLERK)).json()

    assert (asked.status_code, own.status_code, approved.status_code) == (201, 403, 200)
    assert alarmed == 1, "as soon as it was asked"
    (told,) = [each for each in logged.entries if each["event"] == "command.opens.flood"]
    assert (told["asked"], told["by"]) == (METERS, {"csr": METERS})
    assert len(opened) == len(city.air.moves(Opcode.OPEN)) == HOUR_BUDGET
    assert sorted(undone.json()["reconnected"]) == sorted(opened)
    assert shown["counts"] == {"CANCELLED": METERS - HOUR_BUDGET, "VERIFIED": HOUR_BUDGET}
    assert await city.signer.standing_trip() is None
    async with city.store() as work:
        assert await work.audit.contradicted() == []
