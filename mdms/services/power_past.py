"""When meters had no power in a period, and what that says of what feeds them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from mdms.domain.readings import Bool, Int64
from mdms.domain.time import Period, from_epoch_s, to_epoch_s
from mdms.ports.grid import PowerReport, ServedMeter, SwitchOpening
from mdms.ports.unit_of_work import UnitOfWork
from vee.grid.interruptions import (
    NOT_YET_S,
    Interruptions,
    PowerReports,
    interruptions,
    while_closed,
)
from vee.grid.outages import NO_DEVICE, Device, Network, Outage, outages
from vee.grid.rules import OutageRules


@dataclass(frozen=True, slots=True)
class PowerPast:
    """
    Interruptions of a period, and what feeds whom.

    Attributes:
        meters: Electric meters that are in place, by badge.
        is_open: Whose switch was open when the period ended: they are not served, shape (meters,).
        transformers: Names, by their rows.
        feeders: Names, by their rows.
        network: Which feeds which.
        found: Interruptions that began in the period, behind closed switches.
        now_s: Up to when they have lasted.
    """

    meters: Sequence[ServedMeter]
    is_open: Bool
    transformers: Sequence[str]
    feeders: Sequence[str]
    network: Network
    found: Interruptions
    now_s: int

    @property
    def served(self) -> int:
        """How many customers there are to lose their power."""
        return int(np.count_nonzero(~self.is_open))

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
        behind = np.isin(self.network.transformer, outage.transformers) & ~self.is_open
        return np.setdiff1d(np.flatnonzero(behind), self.found.meter[outage.rows])

    def unheard(self, outage: Outage, rules: OutageRules) -> list[tuple[str, datetime]]:
        """
        Return the meters of an outage that may be dark in one of their own, and since when.

        Most of those that told have power again for a while; these told nothing, or no end.
        """
        if outage.device is Device.SERVICE:
            return []
        ends = np.sort(self.found.until_s[outage.rows])
        back_s = int(ends[len(ends) // 2])
        if back_s + rules.ping_after_s > self.now_s:
            return []
        dark = self.found.meter[outage.rows[self.found.lasting[outage.rows]]]
        quiet = np.union1d(self.silent(outage), dark)
        quiet = quiet[self.network.reporting[quiet]]
        return [(self.meters[row].badge, from_epoch_s(back_s)) for row in quiet.tolist()]

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


async def load(work: UnitOfWork, period: Period, now: datetime, rules: OutageRules) -> PowerPast:
    """Return the interruptions that began in a period, each to its end where that is known."""
    until = Period(period.start_utc, max(now, period.end_utc))
    served_at = min(now, period.end_utc)
    meters = await work.grid.served(served_at)
    row_of = {each.badge: row for row, each in enumerate(meters)}
    every = await work.grid.power_reports(until, served_at=served_at)
    reports = [each for each in every if each.badge in row_of]
    openings = [each for each in await work.grid.openings(until) if each.badge in row_of]
    found = interruptions(_reports(reports, row_of))
    found = found.take((found.from_s >= period.start_s) & (found.from_s < period.end_s))
    found = await _ended_where_heard(work, found, meters, rules)
    is_open = _open_at(openings, row_of, len(meters), served_at)
    network, transformers, feeders = _network(meters, is_open)
    return PowerPast(
        meters=meters,
        is_open=is_open,
        transformers=transformers,
        feeders=feeders,
        network=network,
        found=_closed(found, openings, row_of),
        now_s=to_epoch_s(now),
    )


async def _ended_where_heard(
    work: UnitOfWork, found: Interruptions, meters: Sequence[ServedMeter], rules: OutageRules
) -> Interruptions:
    """Return the same, those that last up to the first register that was read after them."""
    lasting = np.flatnonzero(found.lasting)
    failures = [
        (meters[meter].badge, from_epoch_s(from_s + rules.out_after_s))
        for meter, from_s in zip(
            found.meter[lasting].tolist(), found.from_s[lasting].tolist(), strict=True
        )
    ]
    heard_s = {badge: to_epoch_s(at) for badge, at in await work.grid.heard_after(failures)}
    until_s = found.until_s.copy()
    until_s[lasting] = [heard_s.get(badge, NOT_YET_S) for badge, _ in failures]
    return replace(found, until_s=until_s)


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


def _open_at(
    openings: Sequence[SwitchOpening], row_of: dict[str, int], meters: int, at: datetime
) -> Bool:
    is_open = np.zeros(meters, np.bool_)
    is_open[
        [
            row_of[each.badge]
            for each in openings
            if each.from_at < at and (each.until_at is None or each.until_at >= at)
        ]
    ] = True
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
