"""
Reads that come while the registry is being put right, in one process and in memory.

The head-end's code is the real one. The seed decides what comes, in which batches, what changes in
the registry and when: while a batch is being stored, between two attempts, after it. Who a frame's
reads belong to, and which numbers are missing, is worked out here anew, one read after the other.
"""

import copy
import random
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from types import coroutine
from typing import Any, Final, Self, cast
from unittest.mock import patch
from zoneinfo import ZoneInfo

import numpy as np

from ingest.codecs import fnb1
from ingest.late import VeeHorizon
from ingest.pipeline import IngestConfig, Pipeline
from ingest.preparing import Preparer
from ingest.quarantine import Quarantine
from mdms.domain.errors import UnavailableError
from mdms.domain.gaps import Span
from mdms.domain.readings import IntervalReads, RegisterReads, Source
from mdms.domain.registry import STILL_INSTALLED_S
from mdms.ports.messages import Envelope, Rejected
from mdms.ports.quarantine import CURABLE, Letter
from mdms.ports.unit_of_work import UnitOfWork
from tests.channels import Installed, channel_table
from tests.fakes import FakeClock, FakeMessageStore, FakeUnitOfWork
from tests.messages import NOON, NOON_S, frame, message

RADIOS, CHANNELS, COLLECTORS = (101, 102, 103), range(3), (1, 2)
STEP_S: Final = 900
STEPS: Final = 16
"""Of time that frames speak of."""
_STORES: Final = (
    "messages", "readings", "touches", "events", "gaps", "collectors", "controls",
)  # fmt: skip

Papers = tuple[Installed, ...]
Read = tuple[int, int, int]
"""Channel, time, value."""


@coroutine
def others_first() -> Generator[None]:
    """Let other tasks go on."""
    yield


class KilledError(Exception):
    """The daemon is gone."""


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


def due(papers: Papers, sent: Sent) -> tuple[set[Read], set[Read], bool | None]:
    """Return what intervals and registers a frame brings, and if it waits; None: it never may."""
    intervals, refused = set[Read](), False
    register = whose(papers, sent.radio_id, sent.end_s)
    register = register or whose(papers, sent.radio_id, sent.end_s - 1)
    rows = [register, *(whose(papers, sent.radio_id, start_s) for start_s, _ in sent.starts)]
    if not all(row is None or row.radio_on for row in rows):
        return set(), set(), None
    of_register = {(register.channel_id, sent.end_s, sent.end_s // STEP_S)} if register else set()
    for start_s, value in sent.starts:
        row = whose(papers, sent.radio_id, start_s)
        if row is None or row.interval_s != 60 * sent.minutes:
            refused = True
        else:
            intervals.add((row.channel_id, start_s, value))
    return intervals, of_register, refused or register is None


class Letters(FakeMessageStore):
    """Dead letters, numbered as they come, and which of them were cured."""

    def __init__(self) -> None:
        super().__init__()
        self.cured_ids: set[int] = set()

    @property
    def waiting(self) -> dict[int, Rejected]:
        return {
            number: each
            for number, each in enumerate(self.rejected, 1)
            if number not in self.cured_ids and each.reason in CURABLE
        }


class Database(FakeUnitOfWork):
    """Stores in memory; it stands in for `mdms.ports.QuarantineStore`, too."""

    def __init__(self) -> None:
        super().__init__(channel_table(), COLLECTORS)
        self.messages: Letters = Letters()

    @property
    def quarantine(self) -> Self:
        return self

    async def curable(self, after_id: int, count_max: int) -> Sequence[Letter]:
        waiting = self.messages.waiting.items()
        known = [Letter(number, each) for number, each in waiting if number > after_id]
        return [each for each in known if self._is_known(each.rejected)][:count_max]

    async def cured(self, letter_ids: Sequence[int], at: datetime) -> None:
        self.messages.cured_ids.update(letter_ids)

    async def still_refused(self, refused: Mapping[int, Rejected]) -> None:
        for number, each in refused.items():
            before = self.messages.rejected[number - 1]
            self.messages.rejected[number - 1] = replace(before, reason=each.reason)

    def _is_known(self, letter: Rejected) -> bool:
        if letter.frame_index is None:
            return int(letter.topic.split("/")[4]) in self.registry.ids
        return int.from_bytes(letter.payload[:4], "little") in self.registry.table.radio_id


class Office:
    """All of one seed; `work` lets batches come and papers change until both have ended."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.clock = FakeClock(NOON)
        self.database = Database()
        self.database.registry.ids = frozenset(self.rng.sample(COLLECTORS, self.rng.randrange(3)))
        self.papers: Papers = ()
        self.followed = self.registered
        self.used = self.followed
        self.expected: set[Read] = set()
        self.expected_registers: set[Read] = set()
        self.counted: dict[int, list[int]] = {each: [] for each in COLLECTORS}
        self.by_raw: dict[bytes, Sent] = {}
        self.by_payload: dict[bytes, Batch] = {}
        self.by_number: dict[tuple[int, int], Batch] = {}
        self.batches_left = self.rng.randrange(4, 20)
        self.unacked: list[Envelope] = []
        self.handed: list[list[Envelope]] = []
        self.seqs = dict.fromkeys(COLLECTORS, 0)
        self.skipped: list[tuple[int, int]] = []
        self.lengths = dict.fromkeys(CHANNELS, STEP_S)
        horizon = VeeHorizon(ZoneInfo("UTC"))
        self.quarantine = Quarantine(self.database, self.clock, horizon)
        self.horizon = horizon
        self.heart = self.pipeline()
        self.log: list[str] = []

    def pipeline(self) -> Pipeline:
        config = IngestConfig(window_intervals=24)
        return Pipeline(self, self.database, self, config, self.horizon, brief=self.storing)

    def storing(self) -> AbstractAsyncContextManager[UnitOfWork]:
        return cast("AbstractAsyncContextManager[UnitOfWork]", Storing(self))

    # The clock, as the pipeline sees it.

    def now(self) -> datetime:
        return self.clock.now()

    def monotonic(self) -> float:
        return self.clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self.clock.sleep(seconds)
        await self.interlude()

    # The broker.

    async def batches(self, **_bounds: object) -> AsyncIterator[Sequence[Envelope]]:
        self.handed = []
        rest = list(self.unacked)
        while rest or self.batches_left:
            for _ in range(self.rng.randrange(8)):
                await others_first()
            if rest:
                size = self.rng.randrange(1, len(rest) + 1)
                some, rest = rest[:size], rest[size:]
            else:
                self.batches_left -= 1
                some = [self.sent() for _ in range(self.rng.randrange(1, 4))]
                self.unacked += some
            self.handed.append(some)
            self.note("hand", [self.by_payload[e.payload] for e in some])
            yield some

    async def ack(self, batch: Sequence[Envelope]) -> None:
        assert self.handed.pop(0) == list(batch)
        done = set(map(id, batch))
        self.unacked = [each for each in self.unacked if id(each) not in done]
        await self.interlude()

    def sent(self) -> Envelope:
        """Return a new message, or one that was sent before."""
        kind, flags = self.rng.choice([("read", 0), ("backfill", 2)])
        if self.by_payload and self.rng.random() < 0.1:
            batch = self.rng.choice(list(self.by_payload.values()))
        else:
            collector_id = self.rng.choice(COLLECTORS)
            if self.skipped and self.rng.random() < 0.3:
                collector_id, seq = self.skipped.pop()
            else:
                self.seqs[collector_id] += 1
                seq = self.seqs[collector_id]
                if self.rng.random() < 0.2:
                    self.skipped.append((collector_id, seq))
                    self.seqs[collector_id] = seq = seq + 1
            frames = tuple(self.frame() for _ in range(self.rng.randrange(1, 4)))
            batch = Batch(collector_id, seq, frames)
        payload = batch.payload(flags)
        self.by_payload[payload] = self.by_number[batch.collector_id, batch.seq] = batch
        return Envelope(f"ami/v1/cpau/col/{batch.collector_id}/up/{kind}", payload)

    def frame(self) -> Sent:
        """Return a new frame, or a copy."""
        if self.by_raw and self.rng.random() < 0.4:
            return self.rng.choice(list(self.by_raw.values()))
        minutes = self.rng.choice([15, 15, 30])
        end_s = NOON_S - 1800 * self.rng.randrange(STEPS)
        values = tuple(self.rng.choice([0, 0, 0, 1]) for _ in range(self.rng.randrange(1, 4)))
        sent = Sent(self.rng.choice(RADIOS), end_s, minutes, values)
        self.by_raw[sent.raw] = sent
        return sent

    # The registry.

    async def interlude(self, *, storing: bool = False) -> None:
        """Let people work while reads are being stored, or between that."""
        for _ in range(self.rng.randrange(6)):
            await others_first()
        for _ in range(self.rng.choice([0, 0, 1, 2])):
            if self.rng.random() < 0.6:
                self.change()
            if self.rng.random() < 0.8:
                await self.follow()
            if not storing and self.rng.random() < 0.3:
                await self.replay()
            if not storing and self.rng.random() < 0.1:
                await self.import_file()

    def change(self) -> None:
        """Put the registry right, or wrong; it forgets nothing."""
        what = self.rng.randrange(7)
        radio, other = self.rng.sample(RADIOS, 2)
        channel = self.rng.choice(CHANNELS)
        if what == 0:
            self.papers = tuple(_park(row) if row.radio_id == radio else row for row in self.papers)
        elif what in (1, 2):
            self.install(channel, radio, NOON_S - 900 * self.rng.randrange(-2, 2 * STEPS))
        elif what == 3:
            turn = {radio: other, other: radio}
            self.papers = tuple(
                replace(row, radio_id=turn.get(row.radio_id, row.radio_id)) for row in self.papers
            )
        elif what == 4:
            self.lengths[channel] = 2700 - self.lengths[channel]
        elif what == 5:
            self.papers = tuple(
                replace(row, radio_on=not row.radio_on) if row.channel_id == channel else row
                for row in self.papers
            )
        else:
            self.database.registry.ids |= {self.rng.choice(COLLECTORS)}
        self.papers = tuple(
            replace(row, interval_s=self.lengths[row.channel_id]) for row in self.papers
        )
        self.database.registry.table = channel_table(*self.papers)
        self.note("papers", self.papers, self.database.registry.ids)

    def install(self, channel: int, radio: int, at_s: int) -> None:
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

    async def follow(self) -> None:
        if await self.heart.reload_registry():
            self.followed = self.registered
            self.note("follow")

    @property
    def registered(self) -> tuple[Papers, frozenset[int]]:
        return self.papers, self.database.registry.ids

    async def replay(self) -> None:
        box = self.database.messages
        letters = [each for each in box.waiting.values() if self.database._is_known(each)]
        self.note("replay", len(letters))
        await self.quarantine.replay()
        for each in letters:
            if each.frame_index is None:
                batch = replace(self.batch_of(each.payload), frames=self.legible(each.payload))
                self.stored(batch, self.registered, each.topic)
            else:
                self.read(self.by_raw[each.payload], self.papers, None)

    async def import_file(self) -> None:
        if not self.papers:
            return
        read = (
            self.rng.choice(self.papers).channel_id,
            NOON_S - 900 * self.rng.randrange(STEPS),
            0,
        )
        columns = [np.array([each]) for each in read]
        reads = IntervalReads.raw(*columns, recorded_us=0, source=Source.FILE)
        await self.database.readings.append_raw(reads, RegisterReads.empty(), sure=False)
        self.expected.add(read)
        self.note("import", read)

    # What must be there.

    def stored(self, batch: Batch, registered: tuple[Papers, frozenset[int]], topic: str) -> None:
        """Look that a message has become what it should."""
        papers, collector_ids = registered
        if batch.collector_id not in collector_ids:
            letters = [each for each in self.database.messages.rejected if each.frame_index is None]
            assert batch in [self.batch_of(each.payload) for each in letters], "no letter"
            return
        self.counted[batch.collector_id].append(batch.seq)
        for each in batch.frames:
            self.read(each, papers, topic)

    def batch_of(self, payload: bytes) -> Batch:
        """Return the batch that a message was once, whatever was taken out of it."""
        header = fnb1.peek(payload)
        return self.by_number[header.collector_id, header.batch_seq]

    def legible(self, payload: bytes) -> tuple[Sent, ...]:
        """Return the frames of a message that were not blanked."""
        raws = [payload[at : at + 64] for at in range(64, len(payload), 64)]
        return tuple(self.by_raw[raw] for raw in raws if raw in self.by_raw)

    def read(self, sent: Sent, papers: Papers, topic: str | None) -> None:
        """Look that a frame has become what it should."""
        intervals, registers, refused = due(papers, sent)
        self.expected |= intervals
        self.expected_registers |= registers
        readings = self.database.readings
        for channel_id, at_s, value in intervals:
            key = channel_id, at_s
            assert key in readings.interval_values, f"lost: {key} of {sent}"
            is_kept = (*key, value) in readings.conflicts
            assert readings.interval_values[key] == value or is_kept, f"hidden: {key} of {sent}"
        for channel_id, at_s, value in registers:
            assert readings.register_values.get((channel_id, at_s)) == value, f"register: {sent}"
        if refused and topic is not None:
            letters = [each for each in self.database.messages.rejected if each.topic == topic]
            assert sent.raw in {each.payload for each in letters}, f"no letter of {sent}"

    def commit(self) -> None:
        """Look at the batch in hand, which is stored by now."""
        self.note("commit")
        for envelope in self.handed[0]:
            self.stored(self.by_payload[envelope.payload], self.used, envelope.topic)
        for collector_id, seqs in self.counted.items():
            missing = set(range(seqs[0], max(seqs))) - set(seqs) if seqs else set()
            holes = self.database.gaps.by_id.values()
            spans = [hole.span for hole in holes if hole.collector_id == collector_id]
            assert missing == {seq for span in spans for seq in _numbers(span)}, collector_id

    def end(self) -> None:
        """Look at all of it once more."""
        readings = self.database.readings
        there = {(*key, value) for key, value in readings.interval_values.items()}
        assert there | set(readings.conflicts) == self.expected
        there = {(*key, value) for key, value in readings.register_values.items()}
        assert there == self.expected_registers
        for each in self.database.messages.waiting.values():
            if each.frame_index is None:
                batch = self.batch_of(each.payload)
                assert batch.collector_id not in self.database.registry.ids
            else:
                assert due(self.papers, self.by_raw[each.payload])[2], "it waits for nothing"

    async def work(self) -> None:
        with patch.object(Preparer, "_in_turn", _at_once):
            self.change()
            while True:
                self.heart = self.pipeline()
                self.followed = self.registered
                self.note("start")
                try:
                    await self.heart.run()
                except KilledError:
                    self.note("killed")
                else:
                    break
            await self.replay()
        self.end()

    def note(self, *what: object) -> None:
        self.log.append(" ".join(map(str, what)))


class Storing:
    """A transaction of the pipeline, which may fail, and during which papers change."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def __aenter__(self) -> Database:
        office = self._office
        office.used = office.followed
        self._before = {name: copy.deepcopy(getattr(office.database, name)) for name in _STORES}
        return office.database

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        office = self._office
        assert error is None, error
        await office.interlude(storing=True)
        fate = office.rng.random()
        if fate < 0.3:
            for name, store in self._before.items():
                setattr(office.database, name, store)
            office.note("fails")
            raise UnavailableError("away") if fate < 0.25 else KilledError
        office.commit()
        if fate < 0.4:
            office.note("unheard")
            raise UnavailableError("away") if fate < 0.35 else KilledError


def _numbers(span: Span) -> range:
    assert span.first_seq is not None, "no collector loses its count"
    assert span.last_seq is not None, "no collector loses its count"
    return range(span.first_seq, span.last_seq + 1)


def _park(row: Installed) -> Installed:
    return replace(row, radio_id=900 + row.channel_id)


async def _at_once(_: Preparer, work: Callable[[], Any]) -> Any:
    """Work here and now: a thread of its own would make the order another one each time."""
    return work()
