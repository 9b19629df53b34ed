"""Each meter's own interruptions, from its last gasps and restorations."""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from mdms.domain.readings import Bool, Int64

NOT_YET_S = 2**62
"""End of an interruption that nobody has told of."""


@dataclass(frozen=True, slots=True)
class PowerReports:
    """
    What meters said of their power; columns of one length.

    Attributes:
        meter: Row of the meter.
        at_s: When, by the meter's clock.
        restored: Power came back; else it failed.
        dark_s: How long a restoration says that it was dark; 0 if it does not say.
    """

    meter: Int64
    at_s: Int64
    restored: Bool
    dark_s: Int64


@dataclass(frozen=True, slots=True)
class Interruptions:
    """
    Times without power, sorted by meter and begin; columns of one length.

    Attributes:
        meter: Row of the meter.
        from_s: Begin, by the meter's clock.
        until_s: End; NOT_YET_S while it lasts.
    """

    meter: Int64
    from_s: Int64
    until_s: Int64

    def __len__(self) -> int:
        return len(self.meter)

    def take(self, rows: Int64 | Bool) -> Self:
        """Return the rows at these positions, or where this mask is true."""
        return type(self)(*(getattr(self, each.name)[rows] for each in fields(self)))

    @property
    def lasting(self) -> Bool:
        """Where no end is known."""
        lasting: Bool = self.until_s == NOT_YET_S
        return lasting

    def length_s(self, now_s: int) -> Int64:
        """Return how long each is, or has been so far."""
        length: Int64 = np.minimum(self.until_s, now_s) - self.from_s
        return length


def interruptions(reports: PowerReports) -> Interruptions:
    """
    Pair failures with restorations.

    A restoration that tells how long it was dark stands by itself: most last gasps of a large
    outage are lost; it was not dark before the restoration before. One that does not tell ends the
    failure right before it, if there is one. Of failures in a row the last is taken: nobody knows
    when the others ended.
    """
    order = np.lexsort((reports.restored, reports.at_s, reports.meter))
    meter, at_s = reports.meter[order], reports.at_s[order]
    restored, dark_s = reports.restored[order], reports.dark_s[order]
    n = len(order)
    same = np.zeros(n, np.bool_)
    same[1:] = meter[1:] == meter[:-1]
    after_failure = same.copy()
    after_failure[1:] &= ~restored[:-1]
    before_s = np.concatenate([at_s[:1], at_s[:-1]])
    ends = restored & ((dark_s > 0) | after_failure)
    is_last = np.ones(n, np.bool_)
    is_last[:-1] = ~same[1:]
    lasts = ~restored & is_last
    row = np.arange(n)
    back = np.concatenate([[-1], np.maximum.accumulate(np.where(restored, row, -1))[:-1]])[:n]
    lit = (back >= 0) & (meter[back] == meter)
    dark_from_s = np.where(lit, np.maximum(at_s - dark_s, at_s[back]), at_s - dark_s)
    begin_s = np.where(restored, np.where(dark_s > 0, dark_from_s, before_s), at_s)
    found = Interruptions(meter, begin_s, np.where(restored, at_s, NOT_YET_S)).take(ends | lasts)
    return found.take(found.until_s > found.from_s)


def while_closed(
    found: Interruptions, open_meter: Int64, open_from_s: Int64, open_until_s: Int64
) -> Interruptions:
    """
    Return the interruptions that did not begin behind an open switch: such a meter is never OUT.

    Args:
        found: Interruptions.
        open_meter: Row of a meter whose switch was confirmed open.
        open_from_s: Since when, same shape.
        open_until_s: Until when, NOT_YET_S while it is.
    """
    behind = np.zeros(len(found), np.bool_)
    first = np.searchsorted(found.meter, open_meter)
    last = np.searchsorted(found.meter, open_meter, side="right")
    for spell, (low, high) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
        begun = found.from_s[low:high]  # switches are opened once in years: few spells
        behind[low:high] |= (begun >= open_from_s[spell]) & (begun < open_until_s[spell])
    return found.take(~behind)
