"""Outages as they are stored in meters' own reports, and direct signs of tampering."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from mdms.domain.events import EventCode
from mdms.domain.readings import Bool, Int64, rule_bit
from mdms.domain.time import Period, from_epoch_s, local_midnight, to_epoch_s
from mdms.ports.clock import Clock
from mdms.ports.grid import MeterReport, PowerReport, ServedMeter, SwitchOpening
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from vee.grid.interruptions import (
    NOT_YET_S,
    Interruptions,
    PowerReports,
    interruptions,
    while_closed,
)
from vee.grid.outages import NO_DEVICE, Device, Network, Outage, outages
from vee.grid.reliability import reliability
from vee.grid.rules import OutageRules, SignRules
from vee.grid.signs import Evidence, Sign, repeated, suspicions, tampered_alone

_SIGN_OF_RULE = {
    29: Sign.USAGE_WHILE_OPEN,
    30: Sign.USAGE_WITHOUT_ACCOUNT,
    31: Sign.REVERSE_ENERGY,
}
_V25 = rule_bit(25)
_REPORTED = (
    EventCode.LOAD_SIDE_VOLTAGE,
    EventCode.REVERSE_ENERGY,
    EventCode.TAMPER,
    EventCode.TILT,
    EventCode.BACKFLOW,
)


class GridService:
    """
    What meters tell about the grid; nothing is kept, every answer is worked out anew.

    Args:
        unit_of_work: Opens a transaction.
        clock: How long what lasts has lasted.
        zone: Where local days begin.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock, zone: ZoneInfo) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._zone = zone
        self._outage_rules = OutageRules()
        self._sign_rules = SignRules()

    async def outages(self, period: Period) -> dict[str, Any]:
        """Return what failed in a period, in order of time, and its reliability indices."""
        async with self._unit_of_work() as work:
            past = await _load(work, period, self._clock.now(), self._outage_rules)
        found = past.outages(self._outage_rules)
        lengths = past.lengths_s(found, self._outage_rules)
        served = len(past.meters)
        indices = asdict(reliability(lengths, served, self._outage_rules)) if served else None
        return {"outages": [past.plain(each) for each in found], "indices": indices}

    async def suspicions(self, first: date, last: date) -> list[dict[str, Any]]:
        """Return meters with direct signs of tampering on local days, the most points first."""
        period = Period.of_days(first, last, self._zone)
        rules = self._sign_rules
        async with self._unit_of_work() as work:
            past = await _load(work, period, self._clock.now(), self._outage_rules)
            flags = sum(rule_bit(rule) for rule in _SIGN_OF_RULE)
            flagged = await work.grid.flagged_days(first, last, flags)
            idle = await work.grid.idle_but_occupied(
                first, last, _V25, used_min=rules.occupied_wh_min
            )
            answered = await work.grid.voltage_behind_open_switches(period)
            reports = await work.grid.reports(period, _REPORTED)
        signs = _Signs()
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


@dataclass(frozen=True, slots=True)
class _Past:
    """Interruptions of a period, and what feeds whom."""

    meters: Sequence[ServedMeter]
    transformers: Sequence[str]
    feeders: Sequence[str]
    network: Network
    found: Interruptions
    now_s: int

    def outages(self, rules: OutageRules) -> list[Outage]:
        return outages(self.found, self.network, rules, now_s=self.now_s)

    def alone(self, rules: OutageRules) -> list[tuple[str, int]]:
        """Return meters whose power failed while their neighbours had some, and when."""
        return [
            (self.meters[each.number].badge, each.from_s)
            for each in self.outages(rules)
            if each.device is Device.SERVICE
        ]

    def silent(self, outage: Outage) -> Int64:
        """Return the meters behind a transformer that is OUT which said nothing themselves."""
        behind = np.flatnonzero(np.isin(self.network.transformer, outage.transformers))
        return np.setdiff1d(behind, self.found.meter[outage.rows])

    def lengths_s(self, found: Sequence[Outage], rules: OutageRules) -> Int64:
        """
        Return how long each customer's interruptions were.

        Of a meter behind a transformer that is OUT which said nothing it is the median of those
        that did.
        """
        own = self.found.length_s(self.now_s)
        silent = [
            np.full(len(self.silent(each)), int(np.median(own[each.rows])), np.int64)
            for each in found
            if each.device is not Device.SERVICE
        ]
        blinks = own[own <= rules.out_after_s]
        return np.concatenate([*(own[each.rows] for each in found), *silent, blinks])

    def plain(self, outage: Outage) -> dict[str, Any]:
        reported = len(np.unique(self.found.meter[outage.rows]))
        lasts = outage.until_s == NOT_YET_S
        length_s = min(outage.until_s, self.now_s) - outage.from_s
        name = {
            Device.SERVICE: [each.badge for each in self.meters],
            Device.TRANSFORMER: self.transformers,
            Device.FEEDER: self.feeders,
        }[outage.device][outage.number]
        return {
            "device": outage.device.value,
            "name": name,
            "transformers": [self.transformers[number] for number in outage.transformers],
            "from": from_epoch_s(outage.from_s).isoformat(),
            "until": None if lasts else from_epoch_s(outage.until_s).isoformat(),
            "minutes": round(length_s / 60, 1),
            "customers": reported + len(self.silent(outage)),
            "reported": reported,
        }


async def _load(work: UnitOfWork, period: Period, now: datetime, rules: OutageRules) -> _Past:
    """Return the interruptions that began in a period, each to its end where that is known."""
    until = Period(period.start_utc, max(now, period.end_utc))
    meters = await work.grid.served(min(now, period.end_utc))
    row_of = {each.badge: row for row, each in enumerate(meters)}
    reports = [each for each in await work.grid.power_reports(until) if each.badge in row_of]
    openings = [each for each in await work.grid.openings(until) if each.badge in row_of]
    found = interruptions(_reports(reports, row_of))
    found = found.take(found.from_s < period.end_s).take(
        found.from_s[found.from_s < period.end_s] >= period.start_s
    )
    lasting = np.flatnonzero(found.lasting)
    settle = timedelta(seconds=rules.out_after_s)
    heard = await work.grid.heard_after(
        [
            (meters[meter].badge, from_epoch_s(from_s) + settle)
            for meter, from_s in zip(
                found.meter[lasting].tolist(), found.from_s[lasting].tolist(), strict=True
            )
        ]
    )
    again_s = {row_of[badge]: to_epoch_s(at) for badge, at in heard}
    found.until_s[lasting] = [
        again_s.get(meter, NOT_YET_S) for meter in found.meter[lasting].tolist()
    ]
    now_s = to_epoch_s(now)
    network, transformers, feeders = _network(meters, _open_now(openings, row_of, len(meters)))
    return _Past(meters, transformers, feeders, network, _closed(found, openings, row_of), now_s)


def _reports(reports: Sequence[PowerReport], row_of: dict[str, int]) -> PowerReports:
    return PowerReports(
        meter=np.array([row_of[each.badge] for each in reports], np.int64),
        at_s=np.array([to_epoch_s(each.at) for each in reports], np.int64),
        restored=np.array([each.restored for each in reports], np.bool_),
        dark_s=np.array([each.dark_s for each in reports], np.int64),
    )


def _closed(
    found: Interruptions, openings: Sequence[SwitchOpening], row_of: dict[str, int]
) -> Interruptions:
    return while_closed(
        found,
        np.array([row_of[each.badge] for each in openings], np.int64),
        np.array([to_epoch_s(each.from_at) for each in openings], np.int64),
        np.array(
            [
                NOT_YET_S if each.until_at is None else to_epoch_s(each.until_at)
                for each in openings
            ],
            np.int64,
        ),
    )


def _open_now(openings: Sequence[SwitchOpening], row_of: dict[str, int], meters: int) -> Bool:
    is_open = np.zeros(meters, np.bool_)
    is_open[[row_of[each.badge] for each in openings if each.until_at is None]] = True
    return is_open


def _network(
    meters: Sequence[ServedMeter], is_open: Bool
) -> tuple[Network, Sequence[str], Sequence[str]]:
    feeder_of = {each.transformer_id: each.feeder_id for each in meters if each.transformer_id}
    transformers = sorted(feeder_of)
    feeders = sorted(set(feeder_of.values()))
    row = {name: number for number, name in enumerate(transformers)}
    feeder_row = {name: number for number, name in enumerate(feeders)}
    reporting = np.array([each.is_reporting for each in meters], np.bool_) & ~is_open
    network = Network(
        transformer=np.array(
            [row.get(each.transformer_id, NO_DEVICE) for each in meters], np.int64
        ),
        reporting=reporting,
        feeder=np.array([feeder_row[feeder_of[name]] for name in transformers], np.int64),
    )
    return network, transformers, feeders


class _Signs:
    """Evidence with badges as rows."""

    def __init__(self) -> None:
        self.badges: list[str] = []
        self.evidence: list[Evidence] = []
        self._row_of: dict[str, int] = {}

    def add(self, sign: Sign, found: Sequence[tuple[str, datetime]]) -> None:
        """Add where a test was true."""
        meter = self._rows([badge for badge, _ in found])
        at_s = np.array([to_epoch_s(at) for _, at in found], np.int64)
        self.evidence.append(Evidence(sign, meter, at_s))

    def add_reports(
        self, reports: Sequence[MeterReport], alone: Sequence[tuple[str, int]], rules: SignRules
    ) -> None:
        """Add what meters reported; `alone` are power failures of one meter only."""
        of = {code: [each for each in reports if each.code is code] for code in _REPORTED}
        self.add(Sign.USAGE_WHILE_OPEN, _when(of[EventCode.LOAD_SIDE_VOLTAGE]))
        reverse = [each for each in of[EventCode.REVERSE_ENERGY] if not each.net_metering]
        self.add(Sign.REVERSE_ENERGY, _when(reverse))
        tampers = _when([*of[EventCode.TAMPER], *of[EventCode.TILT]])
        meter = self._rows([badge for badge, _ in tampers])
        at_s = np.array([to_epoch_s(at) for _, at in tampers], np.int64)
        failed = self._rows([badge for badge, _ in alone])
        failed_s = np.array([from_s for _, from_s in alone], np.int64)
        near = tampered_alone(meter, at_s, failed, failed_s, rules)
        self.evidence.append(Evidence(Sign.TAMPER_AND_POWER_FAIL, meter[near], at_s[near]))
        flows = _when(of[EventCode.BACKFLOW])
        meter = self._rows([badge for badge, _ in flows])
        often = repeated(meter, rules.reverse_flows_min)
        at_s = np.array([to_epoch_s(at) for _, at in flows], np.int64)
        self.evidence.append(Evidence(Sign.WATER, meter[often], at_s[often]))

    def _rows(self, badges: Sequence[str]) -> Int64:
        for badge in badges:
            if badge not in self._row_of:
                self._row_of[badge] = len(self.badges)
                self.badges.append(badge)
        return np.array([self._row_of[badge] for badge in badges], np.int64)


def _when(reports: Sequence[MeterReport]) -> list[tuple[str, datetime]]:
    return [(each.badge, each.at) for each in reports]
