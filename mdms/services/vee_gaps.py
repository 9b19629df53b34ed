"""Everything that is looked up only for channels with something missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Self
from zoneinfo import ZoneInfo

import numpy as np

from mdms.domain.readings import Bool
from mdms.domain.registry import ChannelTable
from mdms.ports.unit_of_work import UnitOfWork
from mdms.services.customer_rules import CustomerBook
from mdms.services.outdoors import OUTDOOR_MEAN, means_f
from mdms.services.vee_checks import CHECK_METER, CheckLoader, Stay, stays_of
from mdms.services.vee_dials import DialLoader
from mdms.services.vee_kinds import Kinds
from mdms.services.vee_scarce import ScarceLoader
from vee.block import Block
from vee.context import ELECTRIC, GAS
from vee.evidence import Evidence
from vee.kernels.gaps import Float
from vee.rules import RuleSet


@dataclass(frozen=True, slots=True)
class GapFacts:
    """
    What was stated that may help to fill gaps; looked up once for a whole run.

    Attributes:
        book: Which hours time-of-use registers count; None: nobody said.
        known_at: Statements that were known then count.
        stays: Second meters of usage points.
        means_f: How warm days were [degrees F].
        silent_days: Of mass events: nothing is estimated there but between registers.
        kinds: Which channels are alike.
    """

    book: CustomerBook | None
    known_at: datetime
    stays: Mapping[str, Sequence[Stay]]
    means_f: Mapping[date, float]
    silent_days: frozenset[date]
    kinds: Kinds

    @classmethod
    async def load(
        cls,
        work: UnitOfWork,
        zone: ZoneInfo,
        book: CustomerBook | None,
        known_at: datetime,
        *,
        silent_days: frozenset[date],
        table: ChannelTable,
    ) -> Self:
        """Look up what was stated by an instant; alike can be channels of this table."""
        stated = await work.facts.stated([CHECK_METER, OUTDOOR_MEAN], known_at)
        stays, means = stays_of(stated), means_f(stated, zone)
        return cls(book, known_at, stays, means, silent_days, Kinds(table))

    def outdoor_f(self, days: Sequence[date]) -> Float | None:
        """Return how warm days were, NaN where nobody said so; None where nobody ever did."""
        if not self.means_f:
            return None
        return np.array([self.means_f.get(day, np.nan) for day in days])


@dataclass(frozen=True, slots=True)
class GapLoader:
    """
    Looks up, within one transaction, what may help beside a block's own reads.

    Attributes:
        work: The transaction.
        rules: By which the block is judged.
        zone: Where the utility's days begin.
        table: Every channel of the block's interval length.
        facts: What was stated.
        as_of: Only the reads of others that were known then count; None: all.
    """

    work: UnitOfWork
    rules: RuleSet
    zone: ZoneInfo
    table: ChannelTable
    facts: GapFacts
    as_of: datetime | None = None

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
        scarce = ScarceLoader(
            self.work, self.rules, self.zone, self.table, self.facts.kinds, self.as_of
        )
        evidence = await scarce.add(block, evidence, target)
        facts, days = self.facts, block.slots.days
        dials = DialLoader(self.work, self.rules, facts.book, facts.known_at)
        evidence = await dials.add(block, table, evidence)
        checks = CheckLoader(self.work, self.rules, self.table, facts.stays, facts.known_at)
        evidence = await checks.add(block, table, evidence)
        if np.isin(block.context.commodity, (ELECTRIC, GAS)).any():
            evidence = replace(evidence, outdoor_f=facts.outdoor_f(days))
        if facts.silent_days.isdisjoint(days):
            return evidence
        silent = np.array([day in facts.silent_days for day in days], np.bool_)
        return replace(evidence, waiting=silent)
