"""The store of what validation and estimation found."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

BILL_RULES = frozenset(
    {"V36", "V37", "V44", "V50", "V51", "V52", "V53", "V54", "V55", "V56", "V57", "V58"}
)
"""Rules about a bill; their exceptions stand on its last day, apart from those of the day."""


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
    """Union of the rule masks of the day's intervals, and of the day's own rules."""
    peak: int | None = None
    """Largest value of a day that is whole and sound [quanta]; None for any other day."""
    usage: int | None = None
    """Its sum [quanta]."""


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
    finished_at: datetime | None = None
    """None of runs before it was kept."""


@dataclass(frozen=True, slots=True)
class StoredRuleset:
    """A rule set that was put in force, with its whole text."""

    hash: str
    version: str
    effective: date
    approved_by: str
    promoted_by: str
    promoted_at: datetime
    toml: str


class VeeStore(Protocol):
    """Outcomes of validation and estimation, and what waits for it."""

    async def take_turn(self) -> None:
        """Wait until no other transaction judges; the turn lasts as long as this transaction."""
        ...

    async def touch(self, channel_days: Iterable[tuple[int, date]]) -> None:
        """Remember channel-days whose raw data changed after they were judged."""
        ...

    async def advance(self, last_day: date) -> None:
        """Say that days up to this one are judged; who said less before has stored it by now."""
        ...

    async def horizon(self) -> date | None:
        """Return the last day that is judged, for good until this transaction ends; None: none."""
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
        self,
        channel_days: Iterable[tuple[int, date]],
        raised: Sequence[VeeException],
        at: datetime,
        *,
        of_bills: bool = False,
    ) -> None:
        """
        Close what is open on these channel-days and no longer raised; open what is new.

        Args:
            channel_days: What was judged.
            raised: What was found.
            at: When.
            of_bills: Bills that end on these days were judged (BILL_RULES), not the days.
        """
        ...

    async def open_exceptions(self) -> Sequence[VeeException]: ...
    async def record_run(self, run: VeeRun) -> None: ...
    async def last_run(self) -> VeeRun | None: ...
    async def add_ruleset(self, ruleset: StoredRuleset) -> None: ...
    async def keep_shipped(self, hash_: str, toml: str, at: datetime) -> None:
        """Keep the rule set that the installation came with, unless it is kept already."""
        ...

    async def shipped(self, hash_: str) -> str | None:
        """Return the text of a rule set that the installation once came with."""
        ...

    async def rulesets(self) -> Sequence[StoredRuleset]:
        """Return every rule set that was promoted, by effective date, then as promoted."""
        ...
