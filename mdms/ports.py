"""
What the core asks of the world: a clock, messages, one durable transaction, a place for files.

Adapters live in `ingest.mqtt`, `mdms.storage` and `mdms.app`; typed fakes in `tests/fakes.py`.
Each store below is one noun of the same transaction, not a port of its own.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from mdms.domain.controls import ControlStep, EndDeviceControl, Optout, SignedEnvelope
from mdms.domain.errors import RejectReason
from mdms.domain.events import EndDeviceEvent
from mdms.domain.gaps import BatchCount, CountChange, Hole, Span
from mdms.domain.readings import IntervalReads, RegisterReads
from mdms.domain.registry import ChannelTable, MeterPlace, Registry
from mdms.domain.time import Period


class Clock(Protocol):
    """
    The one source of time (design D18).

    `now` is civil time in UTC and may be followed from a simulation; `monotonic` and `sleep`
    are always real and serve batch age, back-off and keepalive.
    """

    def now(self) -> datetime: ...
    def monotonic(self) -> float: ...
    async def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message as it came; `token` means something to its source only."""

    topic: str
    payload: bytes
    token: object = None


class MessageSource(Protocol):
    """Where messages come from; what is not acknowledged comes again."""

    def batches(
        self, *, messages_max: int, bytes_max: int, age_s_max: float
    ) -> AsyncIterator[Sequence[Envelope]]:
        """Yield batches bounded by count, payload bytes and age of the oldest message."""
        ...

    async def ack(self, batch: Sequence[Envelope]) -> None:
        """Tell the broker that these messages are stored."""
        ...


@dataclass(frozen=True, slots=True)
class UplinkMessage:
    """A collector's batch as it was received, kept for replay and disputes."""

    collector_id: int
    boot_id: int
    batch_seq: int
    batch_us: int
    kind: str
    """Last part of the topic: read, event, backfill or ack."""
    frame_count: int
    payload: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Rejected:
    """A message, or one frame of it, that could not be used: a dead letter."""

    reason: RejectReason
    detail: str
    topic: str
    payload: bytes
    frame_index: int | None
    """None when the whole message was refused."""
    received_at: datetime


@dataclass(frozen=True, slots=True)
class CollectorSequence:
    """How far a collector has come."""

    collector_id: int
    boot_id: int
    batch_seq: int
    """Highest sequence number that was committed."""
    batch_at: datetime
    received_at: datetime


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import changed: rows added, changed and unchanged by file name."""

    added: Mapping[str, int]
    changed: Mapping[str, int]
    unchanged: Mapping[str, int]


class RegistryStore(Protocol):
    """Who is metered where."""

    async def merge(self, registry: Registry) -> ImportResult:
        """Add or change these rows; rows that are not named stay."""
        ...

    async def load(self) -> Registry: ...
    async def channels(self) -> ChannelTable: ...
    async def collector_ids(self) -> frozenset[int]: ...
    async def place(self, name: str, at: datetime) -> MeterPlace | None:
        """Return the meter that a badge or usage point names, as it was placed at an instant."""
        ...


class MessageStore(Protocol):
    """Raw messages, dead letters and how far each collector has come."""

    async def record(self, messages: Sequence[UplinkMessage]) -> int:
        """Keep raw messages and move collector sequences on; return how many were new."""
        ...

    async def reject(self, rejected: Sequence[Rejected]) -> int:
        """Keep dead letters; return how many were new: what comes again is kept once."""
        ...

    async def sequences(self) -> Sequence[CollectorSequence]: ...
    async def dead_letter_counts(self) -> Mapping[RejectReason, int]: ...


class ReadingStore(Protocol):
    """Versions of interval and register reads; nothing is updated in place."""

    async def append_raw(
        self, intervals: IntervalReads, registers: RegisterReads, *, sure: bool
    ) -> tuple[IntervalReads, RegisterReads]:
        """
        Store version 0 rows, each key at most once within the call.

        Args:
            intervals: Rows of version 0.
            registers: Rows of version 0.
            sure: The caller believes that no row is stored yet. A hint for speed: when it is
                wrong, the result is the same.

        Returns:
            The rows that were not stored because their key is taken; a row whose stored value
            differs has been kept in read_conflict.
        """
        ...

    async def append_versions(self, intervals: IntervalReads) -> None:
        """Store rows of version 1 and up."""
        ...

    async def intervals(
        self,
        period: Period,
        *,
        channel_ids: Sequence[int] | None = None,
        as_of: datetime | None = None,
    ) -> IntervalReads:
        """Return every version that starts in the period, sorted by channel, start, version."""
        ...

    async def registers(
        self,
        period: Period,
        *,
        channel_ids: Sequence[int] | None = None,
        as_of: datetime | None = None,
    ) -> RegisterReads:
        """Return every register version in the period, both ends included, sorted likewise."""
        ...

    async def newest(self, slots: int) -> tuple[IntervalReads, RegisterReads]:
        """Return raw rows of about the last `slots` intervals of each channel."""
        ...


@dataclass(frozen=True, slots=True)
class VeeDay:
    """
    The outcome of one channel-day; rows of status R recorded before it show as V.

    `version` counts from 0 for each channel and day; nothing is updated in place.
    """

    channel_id: int
    local_day: date
    version: int
    recorded_at: datetime
    ruleset_hash: str
    expected: int
    actual: int
    estimated: int
    missing: int
    held: int
    flags: int
    """Union of the rule masks of the day's intervals."""


@dataclass(frozen=True, slots=True)
class VeeException:
    """Something a person must look at; open until `closed_at`."""

    channel_id: int
    local_day: date
    rule: str
    severity: str
    detail: str
    opened_at: datetime
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class VeeRun:
    """One run of the VEE engine over a set of channel-days."""

    run_id: int
    started_at: datetime
    first_day: date
    last_day: date
    ruleset_hash: str
    channel_days: int
    versions: int


class VeeStore(Protocol):
    """Outcomes of validation and estimation, and what waits for it."""

    async def take_turn(self) -> None:
        """Wait until no other transaction judges; the turn lasts as long as this transaction."""
        ...

    async def touch(self, channel_days: Iterable[tuple[int, date]]) -> None:
        """Remember channel-days whose raw data changed after they were judged."""
        ...

    async def touched(self) -> Sequence[tuple[int, date]]: ...
    async def untouch(self, channel_days: Iterable[tuple[int, date]]) -> None: ...
    async def days(
        self,
        first: date,
        last: date,
        *,
        channel_ids: Sequence[int] | None = None,
        as_of: datetime | None = None,
    ) -> Sequence[VeeDay]:
        """Return the newest outcome of each channel-day as known at `as_of`."""
        ...

    async def append_days(self, days: Sequence[VeeDay]) -> None: ...
    async def replace_exceptions(
        self, channel_days: Iterable[tuple[int, date]], raised: Sequence[VeeException], at: datetime
    ) -> None:
        """Close what is open on these channel-days and no longer raised; open what is new."""
        ...

    async def open_exceptions(self) -> Sequence[VeeException]: ...
    async def record_run(self, run: VeeRun) -> None: ...
    async def last_run(self) -> VeeRun | None: ...


@dataclass(frozen=True, slots=True)
class BillingDeterminant:
    """
    What one channel used in one bill window, frozen; vee.md 8.9.

    Registers and usage are quanta; `usage_units` are whole billing units, rounded once.
    """

    window_start: date
    window_end: date
    channel_id: int
    badge: str
    reading_type: str
    usage_point_id: str
    premise_id: str
    account_id: str
    read_start_utc: datetime
    read_end_utc: datetime
    register_start: int
    register_end: int
    usage_quanta: int
    usage_units: int
    unit: str
    quality: str
    """ACTUAL, ESTIMATED, CUSTOMER or EDITED."""
    method: str
    estimated_share: Decimal
    """Estimated energy over interval energy, 0..1, six places."""
    interval_count: int
    estimated_count: int
    versions: bytes
    """The exact interval versions used; `mdms.billing.determinants` packs and unpacks them."""
    ruleset_hash: str
    content_hash: str
    """SHA-256 over everything above and every value used; equal data, equal hash."""


@dataclass(frozen=True, slots=True)
class BillingBlock:
    """Why a channel's window could not be frozen."""

    channel_id: int
    badge: str
    reason: str
    detail: str


class BillingStore(Protocol):
    """Frozen determinants: rows are added, never changed."""

    async def freeze(
        self,
        window_start: date,
        window_end: date,
        determinants: Sequence[BillingDeterminant],
        blocked: Sequence[BillingBlock],
        at: datetime,
    ) -> None: ...
    async def determinants(
        self, window_start: date, window_end: date
    ) -> Sequence[BillingDeterminant]: ...
    async def blocked(self, window_start: date, window_end: date) -> Sequence[BillingBlock]: ...
    async def windows(self) -> Sequence[tuple[date, date]]: ...


class EventStore(Protocol):
    """What meters and collectors report by themselves."""

    async def append(self, events: Sequence[EndDeviceEvent]) -> int:
        """
        Keep events and return how many were new.

        The same code of the same meter within 5 seconds is the same event.
        """
        ...

    async def within(self, period: Period) -> Sequence[EndDeviceEvent]:
        """Return the events of a period in order of time."""
        ...


class GapStore(Protocol):
    """How far each collector has counted its batches, and which of them are missing."""

    async def counts(self, collector_ids: Iterable[int]) -> Mapping[int, BatchCount]:
        """Return the counts of these collectors, locked until the transaction ends."""
        ...

    async def holes(
        self, collector_ids: Iterable[int] | None = None, *, lost: bool = False
    ) -> Sequence[Hole]:
        """Return open holes, and with `lost` also those that were given up."""
        ...

    async def move_on(self, changes: Sequence[CountChange], at: datetime, due_at: datetime) -> None:
        """Store what batches changed; holes that are opened are asked for at `due_at`."""
        ...

    async def open(
        self, collector_id: int, spans: Sequence[Span], at: datetime, due_at: datetime
    ) -> None:
        """Open holes that a person asks for."""
        ...

    async def asked(self, due_at: Mapping[int, datetime]) -> None:
        """Count a request for each of these holes, and set when the next one is due."""
        ...

    async def lose(self, hole_ids: Iterable[int], at: datetime) -> None: ...
    async def hurry(self, at: datetime, *, collector_id: int | None = None) -> int:
        """Begin again with every hole, lost ones too; return how many there are."""
        ...


@dataclass(frozen=True, slots=True)
class ReceivedAnswer:
    """One 64-byte record of an `up/ack` batch, as it came (headend.md 2.7)."""

    collector_id: int
    schema_id: int
    """3 the meter's own answer, 4 the collector's progress."""
    record: bytes
    received_at: datetime


class ControlStore(Protocol):
    """Commands to meters: their state, their history, what was signed and what came back."""

    async def receive(self, records: Sequence[ReceivedAnswer]) -> None:
        """Keep answers until the dispatcher has read them; a copy does no harm."""
        ...

    async def unhandled(self, count_max: int) -> Sequence[tuple[int, ReceivedAnswer]]:
        """Claim the oldest answers that nobody has read, with their numbers."""
        ...

    async def has_unhandled(self) -> bool: ...
    async def mark_handled(self, answer_ids: Sequence[int], at: datetime) -> None: ...
    async def add(self, control: EndDeviceControl) -> None: ...
    async def save(self, control: EndDeviceControl) -> None:
        """Store a command's new state; what was requested never changes."""
        ...

    async def add_step(self, step: ControlStep) -> None: ...
    async def steps(self, control_id: UUID) -> Sequence[ControlStep]: ...
    async def find(self, control_id: UUID) -> EndDeviceControl | None: ...
    async def lock(self, control_id: UUID) -> EndDeviceControl | None:
        """Return a command that nobody else may change until this transaction ends."""
        ...

    async def lock_due(self, now: datetime) -> EndDeviceControl | None:
        """Return the command that has been due longest, locked; others' locks are skipped."""
        ...

    async def lock_meter(self, badge: str) -> None:
        """Let no other transaction judge or make commands for this meter until this one ends."""
        ...

    async def of_meter(self, badge: str) -> Sequence[EndDeviceControl]:
        """Return a meter's commands, oldest first."""
        ...

    async def newest(self, count_max: int) -> Sequence[EndDeviceControl]: ...
    async def pending(self) -> Sequence[EndDeviceControl]:
        """Return the commands that the dispatcher still has to look at, oldest first."""
        ...

    async def add_envelope(self, envelope: SignedEnvelope) -> None: ...
    async def envelope(self, command_id: UUID) -> SignedEnvelope | None: ...
    async def envelopes(self, control_id: UUID) -> Sequence[SignedEnvelope]: ...
    async def heard_at(self, badge: str, after: datetime) -> datetime | None:
        """Return the newest stamp later than `after` that came from a meter's radio."""
        ...

    async def violations(self) -> Sequence[UUID]:
        """Return verified radio_off commands, result OK, whose meter was heard again since."""
        ...


class CommandTransport(Protocol):
    """The way of an envelope to a collector."""

    async def send(self, collector_id: int, envelope: bytes) -> None:
        """Hand 64 bytes to the broker (UnavailableError if it is away)."""
        ...


class SignerStore(Protocol):
    """The signer's own memory: counters that only rise, and what was signed with each."""

    async def issue(
        self, command_id: UUID, radio_id: int, key_id: int, make: Callable[[int], bytes]
    ) -> tuple[int, bytes]:
        """
        Draw the next counter of a meter and key, and keep the envelope that it is used in.

        Args:
            command_id: Asked again with the same one, the first envelope is returned.
            radio_id: Meter.
            key_id: Key of the meter.
            make: Returns the envelope for a counter.

        Returns:
            The counter and the envelope.
        """
        ...


class OptoutStore(Protocol):
    """Who opted out of a radio, and when radios were silent for it."""

    async def add(self, optout: Optout) -> None: ...
    async def end(self, optout_id: UUID, at: datetime, by: str) -> None: ...
    async def find(self, optout_id: UUID) -> Optout | None: ...
    async def in_force(self, badge: str) -> Optout | None: ...
    async def every(self) -> Sequence[Optout]: ...
    async def silence(self, badge: str, off_at: datetime, control_id: UUID) -> None:
        """Remember that a meter's radio is off from this instant."""
        ...

    async def unsilence(self, badge: str, on_at: datetime) -> None: ...
    async def silent(self, badge: str) -> bool: ...


class UnitOfWork(Protocol):
    """One transaction: everything in it is stored, or nothing is."""

    @property
    def registry(self) -> RegistryStore: ...
    @property
    def messages(self) -> MessageStore: ...
    @property
    def readings(self) -> ReadingStore: ...
    @property
    def vee(self) -> VeeStore: ...
    @property
    def billing(self) -> BillingStore: ...
    @property
    def events(self) -> EventStore: ...
    @property
    def gaps(self) -> GapStore: ...
    @property
    def controls(self) -> ControlStore: ...
    @property
    def optouts(self) -> OptoutStore: ...


UnitOfWorkFactory = Callable[[], AbstractAsyncContextManager[UnitOfWork]]
"""Opens a transaction; leaving it commits, an exception rolls back (UnavailableError if away)."""


class ExportSink(Protocol):
    """Where finished files go: written aside, synced, renamed; a manifest comes last."""

    def write(self, name: str, content: bytes) -> None: ...
