"""How others of a meter's class use a day (C1); vee.md 4.1."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Final, Self

import numpy as np

from mdms.domain.readings import Bool, Int64
from mdms.domain.time import Period
from mdms.services.vee_elsewhere import Elsewhere, Measured
from mdms.services.vee_kinds import Kinds
from vee.block import DAY_S, Block
from vee.evidence import ClassProfile, Peers
from vee.kernels.gaps import Float
from vee.kernels.references import WEEKEND
from vee.rules import RuleSet

PEERS_MAX: Final = 31
"""So many speak for a class, spread evenly over its channels; nobody speaks for itself."""
CLASS_DAYS: Final = 28
"""What they did in so many days before the gap's week makes the profile: it fits the season."""


@dataclass(frozen=True, slots=True)
class ClassLoader:
    """
    Looks up what others of the same class did before a gap's week.

    Whose gaps are looked at together makes no difference to what is found for one of them. Nothing
    is kept for the next transaction: it sees what others, and this run itself, have written since,
    as an explanation of its values will.

    Attributes:
        elsewhere: Reads of others.
        rules: Holidays, which are no weekdays.
        kinds: Which channels are alike.
    """

    elsewhere: Elsewhere
    rules: RuleSet
    kinds: Kinds

    async def load(self, block: Block, rows: Int64, scarce: Bool) -> ClassProfile | None:
        """
        Return how the classes of some channels use a day.

        Args:
            block: Reads of the channels.
            rows: Which of them.
            scarce: Days it may have to speak for, at least one of each row, shape (rows, days).
        """
        days, slots = block.slots.days, block.slots
        monday = np.array([day.toordinal() - day.weekday() for day in days])
        resting = np.array([self._resting(day) for day in days], np.int64)
        share, daily = np.full(block.value.shape, np.nan), np.full(block.value.shape, np.nan)
        of = np.zeros(block.value.shape, np.int64)
        seasons: dict[tuple[int, int], _Season | None] = {}
        peers: list[Peers] = []
        kinds = self.kinds.of(block.channel_id[rows], slots.interval_s)
        for row, kind, mine in zip(rows.tolist(), kinds, scarce, strict=True):
            channel_id = int(block.channel_id[row])
            for week in np.unique(monday[mine]).tolist():
                if (kind, week) not in seasons:
                    seasons[kind, week] = await self._season(kind, week, slots.interval_s)
                season = seasons[kind, week]
                others = None if season is None else season.without(channel_id)
                if others is None:
                    continue
                at = np.flatnonzero((mine & (monday == week))[slots.day])
                share[row, at] = others.shares[resting[slots.day[at]], slots.wall[at]]
                daily[row, at], of[row, at] = others.daily, len(peers)
                peers.append(others.peers)
        return ClassProfile(share, daily, peers, of) if peers else None

    async def _season(self, kind: int, monday: int, interval_s: int) -> "_Season | None":
        """Return what channels of a kind did before a week."""
        first, last = (date.fromordinal(monday) - timedelta(days=n) for n in (CLASS_DAYS, 1))
        alike = self.kinds.alike(kind, Period.of_days(first, last, self.elsewhere.zone))
        if not len(alike):
            return None
        few = alike[np.unique(np.linspace(0, len(alike) - 1, PEERS_MAX).astype(np.int64))]
        measured = await self.elsewhere.measured(few, first, last, interval_s=interval_s)
        resting = np.array([self._resting(day) for day in measured.slots.days], np.bool_)
        return _Season.of(Peers(few, first, last), measured, resting)

    def _resting(self, day: date) -> bool:
        return day.weekday() >= WEEKEND or day in self.rules.holidays


@dataclass(frozen=True, slots=True)
class _Others:
    """
    A class without one of its channels.

    Attributes:
        peers: Who they are.
        shares: Share of a day in each slot, of working days and of others, shape (2, slots).
        daily: What a day holds [quanta].
    """

    peers: Peers
    shares: Float
    daily: float


@dataclass(frozen=True)
class _Season:
    """
    Days of some channels of a class that have as many slots as most days have.

    Attributes:
        peers: Who they are.
        shown: Quanta, shape (channels, days, slots of a day).
        sound: Whole days of valid actual values, shape (channels, days).
        resting: Weekends and holidays, shape (days,).
    """

    peers: Peers
    shown: Int64
    sound: Bool
    resting: Bool

    @classmethod
    def of(cls, peers: Peers, measured: Measured, resting: Bool) -> Self:
        """Leave the days out on which clocks change."""
        slots = measured.slots
        a_day = DAY_S // slots.interval_s
        plain = np.flatnonzero((slots.at >= 0).all(axis=1) & (np.diff(slots.first) == a_day))
        at = slots.at[plain]
        sound: Bool = np.logical_and.reduce(measured.valid[:, at], axis=2)
        return cls(peers, measured.value[:, at], sound, np.take(resting, plain))

    def without(self, channel_id: int) -> _Others | None:
        """Return what the others of a channel did; None where nothing sound is known."""
        others = self.peers.channel_id != channel_id
        return self._whole if others.all() else self._of(self.sound & others[:, None])

    @cached_property
    def _whole(self) -> _Others | None:
        return self._of(self.sound)

    def _of(self, sound: Bool) -> _Others | None:
        """Return what these days show, shape (channels, days)."""
        if not sound.any():
            return None
        shares = np.empty((2, self.shown.shape[2]))
        for resting in (False, True):
            like = sound & (self.resting == resting)
            used = self.shown[like if like.any() else sound].sum(axis=0)
            shares[int(resting)] = used / max(int(used.sum()), 1)
        seen = self.peers.channel_id[sound.any(axis=1)]
        daily = float(self.shown[sound].sum(axis=1).mean())
        return _Others(Peers(seen, self.peers.first, self.peers.last), shares, daily)
