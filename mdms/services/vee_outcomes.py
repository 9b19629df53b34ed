"""What became of a block is stored: new versions, the outcome of each day, exceptions."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise

import numpy as np

from mdms.domain.readings import Bool, Int32, Status
from mdms.domain.registry import ChannelTable
from mdms.domain.time import Period, from_epoch_s, to_epoch_us
from mdms.ports.unit_of_work import UnitOfWork
from mdms.ports.vee import VeeDay, VeeException
from mdms.services.vee_urgent import urgent
from mdms.telemetry import metrics
from vee import gridding
from vee.amend import Amended, Stored
from vee.examination import Examination
from vee.findings import findings
from vee.rules import RuleSet
from vee.tally import Tally, tally

_OUTCOMES = {
    "validated": Status.VALIDATED,
    "derived": Status.DERIVED,
    "estimated": Status.ESTIMATED,
    "final": Status.FINAL_ESTIMATE,
    "held": Status.SUSPECT,
}

_COUNTED = ("expected", "actual", "estimated", "missing", "held", "flags", "peak", "usage")
"""What a `VeeDay` takes from a tally, in its order."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """
    What the pure core made of a block.

    Attributes:
        found: The block, examined.
        stored: What is stored of it.
        amended: What it ought to be.
        counts: What that makes of each day.
        target: Channel-days that were judged, shape (channels, days).
        deferred: Channels that need a wider stage: nothing was decided about them.
        loaded_at: When all of it had been loaded.
    """

    found: Examination
    stored: Stored
    amended: Amended
    counts: Tally
    target: Bool
    deferred: Int32
    loaded_at: datetime

    @classmethod
    def of(
        cls,
        found: Examination,
        stored: Stored,
        amended: Amended,
        rules: RuleSet,
        *,
        target: Bool,
        deferred: Int32,
        loaded_at: datetime,
    ) -> "Judgement":
        """Count what became of the days, which these rules judged."""
        counts = tally(found, amended, rules)
        return cls(found, stored, amended, counts, target, deferred, loaded_at)


@dataclass(slots=True)
class Outcomes:
    """
    Appends what was judged, within one transaction.

    Attributes:
        work: The transaction.
        rules: What was judged by.
        table: Installations of channels of the block's interval length.
        versions: Interval versions appended so far.
        exceptions: Exceptions raised so far.
    """

    work: UnitOfWork
    rules: RuleSet
    table: ChannelTable
    versions: int = field(default=0, init=False)
    exceptions: int = field(default=0, init=False)

    async def append(self, judgement: Judgement) -> None:
        """Store new versions, outcomes of days and exceptions."""
        found, amended, recorded_at = judgement.found, judgement.amended, judgement.loaded_at
        block = found.block
        versions = gridding.versions(block, amended, recorded_us=to_epoch_us(recorded_at))
        if len(versions):
            await self.work.readings.append_versions(versions)
            self.versions += len(versions)
        touched = np.logical_or.reduceat(amended.changed, block.slots.first[:-1], axis=1)
        concerned = judgement.target | touched
        if not concerned.any():
            return
        judged, new = await self._days(judgement, concerned)
        await self.work.vee.append_days(new)
        listed = findings(found, amended, judged)
        raised = [
            VeeException(
                channel_id=int(block.channel_id[finding.channel]),
                local_day=block.slots.days[finding.day],
                rule=finding.rule,
                severity=finding.severity,
                detail=finding.detail,
                opened_at=recorded_at,
            )
            for finding in listed
        ]
        rows, columns = np.nonzero(judged)
        days = [block.slots.days[column] for column in columns.tolist()]
        await self.work.vee.replace_exceptions(
            zip(block.channel_id[rows].tolist(), days, strict=True), raised, recorded_at
        )
        self.exceptions += len(raised)
        _count(judgement)
        if events := urgent(
            found, amended, listed, table=self.table, rules=self.rules, noticed_at=recorded_at
        ):
            metrics.VEE_USAGE_WHILE_OPEN.inc(await self.work.events.append(events))

    async def _days(self, judgement: Judgement, concerned: Bool) -> tuple[Bool, list[VeeDay]]:
        """
        Return the channel-days that have an outcome now, and the outcomes that are new.

        A day beside the target whose estimates changed gets a new outcome if it had one; an open
        day waits for its night. So does a day on which nothing is expected any more, because its
        meter was taken away before; one on which nothing ever was has none.
        """
        block, counts = judgement.found.block, judgement.counts
        days = block.slots.days
        at = channels, columns = np.nonzero(concerned)
        known = await self.work.vee.days(
            days[columns.min()],
            days[columns.max()],
            channel_ids=block.channel_id[np.unique(channels)].tolist(),
        )
        before = {(day.channel_id, day.local_day): day for day in known}
        judged, rows = np.zeros_like(concerned), []
        unsure: list[tuple[VeeDay, VeeDay]] = []
        listed = zip(
            *(axis.tolist() for axis in at),
            block.channel_id[channels].tolist(),
            judgement.target[at].tolist(),
            counts.sound[at].tolist(),
            zip(*(getattr(counts, name)[at].tolist() for name in _COUNTED), strict=True),
            strict=True,
        )
        for channel, column, channel_id, wanted, sound, (*counted, peak, usage) in listed:
            day = days[column]
            old = before.get((channel_id, day))
            if old is None and not (wanted and counted[0]):
                continue
            judged[channel, column] = True
            new = VeeDay(
                channel_id,
                day,
                0 if old is None else old.version + 1,
                judgement.loaded_at,
                self.rules.hash,
                *counted,
                *((peak, usage) if sound else (None, None)),
            )
            if old is None or _differs(old, new):
                rows.append(new)
            elif judgement.stored.newest_us[channel, column] > to_epoch_us(old.recorded_at):
                unsure.append((old, new))
        return judged, rows + await self._vouching(judgement, unsure)

    async def _vouching(
        self, judgement: Judgement, unsure: list[tuple[VeeDay, VeeDay]]
    ) -> list[VeeDay]:
        """Return the outcomes that say what they said and vouch for reads that came since."""
        if not unsure:
            return []
        slots = judgement.found.block.slots
        ends_s = [*slots.start_s[slots.first[:-1]].tolist(), slots.end_s]
        periods = {
            day: Period(from_epoch_s(start_s), from_epoch_s(end_s))
            for day, (start_s, end_s) in zip(slots.days, pairwise(ends_s), strict=True)
        }
        newest = await self.work.readings.newest_known(
            [(old.channel_id, periods[old.local_day]) for old, _ in unsure],
            as_of=judgement.loaded_at,
        )
        return [
            new
            for (old, new), known_at in zip(unsure, newest, strict=True)
            if known_at is not None and known_at > old.recorded_at
        ]


def _count(judgement: Judgement) -> None:
    """Count what became of the target's intervals."""
    found = judgement.found
    target = np.take(judgement.target, found.block.slots.day, axis=1) & found.block.expected
    status = np.bincount(judgement.amended.status[target], minlength=256)
    metrics.VEE_CHANNEL_DAYS.inc(int(judgement.target.sum()))
    for outcome, letter in _OUTCOMES.items():
        metrics.VEE_INTERVALS.labels(outcome).inc(int(status[letter.code]))
    metrics.VEE_INTERVALS.labels("missing").inc(int(status[0]))


def _differs(old: VeeDay, new: VeeDay) -> bool:
    """Return whether an outcome says something new."""
    return replace(old, version=new.version, recorded_at=new.recorded_at) != new
