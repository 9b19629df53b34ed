"""One durable transaction over every store."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from mdms.ports.audit import AuditStore
from mdms.ports.batches import BatchStore
from mdms.ports.billing import BillingStore, CorrectionStore
from mdms.ports.board import BoardStore
from mdms.ports.circumstances import CircumstanceStore
from mdms.ports.collection import CollectorStore, EventStore, GapStore
from mdms.ports.conflicts import ConflictStore
from mdms.ports.controls import ControlStore
from mdms.ports.edits import EditStore
from mdms.ports.exceptions import ExceptionStore
from mdms.ports.facts import FactStore
from mdms.ports.field_orders import FieldOrderStore
from mdms.ports.frames import RawMessageStore
from mdms.ports.grid import GridStore
from mdms.ports.grid_days import GridDayStore
from mdms.ports.leaks import LeakStore
from mdms.ports.messages import MessageStore
from mdms.ports.optouts import OptoutStore
from mdms.ports.pilot import PilotStore
from mdms.ports.programme import ProgrammeStore
from mdms.ports.quarantine import QuarantineStore
from mdms.ports.reading_imports import ReadingImportStore
from mdms.ports.readings import ReadingStore
from mdms.ports.registry import RegistryStore
from mdms.ports.self_reads import SelfReadStore
from mdms.ports.service_levels import ServiceLevelStore
from mdms.ports.standing import StandingStore
from mdms.ports.tokens import TokenStore
from mdms.ports.vee import VeeStore


class UnitOfWork(Protocol):
    """One transaction: everything in it is stored, or nothing is."""

    @property
    def audit(self) -> AuditStore: ...
    @property
    def registry(self) -> RegistryStore: ...
    @property
    def messages(self) -> MessageStore: ...
    @property
    def readings(self) -> ReadingStore: ...
    @property
    def reading_imports(self) -> ReadingImportStore: ...
    @property
    def vee(self) -> VeeStore: ...
    @property
    def raw_messages(self) -> RawMessageStore: ...
    @property
    def edits(self) -> EditStore: ...
    @property
    def exceptions(self) -> ExceptionStore: ...
    @property
    def circumstances(self) -> CircumstanceStore: ...
    @property
    def leaks(self) -> LeakStore: ...
    @property
    def grid(self) -> GridStore: ...
    @property
    def billing(self) -> BillingStore: ...
    @property
    def corrections(self) -> CorrectionStore: ...
    @property
    def events(self) -> EventStore: ...
    @property
    def gaps(self) -> GapStore: ...
    @property
    def conflicts(self) -> ConflictStore: ...
    @property
    def quarantine(self) -> QuarantineStore: ...
    @property
    def collectors(self) -> CollectorStore: ...
    @property
    def controls(self) -> ControlStore: ...
    @property
    def batches(self) -> BatchStore: ...
    @property
    def optouts(self) -> OptoutStore: ...
    @property
    def programme(self) -> ProgrammeStore: ...
    @property
    def self_reads(self) -> SelfReadStore: ...
    @property
    def facts(self) -> FactStore: ...
    @property
    def field_orders(self) -> FieldOrderStore: ...
    @property
    def standing(self) -> StandingStore: ...
    @property
    def pilot(self) -> PilotStore: ...
    @property
    def service_levels(self) -> ServiceLevelStore: ...
    @property
    def grid_days(self) -> GridDayStore: ...
    @property
    def board(self) -> BoardStore: ...
    @property
    def tokens(self) -> TokenStore: ...


UnitOfWorkFactory = Callable[[], AbstractAsyncContextManager[UnitOfWork]]
"""Opens a transaction; leaving it commits, an exception rolls back (UnavailableError if away)."""
