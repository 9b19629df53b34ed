"""Outages and direct signs of tampering, from what is stored."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from mdms.domain.readings import rule_bit
from mdms.domain.time import Period, from_epoch_s, local_midnight
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services import power_past
from mdms.services.signs import REPORTED, Signs
from vee.grid.reliability import reliability
from vee.grid.rules import GridRules
from vee.grid.signs import Sign, suspicions

_SIGN_OF_RULE = {
    29: Sign.USAGE_WHILE_OPEN,
    30: Sign.USAGE_WITHOUT_ACCOUNT,
    31: Sign.REVERSE_ENERGY,
}
_V25 = rule_bit(25)


class GridService:
    """
    What meters tell about the grid; nothing is kept, every answer is worked out anew.

    Args:
        unit_of_work: Opens a transaction.
        clock: How long what lasts has lasted.
        zone: Where local days begin.
        rules: What makes an outage, and a sign of tampering.
    """

    def __init__(
        self, unit_of_work: UnitOfWorkFactory, clock: Clock, zone: ZoneInfo, rules: GridRules
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._zone = zone
        self._outage_rules = rules.outages
        self._sign_rules = rules.signs

    async def outages(self, period: Period) -> dict[str, Any]:
        """Return what failed in a period, in order of time, and its reliability indices."""
        rules = self._outage_rules
        async with self._unit_of_work() as work:
            past = await power_past.load(work, period, self._clock.now(), rules)
            found = past.outages(rules)
            asked = [past.unheard(each, rules) for each in found]
            heard = await work.grid.heard_after([pair for pairs in asked for pair in pairs])
        answered = {badge for badge, _ in heard}
        lengths = past.lengths_s(found, rules)
        served = past.served
        indices = asdict(reliability(lengths, served, rules)) if served else None
        told = [
            past.plain(each) | {"unheard": sorted({badge for badge, _ in pairs} - answered)}
            for each, pairs in zip(found, asked, strict=True)
        ]
        return {"outages": told, "indices": indices}

    async def suspicions(self, first: date, last: date) -> list[dict[str, Any]]:
        """Return meters with direct signs of tampering on local days, the most points first."""
        period = Period.of_days(first, last, self._zone)
        rules = self._sign_rules
        async with self._unit_of_work() as work:
            past = await power_past.load(work, period, self._clock.now(), self._outage_rules)
            flags = sum(rule_bit(rule) for rule in _SIGN_OF_RULE)
            flagged = await work.grid.flagged_days(first, last, flags)
            idle = await work.grid.idle_but_occupied(
                first, last, _V25, used_min=rules.occupied_wh_min
            )
            answered = await work.grid.voltage_behind_open_switches(period)
            reports = await work.grid.reports(period, REPORTED)
        signs = Signs()
        for rule, sign in _SIGN_OF_RULE.items():
            days = [each for each in flagged if each.flags & rule_bit(rule)]
            signs.add(sign, [(each.badge, self._midnight(each.local_day)) for each in days])
        signs.add(Sign.WATER, [(badge, self._midnight(day)) for badge, day in idle])
        signs.add(Sign.USAGE_WHILE_OPEN, answered)
        signs.add_reports(reports, past.alone(self._outage_rules), rules)
        return [
            {
                "meter": signs.badges[each.meter],
                "points": each.points,
                "case": each.is_case,
                "signs": ", ".join(f"{sign.value} {sign.name.lower()}" for sign in each.signs),
                "from": from_epoch_s(each.from_s).isoformat(),
                "last": from_epoch_s(each.last_s).isoformat(),
            }
            for each in suspicions(signs.evidence, rules)
        ]

    def _midnight(self, day: date) -> datetime:
        return local_midnight(day, self._zone)
