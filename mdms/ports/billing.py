"""The store of what was frozen for billing, and the place for finished files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol

from mdms.domain.programme import BillingEvent
from mdms.domain.time import Period


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
    """The exact interval versions used; `mdms.billing.proof` packs and unpacks them."""
    ruleset_hash: str
    content_hash: str
    """SHA-256 over everything else here and every value used; equal data, equal hash."""
    period: int = 1
    """Which of the service's periods in the window: more than one where people moved."""
    opened_by: str = "PERIODIC"
    """Why its first register is read, a word of headend.md 3.7; likewise its last one."""
    closed_by: str = "PERIODIC"
    revision: int = 1
    """Rises with every correction; the highest is what is billed."""


@dataclass(frozen=True, slots=True)
class BillingBlock:
    """Why a channel's window could not be frozen."""

    channel_id: int
    badge: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class BilledBefore:
    """
    What bills beside it are compared with of one that is frozen; names as BillingDeterminant.

    Attributes:
        from_on: First day that its service charges.
        to_on: Day after the last one.
    """

    window_start: date
    window_end: date
    channel_id: int
    reading_type: str
    usage_point_id: str
    account_id: str
    read_start_utc: datetime
    read_end_utc: datetime
    register_end: int
    usage_quanta: int
    quality: str
    estimated_share: Decimal
    interval_count: int
    estimated_count: int
    from_on: date
    to_on: date
    revision: int = 1
    register_start: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledService:
    """
    What one account is billed of one service in a window: whole units of all its meters together.

    Attributes:
        period: From 1; more than one where people moved within the window.
        revision: From 1; rises with every correction.
        from_on: First day of service charged.
        to_on: Day after the last one.
        opened_by: Why it opens there, a word of headend.md 3.7; likewise closed_by.
        quality: The least trusted of its parts.
        estimated_share: Estimated energy over all interval energy of what was delivered, 0..1.
        quantities: Whole units by name: `delivered_kwh`, `on_peak_delivered_kwh`, `demand_kw`, …
        flags: What whoever bills must know, in alphabetical order.
        detail: What the quantities were made of, as text, whole numbers and mappings of them.
        rules: Version of each set of rules used.
        parts: Hashes of the determinants it sums up, by badge and reading type.
        content_hash: SHA-256 over everything above.
    """

    window_start: date
    window_end: date
    usage_point_id: str
    period: int
    revision: int
    premise_id: str
    account_id: str
    commodity: str
    from_on: date
    to_on: date
    opened_by: str
    closed_by: str
    service_days: int
    quality: str
    estimated_share: Decimal
    quantities: Mapping[str, int]
    flags: tuple[str, ...]
    detail: Mapping[str, Any]
    rules: Mapping[str, str]
    parts: tuple[str, ...]
    content_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """
    That the customer system has what a window said.

    Attributes:
        digest: SHA-256 over the hashes of the services it has.
        services: How many they are.
        reference: What the other side calls it; may be empty.
    """

    window_start: date
    window_end: date
    digest: str
    services: int
    acknowledged_at: datetime
    acknowledged_by: str
    reference: str


@dataclass(frozen=True, slots=True)
class WindowSummary:
    """
    What a window comes to, counted.

    Attributes:
        parts: Of meters, as they count now.
        not_actual: Those that do not rest on two actual registers.
        digest: SHA-256 over hash and revision of every service; `csv_v1.services_digest`.
    """

    parts: int
    not_actual: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingEstimate:
    """
    That a channel's period could not be read, and what its register was estimated to be.

    Attributes:
        reason: Word of `mdms.policy.reading.EstimateReason`.
        basis: Word of `mdms.policy.estimate_basis.Basis`.
        usage: Since the last register that is known [billing units].
        days: Since that register.
        register: At the window's end [quanta].
    """

    channel_id: int
    window_start: date
    window_end: date
    reason: str
    basis: str
    usage: Decimal
    days: int
    register: int
    estimated_at: datetime
    estimated_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchRead:
    """
    What a register showed when a switch was confirmed open or closed.

    Attributes:
        register: Quanta of the channel that is delivered.
        reason: DISCONNECT or RECONNECT.
    """

    control_id: str
    badge: str
    reading_type: str
    usage_point_id: str
    account_id: str
    at: datetime
    register: int
    reason: str


class BillingStore(Protocol):
    """Frozen determinants: rows are added, never changed; the highest revision counts."""

    async def freeze(
        self,
        window_start: date,
        window_end: date,
        determinants: Sequence[BillingDeterminant],
        blocked: Sequence[BillingBlock],
        at: datetime,
    ) -> None: ...
    async def add(
        self,
        window_start: date,
        window_end: date,
        determinants: Sequence[BillingDeterminant],
        services: Sequence[BilledService],
        at: datetime,
    ) -> None:
        """Freeze services with their parts; what is frozen keeps its row."""
        ...

    async def determinants(
        self, window_start: date, window_end: date
    ) -> Sequence[BillingDeterminant]:
        """Return the parts of what counts now, by channel and time."""
        ...

    async def services(
        self, window_start: date, window_end: date, *, as_of: datetime | None = None
    ) -> Sequence[BilledService]:
        """Return what counts, or counted at an instant, by usage point and period."""
        ...

    async def summary(self, window_start: date, window_end: date) -> WindowSummary:
        """Return how much of a window is frozen, and the digest of what it says now."""
        ...

    async def services_of(self, usage_point_id: str) -> Sequence[tuple[BilledService, datetime]]:
        """Return every revision of a service with the instant of its freeze, oldest first."""
        ...

    async def billed_elsewhere(
        self, window_start: date, window_end: date
    ) -> Sequence[tuple[str, date, date]]:
        """Return usage point and days [from, to) that other windows charge of these days."""
        ...

    async def blocked(self, window_start: date, window_end: date) -> Sequence[BillingBlock]: ...
    async def before(
        self, channel_ids: Sequence[int], *, since: date, until: date
    ) -> Sequence[BilledBefore]:
        """
        Return what is frozen of channels in windows within [since, until], oldest first.

        That is what later bills follow, and what earlier ones lead up to. A part that was frozen
        before services were has the days of its window.
        """
        ...

    async def windows(self) -> Sequence[tuple[date, date]]: ...
    async def acknowledge(self, acknowledgement: Acknowledgement) -> bool:
        """Keep an acknowledgement; return whether it was new."""
        ...

    async def acknowledged(self, window_start: date, window_end: date) -> Sequence[Acknowledgement]:
        """Return the acknowledgements of a window, oldest first."""
        ...

    async def estimate(self, estimate: BillingEstimate) -> bool:
        """Keep an estimate; return whether there was none of this channel and window."""
        ...

    async def estimates(
        self, window_start: date, window_end: date, *, as_of: datetime
    ) -> Sequence[BillingEstimate]:
        """Return the estimates of a window that were made by an instant."""
        ...

    async def carry_events(self, window_start: date, window_end: date) -> None:
        """Let a window carry the sums of its accounts, due before its end, that none carries."""
        ...

    async def events(self, window_start: date, window_end: date) -> Sequence[BillingEvent]:
        """Return the sums that a window carries, oldest first."""
        ...

    async def switch_reads(
        self, window_start: date, window_end: date, period: Period
    ) -> Sequence[SwitchRead]:
        """Return the reads of switchings in a period at places that a window bills, by time."""
        ...

    async def set_read_days(self, billing_cycle: int, read_on: Sequence[date]) -> None:
        """Replace the read days of a cycle from the first of these on."""
        ...

    async def read_days(self) -> Sequence[tuple[int, date]]:
        """Return cycle and read day, sorted."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """
    What reads have overtaken after a freeze, and what was done about it.

    Attributes:
        revision: Of the service, the one that was wrong.
        changes: Frozen and present units of each quantity that differs.
        causes: Words of `mdms.billing.differences.Cause`.
        flags: Words of `mdms.policy.corrections.CorrectionFlag`.
        treatment: Word of `mdms.policy.corrections.Treatment`.
        notice_by: Last day to tell the customer.
        noticed_at: When they were told; None: not yet.
        number: Ours; 0 before it is stored.
        proposed: It would replace a bill, and nobody has let it so far.
    """

    window_start: date
    window_end: date
    usage_point_id: str
    period: int
    revision: int
    account_id: str
    found_at: datetime
    found_by: str
    changes: Mapping[str, tuple[int, int]]
    causes: tuple[str, ...]
    flags: tuple[str, ...]
    treatment: str
    notice_by: date
    old_hash: str
    new_hash: str
    noticed_at: datetime | None = None
    noticed_by: str = ""
    number: int = 0
    proposed: bool = False


class CorrectionStore(Protocol):
    """Corrections: added once for the same finding."""

    async def add(self, correction: Correction) -> int | None:
        """
        Keep a correction and return its number; None where the very same is there.

        Where that is a proposal, and this is none, it is one no longer.
        """
        ...

    async def withdraw(self, numbers: Sequence[int]) -> None:
        """Forget proposals that the reads have overtaken as well."""
        ...

    async def overtake(
        self, days: tuple[date, date], channel_ids: Sequence[int] | None = None
    ) -> None:
        """
        Note that reads may have moved.

        Args:
            days: First and last local day of what moved: frozen windows that reach to them, or end
                or begin at most three days from them.
            channel_ids: Whose reads; None: anybody's.
        """
        ...

    async def overtaken(self) -> Mapping[tuple[date, date], frozenset[int]]:
        """Return the windows under which reads have moved, the earliest first: whose."""
        ...

    async def looked_at(self, window_start: date, window_end: date) -> None:
        """Forget what was noted of a window, in the transaction that looks at its reads."""
        ...

    async def find(self, number: int) -> Correction | None: ...
    async def of_window(self, window_start: date, window_end: date) -> Sequence[Correction]: ...
    async def every(self, *, untold_only: bool) -> Sequence[Correction]:
        """Return corrections by the day on which customers must have been told."""
        ...

    async def told(self, number: int, at: datetime, by: str) -> bool:
        """Keep that a customer was told; return whether nobody had said so."""
        ...


class ExportSink(Protocol):
    """Where finished files go: written aside, synced, renamed; a manifest comes last."""

    def write(self, name: str, content: bytes) -> None: ...
