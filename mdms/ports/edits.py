"""The store of what people asked to be changed in the reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from mdms.domain.edits import Edit, EditDecision, EditState
from mdms.domain.readings import IntervalReads, RegisterReads
from mdms.domain.time import Period


@dataclass(frozen=True, slots=True)
class EditMarks:
    """
    What approved edits say beyond their values; rows hold channel, start and nothing else of use.

    Attributes:
        temporary: Intervals that were bridged until the actual value comes (GAP_TEMP).
        waived: Intervals whose bracket need not add up (override_sum).
        vouched: Registers that are right whatever is beside them (override_sum).
    """

    temporary: IntervalReads
    waived: IntervalReads
    vouched: RegisterReads


class EditStore(Protocol):
    """Edits and the decisions about them: rows are added, never changed."""

    async def add(self, edit: Edit) -> None: ...
    async def decide(self, edit_id: UUID, decision: EditDecision) -> None: ...
    async def find(self, edit_id: UUID, *, lock: bool = False) -> Edit | None:
        """Return an edit; `lock` keeps others from deciding about it until the commit."""
        ...

    async def some(
        self,
        *,
        state: EditState | None = None,
        channel_ids: Sequence[int] | None = None,
        period: Period | None = None,
        before: tuple[datetime, UUID] | None = None,
        count_max: int = 200,
    ) -> Sequence[Edit]:
        """
        Return edits, the newest first.

        A period means those that share an instant with it; `before` those that come after the one
        that was asked for then and has this id.
        """
        ...

    async def changed_alone(self, channel_id: int, editor: str, since: datetime) -> int:
        """Return by how much somebody changed usage without anybody else's word [quanta]."""
        ...

    async def marks(
        self, period: Period, channel_ids: Sequence[int], *, as_of: datetime | None = None
    ) -> EditMarks:
        """Return what the last approved edit of each interval of these channels says of it."""
        ...

    async def frozen(self, period: Period, channel_id: int) -> Sequence[tuple[date, date]]:
        """Return the bill windows of a channel that rest on a period."""
        ...

    async def append_registers(self, registers: RegisterReads) -> None:
        """Store register versions of 1 and up."""
        ...
