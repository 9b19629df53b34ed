"""What an edit would do: the values it wants, and how its brackets would add up."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from mdms.domain.edits import EditNotAllowedError, EditOperation, EditReason
from mdms.domain.errors import UsageError
from mdms.domain.readings import Bool, RegisterReads, Source, Status
from mdms.domain.time import to_epoch_s
from mdms.services.channel_bench import NOTHING, Bench, BracketSums
from mdms.services.edit_values import EditRequest, Range, wanted
from mdms.services.expected_register import expected_register
from vee import engine, gridding
from vee.block import Registers
from vee.edits import Edits

INTERVALS_MAX: Final = 3000
"""A month of 15 minutes: longer stretches are edited in parts."""


@dataclass(frozen=True, slots=True)
class Draft:
    """
    What an edit would do; names as in mdms.domain.edits.Edit.

    Attributes:
        compared: Whether `change` could be told; it is 0 where not.
    """

    before: tuple[int | None, ...]
    before_status: str
    basis: tuple[int, ...]
    after: tuple[int | None, ...]
    after_status: str
    residual_before: tuple[int, ...]
    residual_after: tuple[int, ...]
    change: int
    compared: bool = True


def draft(bench: Bench, request: EditRequest) -> Draft:
    """
    Work out an edit.

    Raises:
        UsageError: It makes no sense as it is.
        EditNotAllowedError: Its bracket would not add up, and nobody says why.
    """
    if request.reason is EditReason.OTHER and not request.text:
        raise UsageError("reason OTHER needs a text that says what")
    if request.operation is EditOperation.REGISTER:
        return _register(bench, request)
    return _intervals(bench, request)


def _intervals(bench: Bench, request: EditRequest) -> Draft:
    first, count = _range(bench, request)
    span = slice(first, first + count)
    letters = "".join(bench.letter[span])
    value, known = bench.value, bench.known
    before = tuple(int(v) if k else None for v, k in zip(value[span], known[span], strict=True))
    touched = np.zeros(len(value), np.bool_)
    touched[span] = True
    sums = bench.sums(touched, value, known)
    if request.operation.changes_values:
        values = wanted(Range(bench, span, sums), request)
        after: tuple[int | None, ...] = tuple(values.tolist())
        after_status = Status.EDITED.value * count
        value, known = value.copy(), known & ~bench.estimated  # what is estimated will follow
        value[span], known[span] = values, True
    else:
        after, after_status = before, _trust(request.operation, letters)
    then = bench.sums(touched, value, known)
    if request.operation.changes_values and then.off.any() and not request.override_sum:
        raise _unequal(then)
    return Draft(
        before=before,
        before_status=letters,
        basis=tuple(bench.stored.version[0, span].tolist()),
        after=after,
        after_status=after_status,
        residual_before=tuple(sums.residual.tolist()),
        residual_after=tuple(then.left_over.tolist()),
        change=sum(v or 0 for v in after) - sum(v or 0 for v in before),
    )


def _range(bench: Bench, request: EditRequest) -> tuple[int, int]:
    """Return the first slot and the number of slots that are edited."""
    if request.end is None or request.end <= request.start:
        raise UsageError("an edit of intervals goes from an instant to a later one")
    first = bench.place(to_epoch_s(request.start))
    last = bench.place(to_epoch_s(request.end) - bench.slots.interval_s)
    if (count := last - first + 1) > INTERVALS_MAX:
        raise UsageError(f"{count} intervals at once; edit {INTERVALS_MAX} at most")
    return first, count


def _trust(operation: EditOperation, letters: str) -> str:
    """Return the status of each interval after it was accepted or rejected."""
    if operation is EditOperation.ACCEPT:
        changed, to = {Status.SUSPECT.value}, Status.ACCEPTED.value
        none = "nothing in the range is suspect (S)"
    else:
        changed = {Status.RAW.value, Status.VALIDATED.value, Status.ACCEPTED.value}
        to, none = Status.SUSPECT.value, "nothing in the range is a valid actual value (V or A)"
    if not changed & set(letters):
        raise UsageError(none)
    return "".join(to if letter in changed else letter for letter in letters)


def _register(bench: Bench, request: EditRequest) -> Draft:
    """Add a register read, or correct one: its brackets are found anew."""
    if request.end is not None or len(request.values) != 1:
        raise UsageError("a register has one instant and one value")
    (shown,), at_s = request.values, to_epoch_s(request.start)
    limits = bench.block.limits
    if not 0 <= shown < int(limits.modulus[0]):
        raise UsageError(f"the register shows 0 to {int(limits.modulus[0]) - 1}, not {shown}")
    here = bench.registers.current()
    here = here.take(here.at_s == at_s)
    version = int(here.version[0]) if len(here) else -1
    row = RegisterReads(
        channel_id=np.array([bench.channel_id], np.int32),
        at_s=np.array([at_s], np.int64),
        version=np.array([version + 1], np.int16),
        value=np.array([shown], np.int64),
        status=np.array([Status.EDITED.code], np.uint8),
        recorded_us=np.zeros(1, np.int64),
        source=np.array([Source.EDIT], np.int16),
    )
    align_s = bench.rules.bookend.align_s
    every = RegisterReads.concat(bench.registers, row).measured()
    alike = gridding.counted_alike(every, bench.table, bench.slots, align_s)
    if not (alike.at_s == at_s).any():
        raise EditNotAllowedError(
            f"the register of {bench.badge} counted otherwise at that instant (another multiplier, "
            "dials or resolution) and closes no bracket here: edit its intervals"
        )
    channel_id = bench.block.channel_id
    registers, rows = gridding.bookends(bench.slots, channel_id, alike, align_s)
    alone, _ = gridding.bookends(bench.slots, channel_id, row, align_s)
    if len(alone) and not (alike.at_s[rows] == at_s).any():
        raise EditNotAllowedError(
            f"another register read of {bench.badge} is nearer to that boundary and stands for it: "
            "correct that one"
        )
    block = replace(bench.block, registers=registers)
    if request.override_sum:
        block = replace(block, edits=_vouching(bench, alone))
    found = engine.validate(
        block,
        bench.rules,
        ahead=np.ones(len(bench.slots.days), np.bool_),
    )
    touched = _around(bench, at_s)
    sums = bench.sums(touched, bench.value, bench.known)
    firm = bench.known & ~bench.estimated  # what is estimated will follow
    then = BracketSums.of(found, touched, bench.value, firm, bench.rules)
    if not request.override_sum:
        if _refused(found.sums.refused, registers, at_s, bench):
            raise EditNotAllowedError(
                f"register {shown} does not follow those around it (V41); if it is right all the "
                "same, override_sum must say why"
            )
        if then.off.any():
            raise _unequal(then)
    old = int(here.value[0]) if len(here) else None
    before = expected_register(bench, at_s) if old is None else old
    return Draft(
        before=(old,),
        before_status=chr(int(here.status[0])) if len(here) else NOTHING,
        basis=(version,),
        after=(shown,),
        after_status=Status.EDITED.value,
        residual_before=tuple(sums.residual.tolist()),
        residual_after=tuple(then.left_over.tolist()),
        change=0 if before is None else _change(bench, shown, before, read=old is not None),
        compared=before is not None,
    )


def _change(bench: Bench, shown: int, before: int, *, read: bool) -> int:
    """Return by how much a register changes usage [quanta]: against a read, or what it would be."""
    limits = bench.block.limits
    multiplier, modulus = int(limits.multiplier[0]), int(limits.modulus[0])
    rise = shown - before
    if not read:  # what is expected may lie beyond a rollover
        rise = (rise + modulus // 2) % modulus - modulus // 2
    return rise * multiplier


def _around(bench: Bench, at_s: int) -> Bool:
    """Return the interval before a register and the one after it."""
    length = bench.slots.interval_s
    touched: Bool = np.abs(2 * (bench.slots.start_s - at_s) + length) <= 2 * length
    if not touched.any():
        raise UsageError(f"{bench.badge} has no reads around that instant")
    return touched


def _vouching(bench: Bench, given: Registers) -> Edits:
    """Return what people decided, and that somebody vouches for a register."""
    none = np.zeros(bench.block.value.shape, np.bool_)
    edits = bench.block.edits or Edits(none, none, none)
    return replace(edits, vouched=np.append(edits.vouched, given.boundary))


def _refused(refused: Registers, given: Registers, at_s: int, bench: Bench) -> bool:
    """Return whether the register at an instant is among those that do not follow."""
    length = bench.slots.interval_s
    boundary = round((at_s - int(bench.slots.start_s[0])) / length)
    return bool((refused.boundary == boundary).any() and (given.boundary == boundary).any())


def _unequal(sums: BracketSums) -> EditNotAllowedError:
    worst = int(np.flatnonzero(sums.off)[0])
    return EditNotAllowedError(
        f"the register counted {sums.usage[worst]}, the intervals would sum to "
        f"{sums.usage[worst] - sums.residual[worst]}: {abs(sums.residual[worst])} quanta apart, "
        f"{sums.tolerance[worst] // 1000} are allowed (V45, V46); if that is right all the same, "
        "override_sum must say why"
    )
