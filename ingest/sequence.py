"""
Following a collector's count: which batches are missing, which holes have been filled.

Source: headend notes 2.5 and 2.9. One count runs over all of a collector's batches, across
restarts. A new start that counts lower has lost its state: numbers then mean other batches than
before, so what was missing is asked for by time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from mdms.domain.gaps import BatchCount, CountChange, Hole, Span

SPAN_BATCHES_MAX: Final = 1_000
"""A request asks for at most this many batches, so no hole is longer."""
OFFERED_BATCHES_MAX: Final = 100_000
"""
Of what a collector says that it still has, the newest that are believed: twice what it closes
while it must keep them, a batch every 5 seconds for 72 hours.
"""


_US_PER_S = 1_000_000


class Seen(NamedTuple):
    """A batch as far as counting is concerned."""

    collector_id: int
    boot_id: int
    seq: int
    at_us: int
    empty: bool = False
    """The collector answers that it has nothing, or nothing more, from this number on."""
    last_of_backfill: bool = False
    asked_for: bool = False
    """A copy that came because it was asked for; it tells nothing of what is closed now."""
    misdated: bool = False
    """When it was closed is not known, only that it was before `at_us`."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a collector's state says: its newest number and the oldest that it still has."""

    collector_id: int
    boot_id: int
    seq: int
    oldest_seq: int | None
    at_us: int


@dataclass(slots=True)
class _Piece:
    span: Span
    hole_id: int | None
    """None for a hole that was opened just now."""


class Following:
    """
    One collector's count while a few batches are taken into it.

    Args:
        collector_id: Whose count it is.
        count: As it was; None for a collector that was never heard.
        holes: Its open holes.
    """

    def __init__(self, collector_id: int, count: BatchCount | None, holes: Sequence[Hole]) -> None:
        self._collector_id = collector_id
        self._count = count
        self._holes = holes
        self._pieces = [_Piece(hole.span, hole.hole_id) for hole in holes]
        self._asked = {hole.hole_id for hole in holes if hole.asked_count}
        self._lost: list[Span] = []
        self._unmissed: list[Seen] = []
        self._recovered: dict[int, Sequence[Span]] = {}
        self._reset = False

    def take(self, seen: Seen) -> None:
        """Count one batch."""
        count = self._count
        if count is None:
            top_seq = seen.seq - 1 if seen.empty else seen.seq
            newest_us = 0 if seen.misdated else seen.at_us
            self._count = BatchCount(
                self._collector_id, seen.boot_id, seen.seq, top_seq, newest_us, 0
            )
            return
        if seen.empty and self._nothing_from(seen.seq):
            return
        if seen.last_of_backfill:
            self._end_of_time_request(seen)
        if seen.empty:
            return
        if seen.boot_id != count.boot_id and seen.at_us < count.since_us:
            self._unmissed.append(seen)  # of an earlier count: its number means nothing in this one
            return
        if seen.boot_id != count.boot_id and seen.asked_for:
            # Of which count it is cannot be told for sure; live batches move the count on.
            self._fill(seen)
            return
        boot_id, top_seq = count.boot_id, count.top_seq
        if seen.seq > top_seq:
            self._open(top_seq + 1, seen.seq - 1, count.newest_us, seen.at_us)
            boot_id, top_seq = seen.boot_id, seen.seq
        elif not self._fill(seen) and self._is_of_a_new_count(seen):
            self._start_anew(seen)
            return
        newest_us = count.newest_us if seen.misdated else max(count.newest_us, seen.at_us)
        # Once a message, and `replace` takes three times as long.
        self._count = BatchCount(
            count.collector_id, boot_id, count.base_seq, top_seq, newest_us, count.since_us
        )

    def _is_of_a_new_count(self, seen: Seen) -> bool:
        """A start that nobody knew counts below what had been reached, and later."""
        count = self._count
        assert count is not None, "there was a count before"
        return (
            seen.boot_id != count.boot_id
            # What was counted before is not younger than the newest batch: a copy is no reset.
            and seen.at_us > count.newest_us
        )

    def offer(self, offer: Offer) -> None:
        """Learn what the collector closed and did not get through, and what it still has."""
        count = self._count
        if count is None:
            first = offer.oldest_seq or offer.seq + 1
            self._open(first, offer.seq, 0, offer.at_us)
            self._count = BatchCount(
                self._collector_id, offer.boot_id, first, offer.seq, offer.at_us, 0
            )
            return
        if offer.boot_id != count.boot_id:
            return  # kept from an earlier start, or whether the count goes on a batch must tell
        if offer.seq > count.top_seq:
            self._open(count.top_seq + 1, offer.seq, count.newest_us, offer.at_us)
            count = replace(count, top_seq=offer.seq)
        if offer.oldest_seq is not None:
            self._open(offer.oldest_seq, count.base_seq - 1, 0, count.newest_us)
            count = replace(count, base_seq=min(count.base_seq, max(offer.oldest_seq, 1)))
            self._give_up(offer.oldest_seq)
        self._count = count

    @property
    def unmissed(self) -> Sequence[Seen]:
        """Batches that nobody waited for: copies, or what had been given up."""
        return self._unmissed

    def recover(self, given_up: Hole) -> None:
        """Take out of a hole that was given up what has come after all."""
        left = [_Piece(given_up.span, given_up.hole_id)]
        for seen in self._unmissed:
            for at, piece in enumerate(left):
                if _is_in(seen, piece.span):
                    left[at : at + 1] = _without(piece, seen.seq, seen.seq)
                    break
        self._recovered[given_up.hole_id] = [piece.span for piece in left]

    def change(self) -> CountChange:
        """Return what is to be stored."""
        assert self._count is not None, "something was counted"
        before = {hole.hole_id: [hole.span] for hole in self._holes}
        after: dict[int, list[Span]] = {hole_id: [] for hole_id in before}
        for piece in self._pieces:
            if piece.hole_id is not None:
                after[piece.hole_id].append(piece.span)
        return CountChange(
            count=self._count,
            opened=[piece.span for piece in self._pieces if piece.hole_id is None],
            lost=self._lost,
            remaining={key: spans for key, spans in after.items() if spans != before[key]}
            | self._recovered,
            reset=self._reset,
        )

    def _open(self, first: int, last: int, from_us: int, to_us: int) -> None:
        first = max(first, last + 1 - OFFERED_BATCHES_MAX, 1)
        for begin in range(first, last + 1, SPAN_BATCHES_MAX):
            end = min(begin + SPAN_BATCHES_MAX - 1, last)
            self._pieces.append(_Piece(Span(begin, end, min(from_us, to_us), to_us), None))

    def _fill(self, seen: Seen) -> bool:
        """Take a number out of the hole that it lies in; return whether there was one."""
        for at, piece in enumerate(self._pieces):
            first, last = piece.span.first_seq, piece.span.last_seq
            if first is None or last is None or not first <= seen.seq <= last:
                continue
            known_boot = self._count is not None and seen.boot_id == self._count.boot_id
            if not known_boot and (seen.misdated or seen.at_us > piece.span.to_us):
                continue  # closed after the hole was, for all we know: a number of another count
            self._pieces[at : at + 1] = _without(piece, seen.seq, seen.seq)
            return True
        self._unmissed.append(seen)
        return False

    def _nothing_from(self, seq: int) -> bool:
        """
        Lose the rest of the hole that was asked for: the collector has none of it.

        Return whether there was one; if not, the answer was to a request by time.
        """
        for at, piece in enumerate(self._pieces):
            first, last = piece.span.first_seq, piece.span.last_seq
            if piece.hole_id not in self._asked or first is None or last is None:
                continue
            if first <= seq <= last:
                self._lost.append(replace(piece.span, first_seq=seq))
                self._pieces[at : at + 1] = _without(piece, seq, last)
                return True
        return False

    def _give_up(self, oldest_seq: int) -> None:
        """Lose what lies below the oldest batch that the collector has."""
        kept: list[_Piece] = []
        for piece in self._pieces:
            first, last = piece.span.first_seq, piece.span.last_seq
            if first is None or last is None or first >= oldest_seq:
                kept.append(piece)
                continue
            last_gone = min(last, oldest_seq - 1)
            self._lost.append(replace(piece.span, last_seq=last_gone))
            kept += _without(piece, first, last_gone)
        self._pieces = kept

    def _end_of_time_request(self, seen: Seen) -> None:
        """Take what was answered off the times that were asked for."""
        kept: list[_Piece] = []
        for piece in self._pieces:
            span = piece.span
            if span.first_seq is not None or piece.hole_id not in self._asked:
                kept.append(piece)
            elif not seen.empty and not _lies_in(seen, span):
                kept.append(piece)  # the answer to another request, or how far it goes is unknown
            elif not seen.empty and seen.at_us < span.to_us:
                # An answer is bounded: what is younger is asked for until there is nothing.
                kept.append(_Piece(replace(span, from_us=seen.at_us + 1), piece.hole_id))
        self._pieces = kept

    def _start_anew(self, seen: Seen) -> None:
        """Begin another count; what was missing of the last one is asked for by time."""
        assert self._count is not None, "there was a count before"
        before = self._count
        # One stretch of time for all of it: the answer to a request by time does not say which
        # request it answers, and copies cost next to nothing.
        spans = [piece.span for piece in self._pieces]
        from_us = min([before.newest_us, *(span.from_us for span in spans)])
        to_us = max([seen.at_us, *(span.to_us for span in spans)])
        self._pieces = [_Piece(Span(None, None, from_us, to_us), None)]
        newest_us = before.newest_us if seen.misdated else seen.at_us
        self._count = BatchCount(
            self._collector_id, seen.boot_id, seen.seq, seen.seq, newest_us, seen.at_us
        )
        self._reset = True


def _is_in(seen: Seen, span: Span) -> bool:
    """Tell whether a batch is one of a span, by number and time."""
    first, last = span.first_seq, span.last_seq
    if first is None or last is None or seen.misdated or not first <= seen.seq <= last:
        return False
    # A span that a state opened ends with a time of whole seconds.
    return span.from_us <= seen.at_us < span.to_us + _US_PER_S


def _lies_in(seen: Seen, span: Span) -> bool:
    return not seen.misdated and span.from_us <= seen.at_us <= span.to_us


def _without(piece: _Piece, first: int, last: int) -> list[_Piece]:
    """Return what is left of a piece when these numbers are taken out."""
    span = piece.span
    assert span.first_seq is not None, "it has numbers"
    assert span.last_seq is not None, "it has numbers"
    left = [(span.first_seq, first - 1), (last + 1, span.last_seq)]
    return [
        _Piece(replace(span, first_seq=begin, last_seq=end), piece.hole_id)
        for begin, end in left
        if begin <= end
    ]
