"""Routes on a real database: who may call what, and what a mistake is answered with."""

import hashlib
import io
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import httpx
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from fastapi import FastAPI

from commands.approvals import ControlApprovals
from commands.batches import ControlBatches
from commands.checks import PolicyChecks
from commands.flood import Flood
from commands.releasing import BreakerRelease
from commands.requests import ControlRequests
from commands.undoing import BatchUndo
from ingest.late import VeeHorizon
from ingest.quarantine import Quarantine
from ingest.replay import Replay
from ingest.tracing import open_frames
from mdms import api
from mdms.api.backend import Services
from mdms.domain.errors import RejectReason, UnavailableError
from mdms.domain.events import EndDeviceEvent, EventCode, Severity
from mdms.domain.gaps import Span
from mdms.domain.people import STAFF, Role, Token
from mdms.domain.readings import IntervalReads, RegisterReads, Source
from mdms.ports.messages import Rejected
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.access_log import AccessLogService
from mdms.services.aggregates import AggregateService
from mdms.services.answers import AnswerService
from mdms.services.audit import AuditService
from mdms.services.batches import BatchService
from mdms.services.billed import BilledServices
from mdms.services.billing_corrections import BillingCorrections
from mdms.services.billing_cycles import BillingCycles
from mdms.services.billing_estimates import BillingEstimates
from mdms.services.billing_parallel import ParallelBilling
from mdms.services.billing_run import BillingService
from mdms.services.board import BoardService
from mdms.services.breaches import BreachService
from mdms.services.collectors import CollectorService
from mdms.services.conflicts import ConflictService
from mdms.services.controls import ControlService
from mdms.services.decisions import DecisionService
from mdms.services.edits import EditService
from mdms.services.events import EventService
from mdms.services.exceptions import ExceptionService
from mdms.services.facts import FactService
from mdms.services.field_orders import FieldOrderService
from mdms.services.gaps import GapService
from mdms.services.grants import GrantService
from mdms.services.grid import GridService
from mdms.services.leak_credit import LeakCreditService
from mdms.services.leaks import LeakService
from mdms.services.meter_exchange import MeterExchanges
from mdms.services.meter_tests import MeterTests
from mdms.services.optouts import OptoutService
from mdms.services.own_data import OwnDataService
from mdms.services.pilot import PilotService
from mdms.services.reading_files import ReadingFileService
from mdms.services.reading_import import ReadingImportService
from mdms.services.reading_trace import TraceService
from mdms.services.readings import ReadingService
from mdms.services.registry import RegistryService
from mdms.services.registry_csv import write_directory
from mdms.services.self_read_months import SelfReadMonths
from mdms.services.self_reads import SelfReadService
from mdms.services.status import StatusService
from mdms.services.tokens import TokenService
from mdms.services.transformers import TransformerService
from mdms.services.vee_explain import ExplainService
from mdms.services.vee_run import VeeService
from mdms.services.wishes import WishService
from mdms.settings import config_dir
from tests.fakes import FakeClock
from tests.households import BOOK
from tests.integration.storage.registries import SMALL_TOWN
from tests.lawful import a_judge
from tests.unit.vee.build import RULES
from tests.unit.vee.grid.build import RULES as GRID
from tests.unit.vee.leaks.build import RULES as LEAK_RULES
from vee.rules import RuleSet

pytestmark = pytest.mark.db

ZONE = ZoneInfo("America/Los_Angeles")
NOW = datetime(2026, 12, 1, 20, tzinfo=UTC)
OPEN_TO_ALL = {"/healthz", "/readyz", "/metrics"}


def token(*roles: Role) -> Token:
    name = "+".join(roles)
    return Token(name, frozenset(roles), hashlib.sha256(name.encode()).hexdigest())


def as_(*roles: Role) -> dict[str, str]:
    return {"Authorization": f"Bearer {'+'.join(roles)}", "Purpose": "case 4711"}


async def no_problems() -> tuple[str, ...]:
    return ()


async def hear(_collector_id: int, payload: bytes) -> None:
    """Be every collector: what is asked is not a route's business."""
    assert payload.startswith(b'{"op":"backfill')


def services(store: UnitOfWorkFactory) -> Services:
    clock = FakeClock(NOW)
    rules = RuleSet.load(config_dir() / "vee" / "residential.toml")
    vee = VeeService(store, clock, rules, ZONE)

    async def finalize(first: date, last: date, channel_ids: Sequence[int]) -> None:
        await vee.run(first, last, channel_ids=channel_ids, final=True)

    async def rejudge(first: date, last: date, channel_ids: Sequence[int]) -> None:
        await vee.run(first, last, channel_ids=channel_ids)

    edits = EditService(store, clock, rules, ZONE, rejudge)
    judge = a_judge(remote_open=False)
    requests = ControlRequests(store, clock, judge)
    pilot = PilotService(store, clock, lambda at: judge.rules(at).gate)
    return Services(
        zone=ZONE,
        registry=RegistryService(store, within=pilot.within_limit),
        exchanges=MeterExchanges(store, clock, ZONE, within=pilot.within_limit),
        readings=ReadingService(store, ZONE),
        reading_files=ReadingFileService(store, clock, ZONE, "cpau"),
        reading_imports=ReadingImportService(store, clock, ZONE),
        gaps=GapService(store, clock, hear),
        collectors=CollectorService(store, clock),
        quarantine=Quarantine(store, clock, VeeHorizon(ZONE)),
        replay=Replay(store, clock, VeeHorizon(ZONE)),
        conflicts=ConflictService(store),
        events=EventService(store),
        vee=vee,
        edits=edits,
        exceptions=ExceptionService(store, clock, rules, ZONE, edits),
        explain=ExplainService(store, clock, rules, ZONE),
        trace=TraceService(store, clock, ZONE, open_frames),
        leaks=LeakService(store, clock, LEAK_RULES, BOOK),
        leak_credit=LeakCreditService(store, clock, BOOK),
        grid=GridService(store, clock, ZONE, GRID),
        transformers=TransformerService(store, ZONE, rules.voltage, GRID),
        billing=BillingService(store, clock, BOOK, finalize, RULES),
        billed=BilledServices(store, clock),
        corrections=BillingCorrections(store, clock, BOOK, RULES),
        cycles=BillingCycles(store, clock, BOOK),
        parallel=ParallelBilling(store, BOOK),
        estimates=BillingEstimates(store, clock, BOOK, RULES),
        meter_tests=MeterTests(store, clock, BOOK),
        status=StatusService(store, clock),
        board=BoardService(store, clock, ZONE, "cpau"),
        requests=requests,
        approvals=ControlApprovals(store, clock, a_judge(remote_open=False)),
        controls=ControlService(store),
        field_orders=FieldOrderService(store, clock),
        batches=ControlBatches(store, clock, requests, Flood(judge)),
        batch_undo=BatchUndo(store, clock, requests),
        breaker=BreakerRelease(store, clock, None),
        batch_views=BatchService(store),
        checks=PolicyChecks(store, clock, a_judge(remote_open=False)),
        decisions=DecisionService(store),
        pilot=pilot,
        optouts=OptoutService(store, clock, BOOK),
        self_reads=SelfReadService(store, clock, BOOK),
        self_read_months=SelfReadMonths(store, clock, BOOK),
        facts=FactService(store, clock, ZONE),
        grants=GrantService(store, clock, BOOK),
        own_data=OwnDataService(store, clock, BOOK),
        aggregates=AggregateService(store, clock, BOOK),
        breaches=BreachService(store, clock, BOOK),
        answers=AnswerService(store, clock),
        wishes=WishService(store, clock, BOOK, OwnDataService(store, clock, BOOK)),
        access_log=AccessLogService(store, clock, BOOK),
        tokens=TokenService(store, clock, [token(role) for role in Role]),
        audit=AuditService(store),
        problems=no_problems,
    )


def application(backend: Services) -> FastAPI:
    return api.create(backend)


@pytest.fixture
async def http(store: UnitOfWorkFactory) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(application(services(store)))
    async with httpx.AsyncClient(transport=transport, base_url="http://mdms") as client:
        yield client


@pytest.fixture
async def town(http: httpx.AsyncClient, store: UnitOfWorkFactory) -> httpx.AsyncClient:
    """A registry, and an hour of one electric meter from 2026-11-10 00:00 local."""
    answer = await http.post(
        "/v1/registry/imports", json={"files": write_directory(SMALL_TOWN)}, headers=as_(Role.ADMIN)
    )
    assert answer.is_success, answer.text
    async with store() as work:
        table = await work.registry.channels()
        channel_id = table.channel_id[(table.badge == "E100")][:1].repeat(4)
        start_s = int(datetime(2026, 11, 10, 8, tzinfo=UTC).timestamp()) + 900 * np.arange(4)
        reads = IntervalReads.raw(
            channel_id, start_s, np.arange(4), recorded_us=0, source=Source.UPLINK
        )
        await work.readings.append_raw(reads, RegisterReads.empty(), sure=True)
    return http


async def test_every_route_but_the_probes_refuses_a_caller_without_a_token(http):
    spec = (await http.get("/v1/openapi.json")).json()
    assert spec["paths"]

    for path, methods in spec["paths"].items():
        for method in methods:
            answer = await http.request(method, path.replace("{", "").replace("}", ""))
            expected = 200 if path in OPEN_TO_ALL else 401
            assert answer.status_code == expected, f"{method} {path}"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/v1/registry/imports", {Role.ADMIN}),
        ("GET", "/v1/registry", {Role.ADMIN}),
        ("POST", "/v1/meters/E100/exchange", {Role.ADMIN}),
        ("POST", "/v1/vee/runs", {Role.VEE}),
        ("POST", "/v1/billing/windows/2026-11-03/2026-12-03/freeze", {Role.BILLING}),
        ("GET", "/v1/billing/windows/2026-11-03/2026-12-03/files", {Role.BILLING}),
        ("GET", "/v1/status", STAFF),
    ],
)
async def test_a_role_that_a_route_does_not_name_is_refused(http, method, path, allowed):
    for role in Role:
        answer = await http.request(method, path, headers=as_(role))

        assert (answer.status_code == 403) == (role not in allowed), role
        if answer.status_code == 403:
            assert answer.headers["content-type"] == "application/problem+json"
            assert "has no role for this" in answer.json()["detail"]


async def test_a_meter_is_exchanged_by_an_administrator_once_and_tried_before(town):
    body = {"badge": "E300", "radio_id": 4711, "removed_at": "2026-11-20T10:00-08:00",
            "final": {"delivered": "48.2"}, "initial": {"delivered": 0}}  # fmt: skip
    path = "/v1/meters/E100/exchange"

    tried = await town.post(path, json=body | {"dry_run": True}, headers=as_(Role.ADMIN))
    done = await town.post(path, json=body, headers=as_(Role.ADMIN))
    again = await town.post(path, json=body, headers=as_(Role.ADMIN))
    wrong = await town.post(path, json=body | {"radio_id": -1}, headers=as_(Role.ADMIN))

    assert [each.status_code for each in (tried, done, again, wrong)] == [200, 201, 404, 422]
    assert (tried.json()["done"], done.json()["done"]) == (False, True)
    assert done.json()["new"]["installed_at"] == "2026-11-20T18:00:00+00:00"
    assert "no meter 'E100' is in place" in again.json()["detail"]


async def test_a_meter_is_read_as_parquet_by_badge_or_usage_point(town):
    for name in ("E100", SMALL_TOWN.meters[0].usage_point_id):
        answer = await town.get(
            "/v1/readings",
            params={"meter": name, "from": "2026-11-10", "to": "2026-11-10"},
            headers=as_(Role.BILLING),
        )

        frame = pd.read_parquet(io.BytesIO(answer.content))
        assert frame["value"].tolist() == [0, 1, 2, 3]
        assert frame["status"].tolist() == ["R"] * 4


async def test_a_meter_is_read_as_a_stream_of_arrow_and_not_sent_twice(town):
    params = {"meter": "E100", "from": "2026-11-10", "to": "2026-11-10", "form": "arrow"}
    answer = await town.get("/v1/readings", params=params, headers=as_(Role.BILLING))
    known = as_(Role.BILLING) | {"If-None-Match": answer.headers["ETag"]}
    again = await town.get("/v1/readings", params=params, headers=known)

    assert pa.ipc.open_stream(answer.content).read_all()["value"].to_pylist() == [0, 1, 2, 3]
    assert again.status_code == 304


async def test_a_meter_is_read_as_csv(town):
    params = {"meter": "E100", "from": "2026-11-10", "to": "2026-11-10", "form": "csv"}
    answer = await town.get("/v1/readings", params=params, headers=as_(Role.BILLING))

    frame = pd.read_csv(io.BytesIO(answer.content))
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert frame["value"].tolist() == [0, 1, 2, 3]
    assert frame["start_utc"].tolist()[0] == "2026-11-10 08:00:00.000000Z"


async def test_files_of_reads_are_handed_out_and_removed(town):
    for name, head in (("readings.parquet", b"PAR1"), ("readings.csv", b"meter,")):
        answer = await town.get(
            f"/v1/readings/files/{name}",
            params={"from": "2026-11-10T08:00Z", "to": "2026-11-10T08:30Z"},
            headers=as_(Role.VEE),
        )
        assert answer.content.startswith(head)


@pytest.mark.parametrize(
    ("path", "params", "status", "sentence"),
    [
        ("/v1/readings", {"meter": "X", "from": "2026-11-10", "to": "2026-11-10"}, 404, "called"),
        ("/v1/readings", {"meter": "E100", "from": "soon", "to": "2026-11-10"}, 422, "not a day"),
        ("/v1/readings", {"meter": "E100"}, 422, "from"),
        ("/v1/readings/files/x", {"from": "2026-11-10", "to": "2026-11-10"}, 404, "there is no"),
    ],
)
async def test_a_mistake_is_a_problem_document_with_one_sentence(
    town, path, params, status, sentence
):
    answer = await town.get(path, params=params, headers=as_(Role.VEE))

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert sentence in answer.json()["detail"]


async def test_an_import_with_mistakes_lists_them_and_stores_nothing(town):
    files = write_directory(SMALL_TOWN)
    files["meters.csv"] = files["meters.csv"].replace("47622887", "not-a-number")

    answer = await town.post("/v1/registry/imports", json={"files": files}, headers=as_(Role.ADMIN))

    assert answer.status_code == 409
    assert "meters.csv" in answer.json()["detail"]
    assert "radio_id" in answer.json()["detail"]


async def test_a_run_of_vee_judges_the_days_that_it_is_asked_for(town):
    answer = await town.post(
        "/v1/vee/runs",
        json={"from": "2026-11-10", "to": "2026-11-10", "meter": "E100"},
        headers=as_(Role.VEE),
    )

    assert answer.json()["channel_days"] == 2  # delivered and received
    status = (await town.get("/v1/status", headers=as_(Role.VIEWER))).json()
    assert status["exceptions_open"] == answer.json()["exceptions"]


async def test_missing_batches_are_listed_and_asked_for_again(town, store):
    async with store() as work:
        await work.gaps.open(SMALL_TOWN.collectors[0].collector_id, [Span(3, 5, 0, 9)], NOW, NOW)

    listed = (await town.get("/v1/gaps", headers=as_(Role.VIEWER))).json()["gaps"]
    asked = await town.post("/v1/gaps/backfill", json={}, headers=as_(Role.VEE))
    period = await town.post(
        "/v1/gaps/backfill",
        json={"from": "2026-11-10", "to": "2026-11-10"},
        headers=as_(Role.VEE),
    )
    half = await town.post("/v1/gaps/backfill", json={"from": "2026-11-10"}, headers=as_(Role.VEE))
    refused = await town.post("/v1/gaps/backfill", json={}, headers=as_(Role.VIEWER))

    assert [(gap["first_seq"], gap["batches"]) for gap in listed] == [(3, 3)]
    assert asked.json() == {"holes": 1, "requests": 1}
    # The period is asked for when the answer to the hole is there: one request at a time.
    assert period.json() == {"holes": 2, "requests": 1}
    assert (half.status_code, refused.status_code) == (422, 403)


async def test_what_was_received_can_be_looked_at_and_read_again(town, store):
    collector_id = SMALL_TOWN.collectors[0].collector_id
    period = {"from": "2026-11-10", "to": "2026-11-10"}
    topic = f"ami/v1/cpau/col/{collector_id}/up/read"
    async with store() as work:
        await work.messages.reject(
            [
                Rejected(
                    RejectReason.UNKNOWN_METER, "radio 5", topic,
                    (5).to_bytes(64, "little"), 0, NOW, 1,
                )
            ]
        )  # fmt: skip

    collectors = await town.get("/v1/collectors", headers=as_(Role.VIEWER))
    waiting = await town.get("/v1/quarantine", headers=as_(Role.VIEWER))
    again = await town.post("/v1/quarantine/replay", headers=as_(Role.NETWORK))
    conflicts = await town.get("/v1/conflicts", params=period, headers=as_(Role.VIEWER))
    checked = await town.post("/v1/replays", json=period, headers=as_(Role.NETWORK))
    refused = await town.post("/v1/replays", json=period, headers=as_(Role.VIEWER))

    (collector,) = collectors.json()["collectors"]
    assert (collector["name"], collector["condition"]) == ("Foothills", "unheard")
    assert [(w["radio_id"], w["reason"]) for w in waiting.json()["quarantine"]] == [
        (5, "unknown_meter")
    ]
    assert again.json()["letters"] == 0
    assert conflicts.json()["conflicts"] == []
    assert (checked.json()["agrees"], checked.json()["message"]) == (True, 0)
    assert refused.status_code == 403


async def test_events_of_a_period_are_listed_and_handed_out_as_a_file(town, store):
    gasp = EndDeviceEvent(
        collector_id=SMALL_TOWN.collectors[0].collector_id,
        badge="E100",
        radio_id=1,
        code=EventCode.POWER_FAIL,
        at=NOW,
        severity=Severity.ALARM,
        register=41_902_118,
        received_at=NOW,
    )
    async with store() as work:
        await work.events.append([gasp, replace(gasp, badge="E101")])
    day = {"from": "2026-12-01", "to": "2026-12-01"}

    every = await town.get("/v1/events", params=day, headers=as_(Role.VIEWER))
    one = await town.get("/v1/events", params=day | {"meter": "E100"}, headers=as_(Role.VIEWER))
    none = await town.get(
        "/v1/events", params={"from": "2026-11-30", "to": "2026-11-30"}, headers=as_(Role.VIEWER)
    )
    file = await town.get("/v1/events/files/events.parquet", params=day, headers=as_(Role.VIEWER))

    assert [event["meter"] for event in every.json()["events"]] == ["E100", "E101"]
    (event,) = one.json()["events"]
    assert (event["code"], event["severity"], event["at"]) == (
        "power_fail", "alarm", "2026-12-01T20:00:00+00:00",
    )  # fmt: skip
    assert "register" not in event
    assert none.json()["events"] == []
    assert pd.read_parquet(io.BytesIO(file.content))["code"].tolist() == [1, 1]


async def test_a_window_that_is_no_billing_period_is_refused(town):
    answer = await town.post(
        "/v1/billing/windows/2026-11-03/2026-11-10/freeze", headers=as_(Role.BILLING)
    )

    assert answer.status_code == 422
    assert "27" in answer.json()["detail"]


async def test_what_is_away_is_said_and_readiness_follows(store):
    async def problems() -> tuple[str, ...]:
        return ("the database is away",)

    backend = services(store)
    broken = replace(backend, status=StatusService(_away, FakeClock(NOW)), problems=problems)
    transport = httpx.ASGITransport(application(broken))
    async with httpx.AsyncClient(transport=transport, base_url="http://mdms") as client:
        status = await client.get("/v1/status", headers=as_(Role.VIEWER))
        ready = await client.get("/readyz")
        alive = await client.get("/healthz")

    assert (status.status_code, ready.status_code, alive.status_code) == (503, 503, 200)
    assert "gone fishing" in status.json()["detail"]
    assert ready.json() == {"ready": False, "problems": ["the database is away"]}


def _away():
    raise UnavailableError("the database is away: gone fishing")
