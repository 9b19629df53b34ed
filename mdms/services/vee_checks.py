"""Second meters at the same point, whose values stand in for what is missing (K1); vee.md 4.1."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import numpy as np

from mdms.domain.facts import ABSENT, CisFact
from mdms.domain.registry import STILL_INSTALLED_S, ChannelTable
from mdms.domain.time import Period, from_epoch_s, to_epoch_s
from mdms.ports.unit_of_work import UnitOfWork
from vee import gridding
from vee.block import Block
from vee.evidence import CheckChannel, Evidence
from vee.examination import examine
from vee.rules import RuleSet

CHECK_METER: Final = "check_meter"
"""Fact of a usage point: the badge of a second meter that measures the same."""


@dataclass(frozen=True, slots=True)
class CheckLoader:
    """
    Looks up, within one transaction, what second meters measured.

    Attributes:
        work: The transaction.
        rules: By which their values are judged before any is copied.
        table: Every channel of the blocks' interval length.
        stays: Second meters of usage points.
        known_at: As known then.
    """

    work: UnitOfWork
    rules: RuleSet
    table: ChannelTable
    stays: Mapping[str, Sequence["Stay"]]
    known_at: datetime

    async def add(self, block: Block, table: ChannelTable, evidence: Evidence) -> Evidence:
        """Return the evidence of a block with its check channels, where any were stated."""
        seconds = self._seconds(block, table) if self.stays else []
        if not seconds:
            return evidence
        ids = np.unique([each.check_id for each in seconds])
        slots, known_at = block.slots, self.known_at
        align = timedelta(seconds=self.rules.bookend.align_s)
        span = Period(from_epoch_s(int(slots.start_s[0])), from_epoch_s(slots.end_s))
        edges = Period(span.start_utc - align, span.end_utc + align)
        readings, listed = self.work.readings, ids.tolist()
        second, _ = gridding.grid(
            self.table.take(np.isin(self.table.channel_id, ids)),
            slots,
            await readings.intervals(span, channel_ids=listed, as_of=known_at),
            await readings.registers(edges, channel_ids=listed, as_of=known_at),
            self.rules,
        )
        sound = examine(second, self.rules).anchor
        shape = block.value.shape
        check = CheckChannel(
            np.zeros(shape, np.int64), np.zeros(shape, np.bool_), np.zeros(shape, np.int32)
        )
        for each in seconds:
            other = int(np.searchsorted(ids, each.check_id))
            within = (slots.start_s >= each.from_s) & (slots.start_s < each.until_s)
            check.value[each.row, within] = second.value[other, within]
            check.valid[each.row, within] = sound[other, within]
            check.channel_id[each.row, within] = each.check_id
        return replace(evidence, check=check)

    def _seconds(self, block: Block, table: ChannelTable) -> list["_Second"]:
        """Return the check channels of a block's channels: of the same quantity and length."""
        named = {
            (str(badge), str(kind)): int(channel_id)
            for badge, kind, channel_id in zip(
                self.table.badge, self.table.reading_type, self.table.channel_id, strict=True
            )
        }
        places = zip(
            table.channel_id.tolist(), table.usage_point_id, table.reading_type, strict=True
        )
        found = {
            (channel_id, stay): named.get((stay.badge, str(kind)))
            for channel_id, point, kind in places
            for stay in self.stays.get(str(point), ())
        }
        return [
            _Second(
                int(np.searchsorted(block.channel_id, channel_id)),
                check_id,
                stay.from_s,
                stay.until_s,
            )
            for (channel_id, stay), check_id in found.items()
            if check_id is not None and check_id != channel_id
        ]


class Stay(NamedTuple):
    """A second meter at a usage point, and how long it measures the same [s]."""

    badge: str
    from_s: int
    until_s: int


class _Second(NamedTuple):
    """A check channel beside a row of a block, and how long [s]."""

    row: int
    check_id: int
    from_s: int
    until_s: int


def stays_of(stated: Sequence[CisFact]) -> Mapping[str, Sequence[Stay]]:
    """Return the second meters of usage points; each statement holds until the next one does."""
    said: dict[str, dict[int, str]] = {}
    for fact in stated:
        if fact.fact != CHECK_METER:
            continue
        said.setdefault(fact.subject_id, {})[to_epoch_s(fact.effective_at)] = fact.value
    found: dict[str, list[Stay]] = {}
    for point, values in said.items():
        since = sorted(values)
        for from_s, until_s in zip(since, [*since[1:], STILL_INSTALLED_S], strict=True):
            if values[from_s] != ABSENT.value:
                found.setdefault(point, []).append(Stay(values[from_s], from_s, until_s))
    return found
