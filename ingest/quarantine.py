"""
Quarantine: frames of meters, and messages of collectors, that the registry does not know yet.

They are dead letters like others until the registry changes. Then they are read again as if they
had just come, by the time at which they came, so that nothing is lost that was sent between the
day a meter was hung up and the day its papers arrived.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from ingest import codecs, counting
from ingest.again import Restored, store_again
from ingest.assembly import LETTERS_MAX, Assembled, Roster, assemble
from ingest.channels import ChannelIndex
from ingest.codecs import fnb1
from ingest.late import VeeHorizon
from ingest.sequence import Seen
from ingest.tags import TagCheck
from ingest.trailers import TrailerCheck
from mdms.domain.errors import RejectReason
from mdms.ports.clock import Clock
from mdms.ports.messages import Envelope, Rejected
from mdms.ports.quarantine import Letter
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from mdms.telemetry import metrics

_AT_ONCE_MAX: Final = 5_000
"""Letters per transaction; as many frames as ten full messages have."""
_ONCE_MORE_AFTER: Final = timedelta(seconds=60)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of letters that were read again."""

    letter_count: int = 0
    cured_count: int = 0
    restored: Restored = field(default_factory=Restored)

    def __add__(self, other: "Replayed") -> "Replayed":
        return Replayed(
            self.letter_count + other.letter_count,
            self.cured_count + other.cured_count,
            self.restored + other.restored,
        )


class Quarantine:
    """
    Reads letters again when the registry has changed.

    Args:
        unit_of_work: Opens a transaction.
        clock: What time it is.
        horizon: How far VEE has come.
        tags: Checks meters' tags; None where no keys are known.
        trailers: Checks collectors' trailers; None where no keys are known.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        clock: Clock,
        horizon: VeeHorizon,
        *,
        tags: TagCheck | None = None,
        trailers: TrailerCheck | None = None,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._horizon = horizon
        self._tags = tags
        self._trailers = trailers or TrailerCheck({})
        self._due_at = _looks(clock.now())

    def wake(self) -> None:
        """
        Look again: the registry has changed, or may have before we came.

        And once more a little later, for what is being refused just now by the registry as it was.
        """
        self._due_at = _looks(self._clock.now())

    async def run_due(self, now: datetime) -> Replayed:
        """
        Read letters again if there is a reason to.

        Raises:
            UnavailableError: The database is away; what was not read again is so later.
        """
        if not any(due_at <= now for due_at in self._due_at):
            return Replayed()
        replayed = await self.replay()
        self._due_at = [due_at for due_at in self._due_at if due_at > now]
        return replayed

    async def listed(self) -> list[dict[str, Any]]:
        """Return what waits, by sender, as plain values; the newest arrivals first."""
        async with self._unit_of_work() as work:
            groups = await work.quarantine.groups()
        return [
            {
                "reason": group.reason.value,
                "radio_id": group.radio_id,
                "collector_id": group.collector_id,
                "letters": group.letter_count,
                "first_at": group.first_at.isoformat(),
                "last_at": group.last_at.isoformat(),
            }
            for group in groups
        ]

    async def measure(self) -> None:
        """Tell the metrics how much waits."""
        async with self._unit_of_work() as work:
            metrics.INGEST_QUARANTINED.set(await work.quarantine.waiting_count())

    async def replay(self) -> Replayed:
        """
        Read every letter again whose sender the registry knows by now.

        Raises:
            UnavailableError: The database is away; each transaction before that stands.
        """
        async with self._unit_of_work() as work:
            table = await work.registry.channels()
            roster = Roster(ChannelIndex(table), await work.registry.collector_ids())
        done, after_id = Replayed(), 0
        while True:
            async with self._unit_of_work() as work:
                letters = await work.quarantine.curable(after_id, _AT_ONCE_MAX)
                if not letters:
                    break
                done += await self._read_again(work, letters, roster)
                after_id = letters[-1].letter_id
        if done.letter_count:
            metrics.INGEST_REPLAYED.inc(done.cured_count)
            log.info("ingest.quarantine.replayed", letter_count=done.letter_count,
                     cured_count=done.cured_count,
                     interval_count=done.restored.interval_count)  # fmt: skip
        return done

    async def _read_again(
        self, work: UnitOfWork, letters: Sequence[Letter], roster: Roster
    ) -> Replayed:
        restored, refused = Restored(), dict[int, Rejected]()
        recorded_at = self._clock.now()
        for envelope, received_at, ids in _envelopes(letters):
            assembled = assemble(
                [envelope],
                roster,
                {},
                received_at=received_at,
                recorded_at=recorded_at,
                tags=self._tags,
                # A frame by itself came in a message that was believed.
                trailers=self._trailers if None in ids else None,
            )
            if None in ids:
                await _keep_message(work, assembled, recorded_at)
            # Frames that a whole message brings get letters of their own.
            refused |= {
                ids[each.frame_index]: each
                for each in assembled.rejected
                if each.frame_index in ids
            }
            restored += await store_again(work, assembled, self._horizon)
        cured = [each.letter_id for each in letters if each.letter_id not in refused]
        await work.quarantine.cured(cured, recorded_at)
        # Most wait for long, and nothing is said of them that was not said before.
        known = {each.letter_id: _verdict(each.rejected) for each in letters}
        news = {key: each for key, each in refused.items() if _verdict(each) != known[key]}
        await work.quarantine.still_refused(news)
        return Replayed(len(letters), len(cured), restored)


def _looks(since: datetime) -> list[datetime]:
    return [since, since + _ONCE_MORE_AFTER]


def _verdict(letter: Rejected) -> tuple[RejectReason, str, bytes]:
    return letter.reason, letter.detail, letter.payload


async def _keep_message(work: UnitOfWork, assembled: Assembled, at: datetime) -> None:
    """Store what only whole messages bring: themselves, answers, their number."""
    await work.messages.record(assembled.messages)
    if assembled.answers:
        await work.controls.receive(assembled.answers)
    of_messages = [each for each in assembled.counted if isinstance(each, Seen)]
    await counting.count(work.gaps, of_messages, at)
    await work.messages.reject([r for r in assembled.rejected if r.frame_index is not None])


def _envelopes(
    letters: Sequence[Letter],
) -> Iterator[tuple[Envelope, datetime, Mapping[int | None, int]]]:
    """Yield messages to read again, when they came, and whose letter each frame is."""
    frames = defaultdict[tuple[str, datetime, int], list[Letter]](list)
    for letter in letters:
        said = letter.rejected
        if said.frame_index is None or said.schema_id is None:
            yield Envelope(said.topic, said.payload), said.received_at, {None: letter.letter_id}
        else:
            frames[said.topic, said.received_at, said.schema_id].append(letter)
    for (topic, received_at, schema_id), all_of_them in frames.items():
        arrival = codecs.arrival(topic, received_at)
        # No more at once than have letters of their own when they are refused again.
        for first in range(0, len(all_of_them), LETTERS_MAX):
            some = all_of_them[first : first + LETTERS_MAX]
            payload = fnb1.together([each.rejected.payload for each in some], schema_id, arrival)
            ids: Mapping[int | None, int] = {i: each.letter_id for i, each in enumerate(some)}
            yield Envelope(topic, payload), received_at, ids
