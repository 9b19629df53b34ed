"""
A tower: it closes a batch of what it heard at every step and sends batches in their order.

The sequence number outlives the process (`counters.json`), as the head-end counts on it; the
backhaul may be away for hours, and then batches wait.
"""

import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from mdms.domain.readings import Int64
from simulators.air import Heard, Told
from simulators.encoders import FRAMES_MAX, BatchHeader, reading_batch
from simulators.radio import Faults
from simulators.seeds import generator

_MONTH_S = 30 * 86400
_OUTAGE_S = (5 * 60, 12 * 3600)
_RX_AGE_PER_S = 10


@dataclass(frozen=True, slots=True)
class Batch:
    """A closed batch, and which messages it carries."""

    seq: int
    payload: bytes
    frame_count: int
    message: Int64
    told: Told

    def acknowledged(self) -> None:
        """Note that the broker has every frame of it."""
        self.told.acknowledged[self.message] = True


@dataclass(frozen=True, slots=True)
class Backhaul:
    """The link of one collector to the broker: away once a month, for minutes or for hours."""

    seed: int
    collector_id: int
    start_s: int
    faults: Faults

    def is_up(self, at_s: int) -> bool:
        """Return whether the link works at a second since 1970-01-01 UTC."""
        if self.faults is Faults.NONE:
            return True
        month = (at_s - self.start_s) // _MONTH_S
        # An outage that begins late in a month ends in the next one.
        since_s = at_s - self.start_s
        outages = (
            _outage(self.seed, self.collector_id, m) for m in range(max(month - 1, 0), month + 1)
        )
        return not any(begin_s <= since_s < end_s for begin_s, end_s in outages)


@cache
def _outage(seed: int, collector_id: int, month: int) -> tuple[float, float]:
    """Return when the link goes in a month and comes back, seconds since the start."""
    rng = generator(seed, "backhaul", collector_id, month)
    begin_s = _MONTH_S * (month + rng.random())
    shortest, longest = np.log(_OUTAGE_S)
    return begin_s, begin_s + float(np.exp(rng.uniform(shortest, longest)))


class Collector:
    """
    One tower.

    Attributes:
        collector_id: As in the registry.
        boot_id: Chosen at its start.
        seq: Number of the last closed batch; 0 before the first.
        acknowledged_seq: Number of the last batch that the broker acknowledged.
    """

    def __init__(self, collector_id: int, boot_id: int, seq: int, backhaul: Backhaul) -> None:
        self.collector_id = collector_id
        self.boot_id = boot_id
        self.seq = seq
        self.acknowledged_seq: int | None = None
        self._backhaul = backhaul
        self._waiting: deque[Batch] = deque()

    def close(self, heard: Heard, at_s: int) -> None:
        """Close what was heard by this collector; nothing heard, nothing closed."""
        mine = heard.take(np.flatnonzero(heard.collector == self.collector_id))
        # A copy on its way while the batch closes is taken as just arrived.
        age_s = np.maximum(at_s - mine.arrived_s, 0.0)
        mine.frames["rx_age"] = np.rint(age_s * _RX_AGE_PER_S)
        for first in range(0, len(mine), FRAMES_MAX):
            part = mine.take(slice(first, first + FRAMES_MAX))
            self.seq += 1
            header = BatchHeader(
                collector_id=self.collector_id,
                boot_id=self.boot_id,
                batch_seq=self.seq,
                batch_us=at_s * 1_000_000,
                buffered=sum(batch.frame_count for batch in self._waiting),
            )
            payload = reading_batch(header, part.frames)
            self._waiting.append(Batch(self.seq, payload, len(part), part.message, heard.told))

    def sendable(self, at_s: int) -> Sequence[Batch]:
        """Return the batches that wait, oldest first, when the backhaul works; else none."""
        return tuple(self._waiting) if self._backhaul.is_up(at_s) else ()

    def acknowledge(self, batch: Batch) -> None:
        """Forget the oldest batch: the broker has it."""
        assert self._waiting[0] is batch, "batches leave in their order"
        self._waiting.popleft()
        self.acknowledged_seq = batch.seq
        batch.acknowledged()


class CounterFile:
    """Starts and sequence numbers of the collectors, kept from one process to the next."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._counters: dict[str, dict[str, int]] = {}
        if path.exists():
            self._counters = json.loads(path.read_text(encoding="utf-8"))

    def boot(self, collector_id: int, seed: int) -> tuple[int, int]:
        """Return the boot id of a fresh start and the last sequence number that was used."""
        known = self._counters.get(str(collector_id), {"starts": 0, "seq": 0})
        starts = known["starts"] + 1
        self._counters[str(collector_id)] = {"starts": starts, "seq": known["seq"]}
        rng = generator(seed, "boot", collector_id, starts)
        return int(rng.integers(1, 1 << 32)), known["seq"]

    def keep(self, seqs: Mapping[int, int]) -> None:
        """Write the numbers down before the batches that carry them leave."""
        for collector_id, seq in seqs.items():
            self._counters[str(collector_id)]["seq"] = seq
        aside = self._path.with_suffix(".part")
        aside.write_text(json.dumps(self._counters), encoding="utf-8")
        aside.replace(self._path)
