"""
Who has power and who may talk: outages, service switches and silenced radios, meter by meter.

Only meters to which something happens take room or time here; the rest of the city has power
and talks.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
import numpy.typing as npt

from mdms.domain.readings import Bool, Int64
from simulators.arrays import Floats
from simulators.encoders import FLAG_ARMED, FLAG_OPEN, FLAG_POWER_FAIL
from simulators.envelopes import Position

Spans = Sequence[tuple[float, float]]
"""Stretches of time [from, to), seconds since 1970-01-01 UTC; `inf` where no end is known."""


@dataclass(frozen=True, slots=True)
class Outage:
    """A transformer without power: which meters (positions in the city), from when to when."""

    meters: tuple[int, ...]
    start_s: int
    end_s: int


@dataclass(frozen=True, slots=True)
class Move:
    """A service switch that moved, and the command that moved it."""

    meter: int
    at_s: int
    position: Position
    command_id: bytes


class Supply:
    """
    Power and radio of every meter over all time that has passed.

    Attributes:
        outages: Known from the start.
        moves: Of all switches, in order.
    """

    def __init__(self, outages: Sequence[Outage]) -> None:
        self.outages = outages
        self.moves: list[Move] = []
        self._out: defaultdict[int, list[tuple[float, float]]] = defaultdict(list)
        for outage in outages:
            for meter in outage.meters:
                self._out[meter].append((outage.start_s, outage.end_s))
        self._moves: defaultdict[int, list[Move]] = defaultdict(list)
        self._silent: defaultdict[int, list[tuple[float, float]]] = defaultdict(list)

    def switch(self, move: Move) -> None:
        """Note that a switch moved."""
        self.moves.append(move)
        self._moves[move.meter].append(move)

    def silence(self, meter: int, at_s: float) -> None:
        """Note that a radio transmits no more."""
        self._silent[meter].append((at_s, inf))

    def unsilence(self, meter: int, at_s: float) -> None:
        """Note that a radio transmits again."""
        since_s, _ = self._silent[meter].pop()
        self._silent[meter].append((since_s, at_s))

    def is_silent(self, meter: int) -> bool:
        """Return whether the meter's transmitter is off for good."""
        return any(end == inf for _, end in self._silent.get(meter, ()))

    def position(self, meter: int) -> Position:
        """Return where the meter's switch stands; a switch that never moved is closed."""
        moves = self._moves.get(meter)
        return moves[-1].position if moves else Position.CLOSED

    def silent(self, meter: int) -> Spans:
        """Return when the meter's transmitter was off."""
        return self._silent.get(meter, ())

    def has_line(self, meter: int, at_s: float) -> bool:
        """Return whether there is voltage in front of the meter."""
        return not any(start <= at_s < end for start, end in self._out.get(meter, ()))

    def touched(self) -> Iterable[int]:
        """Return the meters that were ever without power, or will be."""
        return {*self._out, *self._moves}

    def energised(self, meter: int, from_s: Floats, to_s: Floats) -> Floats:
        """Return how long energy could flow within each stretch [s]."""
        dark = sorted([*self._out.get(meter, ()), *self._opened(meter)])
        lit = to_s - from_s
        reached = -inf
        for start, end in dark:
            fresh = max(start, reached)
            lit = lit - np.clip(np.minimum(end, to_s) - np.maximum(fresh, from_s), 0.0, None)
            reached = max(reached, end)
        return lit

    def is_quiet(self, meter: Int64, sent_s: Floats) -> Bool:
        """Return which messages are not sent: the radio is off, or has no power."""
        quiet = np.zeros(len(meter), np.bool_)
        for spans in (self._out, self._silent):
            for one, mine in spans.items():
                for start, end in mine:
                    quiet |= (meter == one) & (sent_s >= start) & (sent_s < end)
        return quiet

    def flags(self, meter: Int64, since_s: Int64, sent_s: Floats) -> npt.NDArray[np.uint16]:
        """
        Return the flags of frames.

        Args:
            meter: Who talks.
            since_s: Start of the oldest interval that the frame carries.
            sent_s: When it talks.
        """
        flags = np.zeros(len(meter), np.uint16)
        for one, spans in self._out.items():
            for start, end in spans:
                cut = (meter == one) & (since_s < end) & (sent_s >= start)
                flags[cut] |= FLAG_POWER_FAIL
        for one in self._moves:
            for move, until in self._standings(one):
                within = (meter == one) & (sent_s >= move.at_s) & (sent_s < until)
                flags[within] |= _FLAGS[move.position]
        return flags

    def _opened(self, meter: int) -> Iterable[tuple[float, float]]:
        for move, until in self._standings(meter):
            if move.position is not Position.CLOSED:
                yield move.at_s, until

    def _standings(self, meter: int) -> Iterable[tuple[Move, float]]:
        """Yield each move of a switch and when the next one ended what it began."""
        moves = self._moves.get(meter, ())
        untils = [*(float(move.at_s) for move in moves), inf][1:]
        return zip(moves, untils, strict=True)


_FLAGS = {
    Position.NONE: 0,
    Position.CLOSED: 0,
    Position.OPEN: FLAG_OPEN,
    Position.ARMED: FLAG_OPEN | FLAG_ARMED,
}
