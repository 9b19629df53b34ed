"""How a meter stands, and how much was switched off: what commands are judged by."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from mdms.domain.controls import ControlApproval, EndDeviceControl
from mdms.domain.registry import MeterPlace
from mdms.domain.time import Period


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """
    A meter where it sits, and what was heard of it. None: never, or not known.

    Attributes:
        account_id: Who pays by the newest agreement that has begun, be it over.
        opted_out: An opt-out of its radio is in force.
        silent: Its radio was switched off by command.
        heard_at: Newest stamp of its own that came by radio, if it is young.
        failed_at: Its newest power failure.
        restored_at: Its newest restoration.
        hot_at: Its newest temperature alarm.
        cooled_at: The newest end of one.
        load_side_at: When it last reported voltage behind its open switch.
    """

    place: MeterPlace
    premise_id: str
    transformer_id: str
    account_id: str | None
    opted_out: bool
    silent: bool
    heard_at: datetime | None
    failed_at: datetime | None
    restored_at: datetime | None
    hot_at: datetime | None
    cooled_at: datetime | None
    load_side_at: datetime | None


@dataclass(frozen=True, slots=True)
class SignedOpen:
    """An open that was signed."""

    control_id: UUID
    badge: str
    cause: str
    transformer_id: str
    signed_at: datetime


@dataclass(frozen=True, slots=True)
class OpenCount:
    """How many switches of the pilot there are, and how many of the others than one stand open."""

    switch_count: int
    open_count: int


@dataclass(frozen=True, slots=True)
class Surroundings:
    """
    What a command is judged by, as far as it is ours.

    Attributes:
        standing: How its meter stands; None where no such meter is installed.
        commands: Every command of the meter, oldest first.
        approvals: Who approved this one.
    """

    standing: Standing | None
    commands: Sequence[EndDeviceControl]
    approvals: Sequence[ControlApproval]


@dataclass(frozen=True, slots=True)
class Watched:
    """
    Meters to look after, by badge.

    Attributes:
        unanswered: Told of their switch after a command whose outcome is unknown was sent, and
            were not asked since then.
        open: Installed, and their switch may stand open by our command.
        at_rest: Nobody is among them, and no command is on its way or a day old or less: nothing
            can come up before the next one is asked for.
    """

    unanswered: Sequence[str]
    open: Sequence[str]
    at_rest: bool


class StandingStore(Protocol):
    """What is known of meters, in few and indexed questions."""

    async def around(
        self, badge: str, control_id: UUID, at: datetime, heard_after: datetime
    ) -> Surroundings:
        """Return, as of an instant, how a meter stands with its commands; see `of`."""
        ...

    async def of(self, badge: str, at: datetime, heard_after: datetime) -> Standing | None:
        """
        Return how a meter stands; None where no such meter is installed.

        Args:
            badge: The meter.
            at: As of when.
            heard_after: Older stamps are not looked for.
        """
        ...

    async def used(self, badge: str, period: Period) -> tuple[int, int]:
        """Return the energy of the current reads that start in a period [Wh], and their seconds."""
        ...

    async def opens(self, after: datetime) -> Sequence[SignedOpen]:
        """Return the opens that were signed later than an instant."""
        ...

    async def open_count(self, at: datetime, except_badge: str) -> OpenCount:
        """Count switches of the pilot, and those that stand open by our last word of them."""
        ...

    async def open(self, at: datetime) -> Sequence[str]:
        """Return the installed meters whose switch may stand open by our command."""
        ...

    async def watched(self, at: datetime) -> Watched:
        """Return the meters that somebody must look after."""
        ...

    async def badges(self, subject: str, subject_id: str, at: datetime) -> Sequence[str]:
        """Return the switched meters of an account or premise, or the meter of that badge."""
        ...
