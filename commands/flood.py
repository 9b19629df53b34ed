"""
An alarm for more opens than anybody may have asked for honestly.

Budgets pace what is signed, whoever asks, and the signer holds them against anybody. This tells
people at once that more opens were asked for within a day than a day's budget lets through.
"""

from datetime import datetime

import structlog

from commands.judgement import Judge
from mdms.policy.budgets import DAY
from mdms.policy.tables import TableError
from mdms.ports.unit_of_work import UnitOfWork
from mdms.telemetry import metrics

log = structlog.get_logger()


class Flood:
    """
    Watches how many opens were asked for.

    Args:
        judge: Knows the budgets.
    """

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._alarmed = False

    async def look(self, work: UnitOfWork, now: datetime) -> None:
        """Count, and raise the alarm on the first one too many."""
        try:
            most = self._judge.rules(now).budgets.per_day
        except TableError:
            return  # without rules nothing is opened
        by_whom = await work.controls.opens_asked(now - DAY)
        asked = sum(by_whom.values())
        metrics.COMMAND_OPENS_ASKED.set(asked)
        metrics.COMMAND_OPENS_FLOOD.set(asked > most)
        if asked > most and not self._alarmed:
            log.error("command.opens.flood", asked=asked, per_day=most, by=dict(by_whom))
        self._alarmed = asked > most
