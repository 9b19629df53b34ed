"""The store of what was frozen for billing, and the place for finished files."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol


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


@dataclass(frozen=True, slots=True)
class BilledBefore:
    """What later bills are compared with of one that is frozen; names as BillingDeterminant."""

    window_start: date
    window_end: date
    channel_id: int
    reading_type: str
    usage_point_id: str
    account_id: str
    read_start_utc: datetime
    read_end_utc: datetime
    usage_quanta: int
    quality: str
    estimated_share: Decimal
    interval_count: int
    estimated_count: int


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
    async def before(
        self, channel_ids: Sequence[int], *, since: date, until: date
    ) -> Sequence[BilledBefore]:
        """Return what is frozen of channels in windows within [since, until], oldest first."""
        ...

    async def windows(self) -> Sequence[tuple[date, date]]: ...


class ExportSink(Protocol):
    """Where finished files go: written aside, synced, renamed; a manifest comes last."""

    def write(self, name: str, content: bytes) -> None: ...
