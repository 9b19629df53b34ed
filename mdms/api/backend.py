"""What routes call: one object of services, made by `mdms.app` and kept on the application."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Request

from commands.approvals import ControlApprovals
from commands.batches import ControlBatches
from commands.checks import PolicyChecks
from commands.releasing import BreakerRelease
from commands.requests import ControlRequests
from commands.undoing import BatchUndo
from ingest.quarantine import Quarantine
from ingest.replay import Replay
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
from mdms.services.vee_run import VeeService
from mdms.services.wishes import WishService


@dataclass(frozen=True, slots=True)
class Services:
    """The services behind the routes, and the utility's zone for days."""

    zone: ZoneInfo
    registry: RegistryService
    exchanges: MeterExchanges
    readings: ReadingService
    reading_files: ReadingFileService
    reading_imports: ReadingImportService
    gaps: GapService
    collectors: CollectorService
    quarantine: Quarantine
    replay: Replay
    conflicts: ConflictService
    events: EventService
    vee: VeeService
    edits: EditService
    exceptions: ExceptionService
    explain: ExplainService
    trace: TraceService
    leaks: LeakService
    leak_credit: LeakCreditService
    grid: GridService
    transformers: TransformerService
    billing: BillingService
    billed: BilledServices
    corrections: BillingCorrections
    cycles: BillingCycles
    parallel: ParallelBilling
    estimates: BillingEstimates
    meter_tests: MeterTests
    status: StatusService
    board: BoardService
    requests: ControlRequests
    approvals: ControlApprovals
    controls: ControlService
    batches: ControlBatches
    batch_undo: BatchUndo
    breaker: BreakerRelease
    batch_views: BatchService
    field_orders: FieldOrderService
    checks: PolicyChecks
    decisions: DecisionService
    pilot: PilotService
    optouts: OptoutService
    self_reads: SelfReadService
    self_read_months: SelfReadMonths
    facts: FactService
    grants: GrantService
    own_data: OwnDataService
    wishes: WishService
    answers: AnswerService
    aggregates: AggregateService
    breaches: BreachService
    access_log: AccessLogService
    tokens: TokenService
    audit: AuditService
    problems: Callable[[], Awaitable[Sequence[str]]]
    """Why the daemon is not ready, one sentence each; nothing when it is."""


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Backend = Annotated[Services, Depends(_services)]
