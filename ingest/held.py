"""Messages that wait for the grant of their step; see `ingest.followed`."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

import msgspec

from ingest import codecs, state
from ingest.codecs import fnb1
from mdms.domain.errors import DecodeError
from mdms.domain.time import EPOCH
from mdms.ports.messages import Envelope


class Grant(msgspec.Struct, frozen=True):
    """
    A step of simulated time.

    `seq` names the last message of each collector within it, `absent` the numbers up to that one
    that were not sent and need not be waited for.
    """

    step: int
    t_us: int
    seq: dict[int, int]
    absent: dict[int, list[int]] = {}


class _Message(NamedTuple):
    seq: int
    at_us: int
    envelope: Envelope


class Held:
    """
    What has come and has not been granted, by collector and batch_seq.

    A collector's numbers have no gaps, so a grant tells how many messages it covers. One that
    cannot be read has no number; it is taken for one of those that are missing. States count for
    nothing and come after what they speak of.
    """

    def __init__(self, committed: Mapping[int, int]) -> None:
        self._committed = dict(committed)
        self._held: dict[int, list[_Message]] = {}
        self._early: dict[int, set[int]] = {}
        """Numbers that went before their grant: a wrong clock or a lost line made them late."""
        self._unreadable: list[tuple[int | None, Envelope]] = []
        self._states: list[Envelope] = []

    def add(self, envelope: Envelope) -> None:
        """Hold a message; what is held twice is released twice, and does no harm."""
        if state.is_state(envelope.topic):
            self._states.append(envelope)
            return
        collector_id = None
        try:
            collector_id = codecs.arrival(envelope.topic, EPOCH).collector_id
            header = fnb1.peek(envelope.payload)
            fnb1.check_sum(header, envelope.payload)
        except DecodeError:
            self._unreadable.append((collector_id, envelope))
        else:
            message = _Message(header.batch_seq, header.batch_time_us, envelope)
            self._held.setdefault(collector_id, []).append(message)

    def missing(self, grant: Grant) -> dict[int, int]:
        """Return how many messages that the grant covers are not here, by collector."""
        unreadable = Counter(collector_id for collector_id, _ in self._unreadable)
        missing = {}
        for collector_id, last in grant.seq.items():
            first = self._committed.get(collector_id, 0) + 1
            here = {each.seq for each in self._held.get(collector_id, ())}
            here.update(grant.absent.get(collector_id, ()), self._early.get(collector_id, ()))
            awaited = set(range(first, last + 1)) - here
            count = len(awaited) - unreadable[collector_id]
            if count > 0:
                missing[collector_id] = count
        return missing

    def release(
        self, grant: Grant, messages_max: int, bytes_max: int
    ) -> Iterator[Sequence[Envelope]]:
        """Yield what the grant covers in batches, each collector's messages in their order."""
        released = [envelope for _, envelope in self._unreadable]
        self._unreadable.clear()
        released += self._take(lambda collector_id, each: (
            each.seq <= grant.seq.get(collector_id, 0) or each.at_us <= grant.t_us
        ))  # fmt: skip
        # A collector that lost its count begins again below what it had.
        self._committed |= grant.seq
        for collector_id, last in grant.seq.items():
            early = self._early.pop(collector_id, set())
            if ahead := {seq for seq in early if seq > last}:
                self._early[collector_id] = ahead
        released += self._states
        self._states.clear()
        yield from _cut(released, messages_max, bytes_max)

    def late(self, now_us: int, messages_max: int, bytes_max: int) -> Iterator[Sequence[Envelope]]:
        """Yield what needs no grant, because its time has been granted already."""
        for collector_id, held in self._held.items():
            if early := {each.seq for each in held if each.at_us <= now_us}:
                self._early.setdefault(collector_id, set()).update(early)
        yield from _cut(self._take(lambda _, each: each.at_us <= now_us), messages_max, bytes_max)

    def _take(self, is_wanted: Callable[[int, _Message], bool]) -> list[Envelope]:
        """Take messages out, each collector's in their order."""
        taken: list[Envelope] = []
        for collector_id, held in list(self._held.items()):
            wanted = [each for each in held if is_wanted(collector_id, each)]
            # By time first: a collector that lost its count numbers younger ones lower.
            wanted.sort(key=attrgetter("at_us", "seq"))
            taken += (each.envelope for each in wanted)
            kept = [each for each in held if not is_wanted(collector_id, each)]
            if kept:
                self._held[collector_id] = kept
            else:
                del self._held[collector_id]
        return taken


def _cut(
    envelopes: Sequence[Envelope], messages_max: int, bytes_max: int
) -> Iterator[Sequence[Envelope]]:
    batch: list[Envelope] = []
    size = 0
    for envelope in envelopes:
        size += len(envelope.payload)
        if batch and (len(batch) == messages_max or size > bytes_max):
            yield batch
            batch, size = [], len(envelope.payload)
        batch.append(envelope)
    if batch:
        yield batch
