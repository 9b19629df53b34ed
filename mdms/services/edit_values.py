"""The values that an edit gives to a range of intervals, operation by operation; vee.md 5.1."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

import numpy as np

from mdms.domain.edits import EditOperation, EditReason
from mdms.domain.errors import UsageError
from mdms.domain.readings import Int64, Status
from mdms.domain.time import to_epoch_s
from mdms.services.channel_bench import Bench, BracketSums
from vee.context import Quantity
from vee.kernels import edit

_GOOD: Final = frozenset(
    status.value for status in (Status.RAW, Status.VALIDATED, Status.ACCEPTED, Status.EDITED)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EditRequest:
    """
    What a person asks for.

    Attributes:
        meter: Badge or usage point.
        reading_type: Which channel; None for the one that measures delivery.
        start: First interval's start, or the instant of a register.
        end: One past the last interval; None for a register.
        values: Quanta: one an interval, one for all of them, or the one of a register (SET,
            REGISTER).
        total: Quanta that the range is to sum to (SCALE); None: what the register leaves.
        reference: Start of the range to copy from (COPY).
        shift: Intervals by which values are moved to later ones; negative: to earlier ones.
        override_sum: Why the bracket need not add up.
        exception_id: Of the queue, where the edit answers one.
    """

    meter: str
    reading_type: str | None = None
    operation: EditOperation
    start: datetime
    end: datetime | None = None
    values: tuple[int, ...] = ()
    total: int | None = None
    reference: datetime | None = None
    shift: int = 0
    reason: EditReason
    text: str = ""
    ticket: str = ""
    override_sum: str = ""
    exception_id: int | None = None

    def parameters(self) -> dict[str, str]:
        """Return what the operation was given besides the range, as text."""
        given = {
            "values": " ".join(map(str, self.values)),
            "total": "" if self.total is None else str(self.total),
            "reference": "" if self.reference is None else self.reference.isoformat(),
            "shift": str(self.shift) if self.shift else "",
        }
        return {name: text for name, text in given.items() if text}


@dataclass(frozen=True, slots=True)
class Range:
    """
    Intervals of a bench that are edited.

    Attributes:
        bench: The channel.
        span: Their slots.
        sums: How their brackets add up as it is.
    """

    bench: Bench
    span: slice
    sums: BracketSums

    @property
    def count(self) -> int:
        """How many intervals."""
        return int(self.span.stop - self.span.start)


def wanted(target: Range, request: EditRequest) -> Int64:
    """
    Return the values that an operation gives to a range [quanta], shape (intervals,).

    Raises:
        UsageError: The operation lacks something, or no service could have such values.
    """
    values = _BY_OPERATION[request.operation](target, request)
    _check_limits(target.bench, values)
    return values


def _set(target: Range, request: EditRequest) -> Int64:
    if len(request.values) not in {1, target.count}:
        raise UsageError(
            f"{len(request.values)} values for {target.count} intervals: give one value each, or "
            "one for all"
        )
    return np.resize(np.array(request.values, np.int64), target.count)


def _zero(target: Range, _request: EditRequest) -> Int64:
    return np.zeros(target.count, np.int64)


def _scale(target: Range, request: EditRequest) -> Int64:
    bench, is_signed = target.bench, signed(target.bench)
    total = _left(target) if request.total is None else request.total
    if total < 0 and not is_signed:
        raise UsageError(f"the range cannot sum to {total}: nothing here flows backwards")
    return edit.scaled(bench.value[target.span], total, signed=is_signed)


def _interpolate(target: Range, _request: EditRequest) -> Int64:
    value, known = target.bench.value, target.bench.known
    left, right = target.span.start - 1, target.span.stop
    if left < 0 or right >= len(value) or not (known[left] and known[right]):
        raise UsageError("a line needs a value right before the range and right after it")
    return edit.interpolated(int(value[left]), int(value[right]), target.count)


def _copy(target: Range, request: EditRequest) -> Int64:
    if request.reference is None:
        raise UsageError("say from where on to copy")
    source = target.bench.place(to_epoch_s(request.reference))
    if {*target.bench.letter[source : source + target.count]} - _GOOD:
        raise UsageError(
            f"not every interval from {request.reference.isoformat()} on is a valid actual value; "
            "copy from another day"
        )
    return _taken(target, source)


def _shift(target: Range, request: EditRequest) -> Int64:
    if request.shift == 0:
        raise UsageError("say by how many intervals to shift")
    return _taken(target, target.span.start - request.shift)


_BY_OPERATION: Final[Mapping[EditOperation, Callable[[Range, EditRequest], Int64]]] = (
    MappingProxyType(
        {
            EditOperation.SET: _set,
            EditOperation.SCALE: _scale,
            EditOperation.COPY: _copy,
            EditOperation.INTERPOLATE: _interpolate,
            EditOperation.ZERO: _zero,
            EditOperation.SHIFT: _shift,
        }
    )
)


def _taken(target: Range, source: int) -> Int64:
    bench = target.bench
    found = edit.taken(bench.value, bench.known, source, target.count)
    if found is None:
        raise UsageError("not every interval has a value where the range takes it from")
    return found


def _left(target: Range) -> int:
    """Return what the register leaves for a range."""
    bench, span, sums = target.bench, target.span, target.sums
    if len(sums.number) != 1:
        raise UsageError(
            f"{len(sums.number)} brackets of registers share the range: give a total, or scale "
            "each of them by itself"
        )
    bracket = bench.found.brackets.take(sums.number)
    first, last = int(bracket.first[0]), int(bracket.last[0])
    if span.start < first or span.stop > last:
        raise UsageError("the range goes beyond the registers around it: give a total")
    beside = np.zeros(len(bench.value), np.bool_)
    beside[first:last] = True
    beside[span] = False
    if not bench.known[beside].all():
        raise UsageError("other intervals between the registers are missing: give a total")
    return int(sums.usage[0] - bench.value[beside].sum())


def signed(bench: Bench) -> bool:
    """Return whether the channel's values may have a sign."""
    return bool(bench.block.context.measures(Quantity.NET)[0])


def _check_limits(bench: Bench, values: Int64) -> None:
    """Refuse values that no service could have had (V20, V21)."""
    most, unit = int(bench.block.limits.v_max[0]), bench.kind.unit
    if values.max() > most:
        raise UsageError(
            f"{values.max()} {unit} in {bench.slots.interval_s // 60} minutes is more than the "
            f"service can carry ({most})"
        )
    if values.min() < 0 and not signed(bench):
        raise UsageError(f"{values.min()} {unit}: nothing here flows backwards")
