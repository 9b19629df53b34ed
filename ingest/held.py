"""Messages that wait for the grant of their step; see `ingest.followed`."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from ingest import codecs
from ingest.codecs import fnb1
from mdms.domain.errors import DecodeError
from mdms.domain.time import EPOCH
from mdms.ports import Envelope


class Grant(msgspec.Struct, frozen=True):
    """A step of simulated time; `seq` names the last message of each collector within it."""

    step: int
    t_us: int
    seq: dict[int, int]


class Held:
    """
    What has come and has not been granted, by collector and batch_seq.

    A collector's numbers have no gaps, so a grant tells how many messages it covers. One that
    cannot be read has no number; it is taken for one of those that are missing.
    """

    def __init__(self, committed: Mapping[int, int]) -> None:
        self._committed = dict(committed)
        self._held: dict[int, list[tuple[int, Envelope]]] = {}
        self._unreadable: list[tuple[int | None, Envelope]] = []

    def add(self, envelope: Envelope) -> None:
        """Hold a message; what is held twice is released twice, and does no harm."""
        collector_id = None
        try:
            collector_id = codecs.arrival(envelope.topic, EPOCH).collector_id
            seq = fnb1.peek(envelope.payload).batch_seq
        except DecodeError:
            self._unreadable.append((collector_id, envelope))
        else:
            self._held.setdefault(collector_id, []).append((seq, envelope))

    def missing(self, grant: Grant) -> dict[int, int]:
        """Return how many messages that the grant covers are not here, by collector."""
        unreadable = Counter(collector_id for collector_id, _ in self._unreadable)
        missing = {}
        for collector_id, last in grant.seq.items():
            first = self._committed.get(collector_id, 0) + 1
            here = {seq for seq, _ in self._held.get(collector_id, ()) if first <= seq <= last}
            count = last + 1 - first - len(here) - unreadable[collector_id]
            if count > 0:
                missing[collector_id] = count
        return missing

    def release(
        self, grant: Grant, messages_max: int, bytes_max: int
    ) -> Iterator[Sequence[Envelope]]:
        """Yield what the grant covers in batches, each collector's messages in their order."""
        released = [envelope for _, envelope in self._unreadable]
        self._unreadable.clear()
        for collector_id, last in grant.seq.items():
            held = sorted(self._held.pop(collector_id, ()), key=lambda each: each[0])
            released += (envelope for seq, envelope in held if seq <= last)
            later = [each for each in held if each[0] > last]
            if later:
                self._held[collector_id] = later
            self._committed[collector_id] = max(last, self._committed.get(collector_id, 0))
        yield from _cut(released, messages_max, bytes_max)


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
