"""
A tower: it closes batches of what it heard at every step and sends them in their order.

The backhaul may be away for hours, and then batches wait. What it has sent it keeps for three
days, so that the head-end can ask again for what never arrived.
"""

import json
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

import numpy as np

from mdms.domain.time import from_epoch_s
from simulators import encoders
from simulators.air import Heard
from simulators.alarms import Alarms, EventLog
from simulators.backhaul import Backhaul
from simulators.encoders import FRAMES_MAX, SCHEMA_ANSWER, SCHEMA_PROGRESS, BatchHeader
from simulators.gathered import Gathered
from simulators.mishaps import Fate, Mishaps, Restart
from simulators.radio import Faults

_KEPT_S = 72 * 3600
_RX_AGE_PER_S = 10
_BACKFILL_MAX = 1_000

_log = logging.getLogger(__name__)


class Topic(StrEnum):
    """Last level of an uplink topic."""

    READ = "read"
    EVENT = "event"
    ACK = "ack"
    BACKFILL = "backfill"


@dataclass(frozen=True, slots=True)
class Batch:
    """
    A closed batch.

    Attributes:
        closed_s: When it was closed, seconds since 1970-01-01 UTC.
        acknowledge: Notes that the broker has its frames undamaged.
    """

    boot_id: int
    seq: int
    closed_s: int
    topic: Topic
    payload: bytes
    frame_count: int
    acknowledge: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Sending:
    """
    A message for the broker, and what to note when it has it.

    Attributes:
        frame_count: Frames in it that nobody sent before.
    """

    topic: Topic
    payload: bytes
    acknowledge: Callable[[], None]
    frame_count: int = 0


class Collector:
    """
    One tower.

    Attributes:
        collector_id: As in the registry.
        boot_id: Chosen at its start.
        seq: Number of the last closed batch; 0 before the first.
        acknowledged_seq: Number of the last batch that it believes to be with the broker.
        absent: Numbers up to that one which never left, or not yet, since the last step.
    """

    def __init__(
        self,
        collector_id: int,
        boot_id: int,
        seq: int,
        backhaul: Backhaul,
        mishaps: Mishaps,
        *,
        key: bytes | None = None,
    ) -> None:
        """
        Set up a tower that has heard nothing.

        Args:
            collector_id: As in the registry.
            boot_id: Of its last start.
            seq: Number of its last closed batch.
            backhaul: When it reaches the broker.
            mishaps: What goes wrong with it.
            key: What it signs batches with; None: it does not.
        """
        self.collector_id = collector_id
        self.boot_id = boot_id
        self.seq = seq
        self.acknowledged_seq: int | None = None
        self.absent: list[int] = []
        self._backhaul, self._mishaps, self._key = backhaul, mishaps, key
        self._waiting: deque[Batch] = deque()
        self._late: list[tuple[int, Sending]] = []
        self._kept: deque[Batch] = deque()
        self._answers: deque[Sending] = deque()
        self._said_seq, self._counting_since_s, self._now_s = seq, 0, 0

    def restart(self, at_s: int) -> bool:
        """Start again if that is due, and return whether it did; batches survive on disk."""
        kind = self._mishaps.restart(at_s)
        if kind is None:
            return False
        self.boot_id = self._mishaps.new_boot_id(at_s)
        if kind is Restart.COUNTER_LOST:
            self.seq = self._said_seq = 0
            self._counting_since_s = at_s
        return True

    def close(self, gathered: Gathered, log: EventLog, at_s: int) -> None:
        """Close what this collector took in; nothing heard, nothing closed."""
        for heard in gathered.heard:
            self._close_readings(heard, at_s)
        if gathered.alarms:
            self._close_alarms(Alarms.together(gathered.alarms), log, at_s)
        for schema_id in (SCHEMA_ANSWER, SCHEMA_PROGRESS):
            records = [
                record.content
                for record in gathered.records
                if (record.collector_id, record.schema_id) == (self.collector_id, schema_id)
            ]
            for first in range(0, len(records), FRAMES_MAX):
                part = records[first : first + FRAMES_MAX]
                payload = encoders.record_batch(self._header(at_s), schema_id, part)
                self._close(Topic.ACK, payload, len(part), at_s, _nothing)

    def is_reachable(self, at_s: int) -> bool:
        """Return whether the backhaul works at a second since 1970-01-01 UTC."""
        return self._backhaul.is_up(at_s)

    def ask(self, message: bytes, at_s: int) -> None:
        """Take a request of the head-end; what cannot be read is logged."""
        try:
            request = json.loads(message)
            match request["op"]:
                case "backfill":
                    first, last = int(request["from_seq"]), int(request["to_seq"])
                    self._backfill(lambda batch: first <= batch.seq <= last, first, at_s)
                case "backfill_time":
                    from_us, to_us = int(request["from_us"]), int(request["to_us"])
                    self._backfill(
                        lambda batch: from_us <= batch.closed_s * 1_000_000 <= to_us,
                        max(self.seq, 1),
                        at_s,
                    )
                case "ack_event":
                    pass  # a simulated alarm is repeated a fixed number of times
                case other:
                    _log.warning("collector %d knows no %r", self.collector_id, other)
        except (ValueError, KeyError, TypeError) as error:
            _log.warning("collector %d cannot read a request: %r", self.collector_id, error)

    def outgoing(self, at_s: int) -> Sequence[Sending]:
        """Return what to publish now, in order; nothing while the backhaul is away."""
        self.absent = []
        self._now_s = at_s
        while self._kept and self._kept[0].closed_s < at_s - _KEPT_S:
            self._kept.popleft()
        if not self._backhaul.is_up(at_s):
            return ()
        sendings = [sending for due_s, sending in self._late if due_s <= at_s]
        self._late = [(due_s, sending) for due_s, sending in self._late if due_s > at_s]
        while self._waiting:
            batch = self._waiting.popleft()
            self._kept.append(batch)
            self.acknowledged_seq = self._said_seq = batch.seq
            sendings += self._fated(batch, at_s)
        sendings += self._answers
        self._answers.clear()
        return sendings

    def calm_down(self) -> None:
        """Have no more mishaps: what is late leaves at the next step."""
        self._mishaps = Mishaps(0, self.collector_id, Faults.NONE)
        self._backhaul = Backhaul(0, self.collector_id, 0, Faults.NONE)
        self._late = [(0, sending) for _, sending in self._late]

    def _fated(self, batch: Batch, at_s: int) -> Sequence[Sending]:
        """Return what leaves of a batch now."""
        payload = self._signed(batch.payload)
        good = Sending(batch.topic, payload, batch.acknowledge, batch.frame_count)
        key = batch.boot_id, batch.seq
        match self._mishaps.fate(*key):
            case Fate.SENT:
                return (good,)
            case Fate.SENT_TWICE:
                again = Sending(batch.topic, payload, _nothing)
                self._late.append((at_s + self._mishaps.delay_s(*key), again))
                return good, again
            case Fate.LATE:
                self.absent.append(batch.seq)
                self._late.append((at_s + self._mishaps.delay_s(*key), good))
                return ()
            case Fate.LOST:
                self.absent.append(batch.seq)
                return ()
            case Fate.DAMAGED | Fate.DAMAGED_COPY as fate:
                broken = self._mishaps.damaged(payload, *key)
                damaged = Sending(batch.topic, broken, _nothing)
                if fate is Fate.DAMAGED_COPY:
                    return damaged, good
                self.absent.append(batch.seq)
                return (damaged,)

    def _backfill(self, is_wanted: Callable[[Batch], bool], seq: int, at_s: int) -> None:
        """Prepare the batches that are wanted, or an empty one under this number."""
        batches = [batch for batch in self._kept if is_wanted(batch)][:_BACKFILL_MAX]
        for batch in batches:
            payload = self._signed(encoders.backfilled(batch.payload, last=batch is batches[-1]))
            self._answers.append(Sending(Topic.BACKFILL, payload, batch.acknowledge))
        if not batches:
            header = BatchHeader(self.collector_id, self.boot_id, seq, at_s * 1_000_000)
            payload = self._signed(encoders.nothing_left(header))
            self._answers.append(Sending(Topic.BACKFILL, payload, _nothing))

    def _signed(self, payload: bytes) -> bytes:
        return payload if self._key is None else encoders.signed(payload, self._key)

    def _close_readings(self, heard: Heard, at_s: int) -> None:
        mine = heard.take(np.flatnonzero(heard.collector == self.collector_id))
        # A copy on its way while the batch closes is taken as just arrived.
        age_s = np.maximum(at_s - mine.arrived_s, 0.0)
        mine.frames["rx_age"] = np.rint(age_s * _RX_AGE_PER_S)
        for first in range(0, len(mine), FRAMES_MAX):
            part = mine.take(slice(first, first + FRAMES_MAX))
            payload = encoders.reading_batch(self._header(at_s), part.frames)
            acknowledge = partial(heard.told.acknowledge, part.message)
            self._close(Topic.READ, payload, len(part), at_s, acknowledge)

    def _close_alarms(self, alarms: Alarms, log: EventLog, at_s: int) -> None:
        rows = np.flatnonzero(alarms.collector == self.collector_id)
        for first in range(0, len(rows), FRAMES_MAX):
            part = rows[first : first + FRAMES_MAX]
            payload = encoders.event_batch(self._header(at_s), alarms.frames[part])
            acknowledge = partial(log.acknowledge, alarms.row[part].tolist())
            self._close(Topic.EVENT, payload, len(part), at_s, acknowledge)

    def _header(self, at_s: int) -> BatchHeader:
        return BatchHeader(
            collector_id=self.collector_id,
            boot_id=self.boot_id,
            batch_seq=self.seq + 1,
            batch_us=self._mishaps.clock_s(at_s) * 1_000_000,
            buffered=sum(batch.frame_count for batch in self._waiting),
        )

    def _close(
        self,
        topic: Topic,
        payload: bytes,
        frame_count: int,
        at_s: int,
        acknowledge: Callable[[], None],
    ) -> None:
        self.seq += 1
        self._waiting.append(
            Batch(self.boot_id, self.seq, at_s, topic, payload, frame_count, acknowledge)
        )

    def describe(self) -> dict[str, Any]:
        """Return what it says of itself on its state topic; `seq` is what it believes sent."""
        kept = [batch.seq for batch in self._kept if batch.closed_s >= self._counting_since_s]
        state = {
            "s": "online",
            "id": self.collector_id,
            "boot": self.boot_id,
            "seq": self._said_seq,
            "oldest_seq": min(kept, default=self._said_seq + 1),
            "buf": sum(batch.frame_count for batch in self._waiting),
        }
        if self._now_s:
            state["t"] = f"{from_epoch_s(self._now_s):%Y-%m-%dT%H:%M:%SZ}"
        return state


def _nothing() -> None:
    """Note nothing: the message carries no frame that counts as sent."""
