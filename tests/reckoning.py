"""What must have become of messages, whatever happened to the registry meanwhile."""

from ingest.codecs import fnb1
from mdms.domain.gaps import Span
from tests.letters import Database
from tests.papers import COLLECTORS, Batch, Collectors, Papers, Read, Registered, Sent, due

_HEADER_SIZE = _FRAME_SIZE = 64


class Reckoning:
    """
    Looks at what was stored, each time that something was, and at all of it in the end.

    Args:
        database: Where it is stored.
        collectors: What they sent.
    """

    def __init__(self, database: Database, collectors: Collectors) -> None:
        self._database = database
        self._sent = collectors
        self.intervals: set[Read] = set()
        """That must be there, as reads or as conflicts; no others may."""
        self._registers: set[Read] = set()
        self._counted: dict[int, list[int]] = {each: [] for each in COLLECTORS}

    def taken(self, payload: bytes, topic: str, registered: Registered) -> None:
        """Look at a message, blanked or as it came, that was stored by this registry."""
        batch = self._batch(payload)
        if batch.collector_id not in registered.collector_ids:
            letters = self._database.messages.waiting.values()
            whole = [each.payload for each in letters if each.frame_index is None]
            assert batch in map(self._batch, whole), "no letter of a message"
            return
        self._counted[batch.collector_id].append(batch.seq)
        for at in range(_HEADER_SIZE, len(payload), _FRAME_SIZE):
            sent = self._sent.by_raw.get(payload[at : at + _FRAME_SIZE])
            if sent is not None:  # it was not blanked
                self.read(sent, registered.papers, topic)

    def read(self, sent: Sent, papers: Papers, topic: str | None = None) -> None:
        """Look at a frame; where there is a topic, at the letter that waits for its rest, too."""
        found = due(papers, sent)
        self.intervals |= found.intervals
        self._registers |= found.registers
        readings = self._database.readings
        for channel_id, start_s, value in found.intervals:
            key = channel_id, start_s
            assert key in readings.interval_values, f"lost: {key} of {sent}"
            is_kept = (*key, value) in readings.conflicts
            assert readings.interval_values[key] == value or is_kept, f"hidden: {key} of {sent}"
        for channel_id, at_s, value in found.registers:
            assert readings.register_values.get((channel_id, at_s)) == value, f"register of {sent}"
        if found.waits and topic is not None:
            letters = self._database.messages.waiting.values()
            assert any(
                (each.topic, each.payload) == (topic, sent.raw) for each in letters
            ), f"no letter of {sent}"  # fmt: skip

    def holes(self) -> None:
        """Look at the numbers that are missing."""
        for collector_id, seqs in self._counted.items():
            missing = set(range(seqs[0], max(seqs))) - set(seqs) if seqs else set()
            holes = self._database.gaps.by_id.values()
            spans = [hole.span for hole in holes if hole.collector_id == collector_id]
            assert missing == {seq for span in spans for seq in _numbers(span)}, collector_id

    def all(self, registered: Registered) -> None:
        """Look at everything, and at what still waits."""
        readings = self._database.readings
        there = {(*key, value) for key, value in readings.interval_values.items()}
        assert there | set(readings.conflicts) == self.intervals
        there = {(*key, value) for key, value in readings.register_values.items()}
        assert there == self._registers
        for each in self._database.messages.waiting.values():
            if each.frame_index is None:
                assert self._batch(each.payload).collector_id not in registered.collector_ids
            else:
                found = due(registered.papers, self._sent.by_raw[each.payload])
                assert found.waits, "it waits for nothing"

    def _batch(self, payload: bytes) -> Batch:
        """Return the batch that a message was once, whatever was taken out of it."""
        header = fnb1.peek(payload)
        return self._sent.by_number[header.collector_id, header.batch_seq]


def _numbers(span: Span) -> range:
    assert span.first_seq is not None, "no collector loses its count"
    assert span.last_seq is not None, "no collector loses its count"
    return range(span.first_seq, span.last_seq + 1)
