"""
Frames of a few radios, and papers that say whose they are, rightly or wrongly.

Whose each read is, is worked out here anew, one after the other.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from mdms.domain.registry import STILL_INSTALLED_S
from mdms.ports.messages import Envelope
from tests.channels import Installed, channel_table
from tests.fakes import FakeRegistryStore
from tests.messages import NOON_S, frame, message

RADIOS, CHANNELS, COLLECTORS = (101, 102, 103), range(3), (1, 2)
STEP_S: Final = 900
STEPS: Final = 16
"""Half hours that frames speak of."""

Papers = tuple[Installed, ...]
Read = tuple[int, int, int]
"""Channel, time, value."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A frame as its meter sent it; values newest first."""

    radio_id: int
    end_s: int
    minutes: int
    values: tuple[int, ...]

    @property
    def raw(self) -> bytes:
        return frame(
            meter_id=self.radio_id, t_newest=self.end_s, ilen=self.minutes,
            register=self.end_s // STEP_S, deltas=self.values,
        )  # fmt: skip

    @property
    def starts(self) -> Iterator[tuple[int, int]]:
        """Start and value of each interval."""
        step_s = 60 * self.minutes
        return ((self.end_s - step_s * (i + 1), v) for i, v in enumerate(self.values))


@dataclass(frozen=True, slots=True)
class Batch:
    """A message of a collector, as it was closed."""

    collector_id: int
    seq: int
    frames: tuple[Sent, ...]

    def payload(self, flags: int) -> bytes:
        return message(
            *(each.raw for each in self.frames), collector_id=self.collector_id,
            batch_seq=self.seq, batch_time_us=NOON_S * 1_000_000 + self.seq, flags=flags,
        )  # fmt: skip


def whose(papers: Papers, radio_id: int, at_s: int) -> Installed | None:
    """Return what carried a radio at an instant."""
    for each in papers:
        if each.radio_id == radio_id and each.installed_s <= at_s < each.removed_s:
            return each
    return None


class Due(NamedTuple):
    """What a frame brings, and whether the rest of it waits for the registry."""

    intervals: set[Read]
    registers: set[Read]
    waits: bool


def due(papers: Papers, sent: Sent) -> Due:
    """Return what must come of a frame; nothing at all if it reaches into a radio's silence."""
    register = whose(papers, sent.radio_id, sent.end_s)
    register = register or whose(papers, sent.radio_id, sent.end_s - 1)
    rows = [whose(papers, sent.radio_id, start_s) for start_s, _ in sent.starts]
    if not all(row is None or row.radio_on for row in (register, *rows)):
        return Due(set(), set(), waits=False)
    read = {(register.channel_id, sent.end_s, sent.end_s // STEP_S)} if register else set()
    intervals = {
        (row.channel_id, start_s, value)
        for row, (start_s, value) in zip(rows, sent.starts, strict=True)
        if row is not None and row.interval_s == 60 * sent.minutes
    }
    return Due(intervals, read, waits=register is None or len(intervals) < len(rows))


class Registered(NamedTuple):
    """What the registry says, at some time."""

    papers: Papers
    collector_ids: frozenset[int]


class Clerk:
    """Who keeps the registry, and makes mistakes."""

    def __init__(self, rng: random.Random, registry: FakeRegistryStore) -> None:
        self._rng, self._registry = rng, registry
        self._lengths = dict.fromkeys(CHANNELS, STEP_S)
        self.papers: Papers = ()
        registry.ids = frozenset(rng.sample(COLLECTORS, rng.randrange(3)))

    @property
    def registered(self) -> Registered:
        return Registered(self.papers, self._registry.ids)

    def change(self) -> None:
        """Put the registry right, or wrong; it forgets nothing."""
        what = self._rng.randrange(7)
        radio, other = self._rng.sample(RADIOS, 2)
        channel = self._rng.choice(CHANNELS)
        if what == 0:
            self.papers = tuple(_park(row) if row.radio_id == radio else row for row in self.papers)
        elif what in (1, 2):
            self._install(channel, radio, NOON_S - 900 * self._rng.randrange(-2, 2 * STEPS))
        elif what == 3:
            turn = {radio: other, other: radio}
            self.papers = tuple(
                replace(row, radio_id=turn.get(row.radio_id, row.radio_id)) for row in self.papers
            )
        elif what == 4:
            self._lengths[channel] = 2700 - self._lengths[channel]
        elif what == 5:
            self.papers = tuple(
                replace(row, radio_on=not row.radio_on) if row.channel_id == channel else row
                for row in self.papers
            )
        else:
            self._registry.ids |= {self._rng.choice(COLLECTORS)}
        self.papers = tuple(
            replace(row, interval_s=self._lengths[row.channel_id]) for row in self.papers
        )
        self._registry.table = channel_table(*self.papers)

    def _install(self, channel: int, radio: int, at_s: int) -> None:
        removed_s, rows = STILL_INSTALLED_S, list[Installed]()
        for row in self.papers:
            if radio != row.radio_id and channel != row.channel_id:
                rows.append(row)
            elif row.installed_s < at_s:
                rows.append(replace(row, removed_s=min(row.removed_s, at_s)))
            elif row.channel_id != channel:
                rows.append(_park(row))
            elif row.installed_s > at_s:
                rows.append(row)
                removed_s = min(removed_s, row.installed_s)
        new = Installed(channel_id=channel, radio_id=radio, installed_s=at_s, removed_s=removed_s)
        self.papers = (*rows, new)


class Collectors:
    """Collectors that hear frames, more than once, and number what they send."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self.by_raw: dict[bytes, Sent] = {}
        self.by_payload: dict[bytes, Batch] = {}
        self.by_number: dict[tuple[int, int], Batch] = {}
        self._seqs = dict.fromkeys(COLLECTORS, 0)
        self._skipped: list[tuple[int, int]] = []

    def send(self) -> Envelope:
        """Return a new message, or one that was sent before."""
        kind, flags = self._rng.choice([("read", 0), ("backfill", 2)])
        if self.by_payload and self._rng.random() < 0.1:
            batch = self._rng.choice(list(self.by_payload.values()))
        else:
            collector_id = self._rng.choice(COLLECTORS)
            if self._skipped and self._rng.random() < 0.3:
                collector_id, seq = self._skipped.pop()
            else:
                self._seqs[collector_id] += 1
                seq = self._seqs[collector_id]
                if self._rng.random() < 0.2:
                    self._skipped.append((collector_id, seq))
                    self._seqs[collector_id] = seq = seq + 1
            frames = tuple(self._frame() for _ in range(self._rng.randrange(1, 4)))
            batch = Batch(collector_id, seq, frames)
        payload = batch.payload(flags)
        self.by_payload[payload] = self.by_number[batch.collector_id, batch.seq] = batch
        return Envelope(f"ami/v1/cpau/col/{batch.collector_id}/up/{kind}", payload)

    def _frame(self) -> Sent:
        """Return a new frame, or a copy."""
        if self.by_raw and self._rng.random() < 0.4:
            return self._rng.choice(list(self.by_raw.values()))
        minutes = self._rng.choice([15, 15, 30])
        end_s = NOON_S - 1800 * self._rng.randrange(STEPS)
        values = tuple(self._rng.choice([0, 0, 0, 1]) for _ in range(self._rng.randrange(1, 4)))
        sent = Sent(self._rng.choice(RADIOS), end_s, minutes, values)
        self.by_raw[sent.raw] = sent
        return sent


def _park(row: Installed) -> Installed:
    return replace(row, radio_id=900 + row.channel_id)
