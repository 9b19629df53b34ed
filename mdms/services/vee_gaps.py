"""Everything that is looked up only for channels with something missing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np

from mdms.domain.readings import Bool
from mdms.domain.registry import ChannelTable
from mdms.ports.unit_of_work import UnitOfWork
from mdms.services.customer_rules import CustomerBook
from mdms.services.outdoors import outdoor_means_f
from mdms.services.vee_checks import CheckLoader
from mdms.services.vee_dials import DialLoader
from mdms.services.vee_scarce import ScarceLoader
from vee.block import Block
from vee.context import GAS
from vee.evidence import Evidence
from vee.kernels.gaps import Float
from vee.rules import RuleSet


@dataclass(frozen=True, slots=True)
class GapLoader:
    """
    Looks up, within one transaction, what may help beside a block's own reads.

    Attributes:
        work: The transaction.
        rules: By which the block is judged.
        zone: Where the utility's days begin.
        table: Every channel of the block's interval length.
        book: Which hours time-of-use registers count; None: nobody said.
        known_at: Statements that were known then count.
        as_of: And only the reads of others that were; None: all.
        silent_days: Of mass events: nothing is estimated there but between registers.
    """

    work: UnitOfWork
    rules: RuleSet
    zone: ZoneInfo
    table: ChannelTable
    book: CustomerBook | None
    known_at: datetime
    as_of: datetime | None = None
    silent_days: frozenset[date] = frozenset()

    async def add(
        self, block: Block, table: ChannelTable, evidence: Evidence, target: Bool
    ) -> Evidence:
        """
        Return the evidence of a block with all that was found.

        Args:
            block: Reads of the channels.
            table: Their installations.
            evidence: What is known already.
            target: Channel-days that are judged, shape (channels, days).
        """
        scarce = ScarceLoader(self.work, self.rules, self.zone, self.table, self.as_of)
        evidence = await scarce.add(block, evidence, target)
        dials = DialLoader(self.work, self.rules, self.book, self.known_at)
        evidence = await dials.add(block, table, evidence)
        checks = CheckLoader(self.work, self.rules, self.table, self.known_at)
        evidence = await checks.add(block, table, evidence)
        if (block.context.commodity == GAS).any():
            evidence = replace(evidence, outdoor_f=await self._outdoor_f(block.slots.days))
        if self.silent_days.isdisjoint(block.slots.days):
            return evidence
        silent = np.array([day in self.silent_days for day in block.slots.days], np.bool_)
        return replace(evidence, waiting=silent)

    async def _outdoor_f(self, days: Sequence[date]) -> Float | None:
        means = await outdoor_means_f(self.work, self.zone, self.known_at)
        return np.array([means.get(day, np.nan) for day in days]) if means else None
