"""The part that answers on REST: every service, and the HTTP server that ends when we say so."""

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta

import structlog
import uvicorn
from fastapi import FastAPI

from commands.approvals import ControlApprovals
from commands.batches import ControlBatches
from commands.checks import PolicyChecks
from commands.flood import Flood
from commands.releasing import BreakerRelease
from commands.requests import ControlRequests
from commands.undoing import BatchUndo
from ingest.quarantine import Quarantine
from ingest.replay import Replay
from ingest.tracing import open_frames
from mdms import api
from mdms.api.backend import Services
from mdms.api.rates import RateLimit
from mdms.app.commands import reactions
from mdms.app.core import Core
from mdms.app.ingest import Line
from mdms.app.keys import read_tags, read_trailers
from mdms.app.readiness import DatabaseProbe
from mdms.app.tasks import Tasks
from mdms.domain.people import Token
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
from mdms.services.self_read_months import SelfReadMonths
from mdms.services.self_reads import SelfReadService
from mdms.services.status import StatusService
from mdms.services.tokens import TokenService
from mdms.services.transformers import TransformerService
from mdms.services.vee_explain import ExplainService
from mdms.services.wishes import WishService
from mdms.settings import ApiSettings

log = structlog.get_logger()


def start_api(core: Core, tasks: Tasks, line: Line | None, listener: socket.socket) -> None:
    """Answer; without a line to collectors, what needs one is refused or waits."""
    limit = RateLimit(core.clock, core.settings.api.requests_per_minute)
    tasks.start(_answer(api.create(_services(core, line), limit), listener))


def _services(core: Core, line: Line | None) -> Services:
    settings, unit_of_work, clock = core.settings, core.unit_of_work, core.clock
    tags = read_tags(settings.ingest)
    quarantine = (
        line.quarantine
        if line
        else Quarantine(
            unit_of_work,
            clock,
            core.horizon,
            tags=tags,
            trailers=read_trailers(settings.ingest),
        )
    )

    async def on_registry() -> None:
        if line is not None:
            await line.pipeline.reload_registry()
        quarantine.wake()
        if line is None:
            await quarantine.run_due(clock.now())

    dispatcher = line.dispatcher if line else None
    wake = dispatcher.wake if dispatcher else _nobody_waits

    flood = Flood(core.judge)
    requests = ControlRequests(
        unit_of_work.pipelined,
        clock,
        core.judge,
        can_sign=bool(settings.signer.socket),
        on_request=wake,
        flood=flood,
    )

    months = SelfReadMonths(unit_of_work, clock, core.book)

    async def finalize(first: date, last: date, channel_ids: Sequence[int]) -> None:
        await core.vee.run(first, last, channel_ids=channel_ids, final=True)
        await months.close(first, last + timedelta(days=1), channel_ids=channel_ids)

    async def rejudge(first: date, last: date, channel_ids: Sequence[int]) -> None:
        await core.vee.run(first, last, channel_ids=channel_ids)

    edits = EditService(unit_of_work, clock, core.rules, settings.zone, rejudge)

    own_data = OwnDataService(unit_of_work, clock, core.book)

    pilot = PilotService(unit_of_work, clock, lambda at: core.judge.rules(at).gate)

    async def ask_database() -> None:
        async with unit_of_work() as work:
            await work.registry.collector_ids()

    probe = DatabaseProbe(ask_database)

    async def problems() -> Sequence[str]:
        of_line = line.problems() if line else ()
        return [*of_line, *await probe.problems()]

    return Services(
        zone=settings.zone,
        registry=RegistryService(unit_of_work, on_change=on_registry, within=pilot.within_limit),
        exchanges=MeterExchanges(
            unit_of_work, clock, settings.zone, on_registry, within=pilot.within_limit
        ),
        readings=ReadingService(unit_of_work, settings.zone),
        reading_files=ReadingFileService(unit_of_work, clock, settings.zone, settings.utility.code),
        reading_imports=ReadingImportService(unit_of_work, clock, settings.zone),
        gaps=line.gaps if line else GapService(unit_of_work, clock),
        collectors=CollectorService(unit_of_work, clock),
        quarantine=quarantine,
        replay=Replay(unit_of_work, clock, core.horizon, tags=tags),
        conflicts=ConflictService(unit_of_work),
        events=EventService(unit_of_work),
        vee=core.vee,
        edits=edits,
        exceptions=ExceptionService(unit_of_work, clock, core.rules, settings.zone, edits),
        explain=ExplainService(unit_of_work, clock, core.rules, settings.zone, core.book),
        trace=TraceService(unit_of_work, clock, settings.zone, open_frames),
        leaks=LeakService(unit_of_work, clock, core.leak_rules, core.book),
        leak_credit=LeakCreditService(unit_of_work, clock, core.book),
        grid=GridService(unit_of_work, clock, settings.zone, core.grid_rules),
        transformers=TransformerService(
            unit_of_work, settings.zone, core.rules.voltage, core.grid_rules
        ),
        billing=BillingService(unit_of_work, clock, core.book, finalize, core.rules),
        billed=BilledServices(unit_of_work, clock),
        corrections=BillingCorrections(unit_of_work, clock, core.book, core.rules),
        cycles=BillingCycles(unit_of_work, clock, core.book),
        parallel=ParallelBilling(unit_of_work, core.book),
        estimates=BillingEstimates(unit_of_work, clock, core.book, core.rules),
        meter_tests=MeterTests(unit_of_work, clock, core.book),
        status=StatusService(unit_of_work, clock),
        board=BoardService(unit_of_work, clock, settings.zone, settings.utility.code),
        requests=requests,
        approvals=ControlApprovals(unit_of_work.pipelined, clock, core.judge, wake),
        controls=ControlService(unit_of_work),
        batches=ControlBatches(unit_of_work, clock, requests, flood, wake),
        batch_undo=BatchUndo(unit_of_work, clock, requests),
        breaker=BreakerRelease(unit_of_work, clock, core.signer),
        batch_views=BatchService(unit_of_work),
        field_orders=FieldOrderService(unit_of_work, clock),
        checks=PolicyChecks(unit_of_work, clock, core.judge),
        decisions=DecisionService(unit_of_work),
        pilot=pilot,
        optouts=OptoutService(
            unit_of_work,
            clock,
            core.book,
            on_radio=on_registry,
            on_change=line.radios.wake if line and line.radios else _nobody_waits,
        ),
        self_reads=SelfReadService(unit_of_work, clock, core.book),
        self_read_months=months,
        facts=FactService(
            unit_of_work.pipelined, clock, settings.zone, reactions(core, requests).on_facts
        ),
        grants=GrantService(unit_of_work, clock, core.book),
        own_data=own_data,
        aggregates=AggregateService(unit_of_work, clock, core.book),
        breaches=BreachService(unit_of_work, clock, core.book),
        answers=AnswerService(unit_of_work, clock),
        wishes=WishService(unit_of_work, clock, core.book, own_data),
        access_log=AccessLogService(unit_of_work.pipelined, clock, core.book),
        tokens=TokenService(unit_of_work, clock, _tokens(settings.api)),
        audit=AuditService(unit_of_work),
        problems=problems,
    )


def _nobody_waits() -> None:
    """Tell nobody: this process sends no commands."""


def _tokens(settings: ApiSettings) -> list[Token]:
    return [
        Token(name, frozenset(token.roles), token.sha256, frozenset(token.nouns), token.expires_at)
        for name, token in settings.tokens.items()
    ]


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to us: ingest and API end together."""
        yield


async def _answer(app: FastAPI, listener: socket.socket) -> None:
    server = _Server(uvicorn.Config(app, log_config=None, lifespan="off", access_log=False))
    host, port, *_ = listener.getsockname()
    log.info("api.listening", host=host, port=port)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise
