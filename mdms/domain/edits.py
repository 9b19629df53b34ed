"""
Edits: what a person asked to be changed in the reads, why, and who else agreed; vee.md 5.

An edit is one row that never changes, and at most one decision about it. Until somebody decided
for it, nothing but the edit itself knows of it: no bill, no report, no estimate.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

from mdms.domain.errors import OperatorError
from mdms.domain.reading_types import ReadingType
from mdms.domain.registry import Commodity


class EditOperation(StrEnum):
    """What is done to a contiguous range of intervals, or to one register read."""

    SET = "set"
    SCALE = "scale"
    COPY = "copy"
    INTERPOLATE = "interpolate"
    ZERO = "zero"
    SHIFT = "shift"
    ACCEPT = "accept"
    REJECT = "reject"
    REGISTER = "register"

    @property
    def changes_values(self) -> bool:
        """Whether it gives intervals other values; the rest changes trust, or a register."""
        return self not in {EditOperation.ACCEPT, EditOperation.REJECT, EditOperation.REGISTER}


class EditReason(StrEnum):
    """Why something is edited; the closed list of vee.md 5.2."""

    METER_FAULT = "METER_FAULT"
    WRONG_MULT = "WRONG_MULT"
    WRONG_METER = "WRONG_METER"
    CLOCK = "CLOCK"
    TEST_MODE = "TEST_MODE"
    SWAP_FINAL_READ = "SWAP_FINAL_READ"
    FIELD_READ = "FIELD_READ"
    CUSTOMER_READ = "CUSTOMER_READ"
    OUTAGE_FIX = "OUTAGE_FIX"
    GAP_TEMP = "GAP_TEMP"
    THEFT_EST = "THEFT_EST"
    TEST_ADJ = "TEST_ADJ"
    DISPUTE = "DISPUTE"
    LEAK_NONE = "LEAK_NONE"
    OTHER = "OTHER"


REASONS: Final[Mapping[EditReason, str]] = MappingProxyType(
    {
        EditReason.METER_FAULT: "the meter measured wrongly or not at all",
        EditReason.WRONG_MULT: "a wrong multiplier was applied",
        EditReason.WRONG_METER: "the reads are another meter's",
        EditReason.CLOCK: "the meter's clock was off",
        EditReason.TEST_MODE: "the meter was being tested",
        EditReason.SWAP_FINAL_READ: "last or first register of an exchange",
        EditReason.FIELD_READ: "somebody of ours read the meter",
        EditReason.CUSTOMER_READ: "the customer read the meter",
        EditReason.OUTAGE_FIX: "power was out, or was not, unlike the reads say",
        EditReason.GAP_TEMP: "bridges a gap; gives way by itself when the actual value comes",
        EditReason.THEFT_EST: "usage that was not metered (always needs a second person)",
        EditReason.TEST_ADJ: "accuracy test, Rule 11.I (always needs a second person)",
        EditReason.DISPUTE: "disputed bill, Rule 11.H",
        EditReason.LEAK_NONE: "looked into and acknowledged; nothing is changed",
        EditReason.OTHER: "anything else; the text must say what",
    }
)
"""What each reason means, in words."""


class EditState(StrEnum):
    """How far an edit has come; only an approved one is anything but a proposal."""

    WAITING = "waiting"
    APPROVED = "approved"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class EditDecision:
    """The one decision about an edit, for good."""

    state: EditState
    by: str
    role: str
    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """
    One edit of a channel, as it was asked for; times are seconds since 1970-01-01 UTC.

    Arrays go interval by interval over [start_s, end_s); a register has the one instant, start
    and end alike, and one value.

    Attributes:
        parameters: What the operation was given besides the range, for people: total, reference.
        override_sum: Why the bracket need not add up afterwards; empty: it does.
        before: Current values when it was asked for [quanta], None where nothing was stored.
        before_status: Letter of each of them as displayed, `-` where nothing was stored.
        basis: Version of each of them, -1 where nothing was stored.
        after: Values that it wants [quanta], None where it wants none.
        after_status: Letter of each, `-` where there is none.
        residual_before: Register less intervals of each bracket it touches [quanta].
        residual_after: The same, were it approved.
        change: By how much usage would change [quanta].
        four_eyes: Why another person must approve it; nothing: nobody need.
        exception_id: Of the queue, where it answers one.
    """

    edit_id: UUID
    channel_id: int
    operation: EditOperation
    start_s: int
    end_s: int
    parameters: Mapping[str, str]
    reason: EditReason
    text: str
    ticket: str
    override_sum: str
    before: tuple[int | None, ...]
    before_status: str
    basis: tuple[int, ...]
    after: tuple[int | None, ...]
    after_status: str
    residual_before: tuple[int, ...]
    residual_after: tuple[int, ...]
    change: int
    four_eyes: tuple[str, ...]
    editor: str
    editor_role: str
    asked_at: datetime
    exception_id: int | None = None
    decision: EditDecision | None = None

    def __post_init__(self) -> None:
        count = len(self.before)
        assert count, "an edit is about something"
        assert all(len(each) == count for each in (self.basis, self.after))
        assert len(self.before_status) == len(self.after_status) == count

    @property
    def state(self) -> EditState:
        """How far it has come."""
        return EditState.WAITING if self.decision is None else self.decision.state

    @property
    def touched(self) -> tuple[int, ...]:
        """Positions of the range that it gives another value or another status."""
        return touched_by(self.operation, self.before_status, self.after_status)


def touched_by(operation: EditOperation, before_status: str, after_status: str) -> tuple[int, ...]:
    """Return the positions that an edit touches; see `Edit.touched`."""
    everything = operation.changes_values
    return tuple(
        i
        for i, letter in enumerate(after_status)
        if letter != "-" and (everything or letter != before_status[i])
    )


class EditNotAllowedError(OperatorError):
    """The controls of vee.md 5.3 forbid the edit, or this person to decide about it."""


_LARGE: Final[Mapping[Commodity, tuple[Decimal, str]]] = MappingProxyType(
    {
        Commodity.ELECTRIC: (Decimal(100), "100 kWh"),
        Commodity.GAS: (Decimal(10), "10 therms (10 ccf)"),
        Commodity.WATER: (Decimal(5), "5 ccf"),
    }
)
"""Above these [billing units] a second person decides; a ccf of gas is about a therm."""

_DELICATE: Final = frozenset({EditReason.THEFT_EST, EditReason.TEST_ADJ})


ALONE: Final = timedelta(days=31)
"""What one person changed of a channel within so long counts together: edits can be cut small."""


def four_eyes(
    change: int,
    kind: ReadingType,
    reason: EditReason,
    *,
    frozen: str,
    compared: bool = True,
    alone: int = 0,
) -> tuple[str, ...]:
    """
    Return why another person must approve an edit; nothing where nobody need.

    Args:
        change: By how much usage changes [quanta].
        kind: What the channel measures.
        reason: Why it is edited.
        frozen: Bill windows that rest on the range, as text; empty where none does.
        compared: Whether anything says what was there before, and so by how much usage changes.
        alone: By how much the same person changed the channel's usage lately, without anybody
            else's word [quanta].

    Source:
        vee.md 5.3.
    """
    most, words = _LARGE[kind.commodity]
    found = []
    if abs(change) > most * kind.quanta_per_billing_unit:
        found.append(f"usage changes by more than {words}")
    elif change and abs(change + alone) > most * kind.quanta_per_billing_unit:
        found.append(
            f"with what the same person changed within {ALONE.days} days, usage changes by more "
            f"than {words}"
        )
    if not compared:
        found.append("no register was read within weeks that says by how much usage changes")
    if frozen:
        found.append(f"a bill rests on it ({frozen})")
    if reason in _DELICATE:
        found.append(f"reason {reason}")
    return tuple(found)
