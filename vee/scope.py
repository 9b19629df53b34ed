"""How far a run reaches beyond the days it was asked for, and whether a block is wide enough."""

from dataclasses import dataclass

import numpy as np

from mdms.domain.readings import Bool
from vee.adjudication import doubtful_channels
from vee.context import Quantity
from vee.examination import Examination


@dataclass(frozen=True, slots=True)
class Scope:
    """
    The target days and every bracket that shares a slot or an edge with them.

    A register at midnight may come after its day was judged: it closes a bracket that only
    touches the next day, so touching is enough.

    Attributes:
        examination: What it is about.
        target: Slots of the target days, shape (channels, slots).
        brackets: Brackets that are judged, shape (brackets,).
        covered: Slots that are judged, shape (channels, slots).
    """

    examination: Examination
    target: Bool
    brackets: Bool
    covered: Bool

    @classmethod
    def of(cls, examination: Examination, target: Bool, reign: Bool | None = None) -> "Scope":
        """
        Return the scope of target channel-days.

        Args:
            examination: Of a block.
            target: Channel-days, shape (channels, days).
            reign: Days that the same rules judge, with no other between them, shape (days,); None:
                all. A bracket that has no slot in them is left to its own rules.
        """
        every, day = examination.brackets, examination.block.slots.day
        slots: Bool = np.take(target, day, axis=1)
        brackets = every.touching(slots)
        if reign is not None and not reign.all():
            own = np.flatnonzero(reign[day])
            assert not slots[:, ~reign[day]].any(), "each day is judged by its own rules"
            brackets = brackets & (every.first <= own[-1]) & (every.last > own[0])
        reached = every.mark(brackets, slots.shape)
        return cls(examination, slots, brackets, np.logical_or(slots, reached))

    @property
    def has_gaps(self) -> Bool:
        """Channels with something to estimate, or to decide by an estimate, shape (channels,)."""
        gaps: Bool = np.logical_or.reduce(self.examination.missing & self.covered, axis=1)
        return gaps | doubtful_channels(self.examination)

    def needs_wider(
        self,
        *,
        earlier: Bool,
        later: Bool,
        first_slot: int,
        last_slot: int,
        beside: bool = True,
    ) -> Bool:
        """
        Return the channels that a wider block would judge better.

        One is a channel whose target lies outside all bookends on a side where a wider block may
        find one (never of voltage, which no register counts), unless it cannot be closed on the
        other side anyway. The other has a bracket with a gap outside first_slot..last_slot, too
        near the edge to see all its references.

        Args:
            earlier: Channels that may have older reads, shape (channels,).
            later: Channels that may have newer reads, shape (channels,).
            first_slot: First slot with enough context before it.
            last_slot: One past the last slot with enough context after it.
            beside: Whether days beside the target were loaded; else a channel whose target ends at
                its last bookend, or begins at its first, is one, too: a bracket beyond touches it.
        """
        channels, slots = self.target.shape
        reads = self.examination.sums.bookends
        first_read = np.full(channels, slots + 1)
        np.minimum.at(first_read, reads.channel, reads.boundary)
        last_read = np.full(channels, -1)
        np.maximum.at(last_read, reads.channel, reads.boundary)
        wanted = self.target.any(axis=1)
        wanted &= ~self.examination.block.context.measures(Quantity.VOLTAGE)
        begin, end = self.target.argmax(axis=1), slots - self.target[:, ::-1].argmax(axis=1)
        open_before, open_after = wanted & (first_read > begin), wanted & (last_read < end)
        closable = (earlier | ~open_before) & (later | ~open_after)
        wider: Bool = (open_before | open_after) & closable
        if not beside:
            wider |= wanted & ((earlier & (first_read == begin)) | (later & (last_read == end)))

        brackets = self.examination.brackets
        gapped = self.brackets & (self.examination.missing_count > 0)
        cut = gapped & (
            ((brackets.first < first_slot) & earlier[brackets.channel])
            | ((brackets.last > last_slot) & later[brackets.channel])
        )
        wider[brackets.channel[cut]] = True
        return wider
