"""
What one service comes to in a bill: the parts of all its meters added up, then rounded once.

A part is exact; whole units, buckets, demand, net and therms belong to the service, because that
is what a bill has a line for (CPAU Rule 11.A: round the period's quantity once).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

from mdms.billing.channels import BilledChannel, ReadReason, ServicePeriod
from mdms.billing.demand import Demand, demand_of
from mdms.billing.determinants import billed_intervals
from mdms.billing.registers import IS_ESTIMATED_SHARE, Quality
from mdms.billing.tou import TouBuckets
from mdms.billing.units import shared_out, unrounded_units, whole_units
from mdms.billing.window import SERVICE_DAYS_MAX, SERVICE_DAYS_MIN, BillWindow
from mdms.domain.reading_types import READING_TYPES, ReadingType
from mdms.domain.readings import IntervalReads
from mdms.domain.registry import Commodity
from mdms.domain.tariff import RateSchedule, TariffRules
from mdms.domain.time import from_epoch_s
from mdms.ports.billing import BilledService, BillingDeterminant

DIRECTIONS: Final = {0: "delivered", 1: "received", 3: "reactive"}
"""Name of what a channel counts, by the low nibble of its FNB1 byte."""
_SHARE_PLACES: Final = Decimal("0.000001")
_WATTS_IN_KW: Final = 1_000
_MINUTE_S: Final = 60


class Flag(StrEnum):
    """What whoever bills a service must know: a closed set."""

    DEMAND_ESTIMATED = "DEMAND_ESTIMATED"
    """An estimate would have set the demand; what was measured did."""
    DEMAND_INCOMPLETE = "DEMAND_INCOMPLETE"
    """Likewise, and much is estimated: a person settles it."""
    ESTIMATED = "ESTIMATED"
    """A register at an end is an estimate."""
    EXCHANGED = "EXCHANGED"
    """More than one meter measured it."""
    GIVEN_BACK = "GIVEN_BACK"
    """An estimate before was too high: usage is below zero."""
    INTERVALS_MISSING = "INTERVALS_MISSING"
    """A person had the period estimated: it is billed by registers alone."""
    PRORATED = "PRORATED"
    """Outside of 27 to 33 days of service."""
    SCHEDULE_CHANGED = "SCHEDULE_CHANGED"
    """The rate schedule changed within: charges are split by days."""
    VACANT = "VACANT"
    """Nobody pays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """
    By what a service is billed.

    Attributes:
        schedules: First day and name of each rate schedule of the period, the earliest first.
        pressure: Pressure factor of gas at the place.
        therm: Therms in a ccf; None where nobody said.
    """

    schedules: tuple[tuple[date, str], ...]
    pressure: Decimal
    therm: Decimal | None


@dataclass(frozen=True, slots=True)
class Part:
    """What one channel contributes."""

    channel: BilledChannel
    determinant: BillingDeterminant

    @property
    def kind(self) -> ReadingType:
        """What it measures."""
        return READING_TYPES[self.determinant.reading_type]

    @property
    def direction(self) -> str:
        """Name of its quantity."""
        return DIRECTIONS[self.kind.channel]


class ServiceBiller:
    """
    Adds up the services of one window; calendars are laid over the window once.

    Args:
        window: What is billed.
        zone: Of local days and hours.
        tariff: What rate schedules ask for.
        rules: Version of each set of rules, kept with every result.
    """

    def __init__(
        self, window: BillWindow, zone: ZoneInfo, tariff: TariffRules, rules: Mapping[str, str]
    ) -> None:
        self._window = window
        self._zone = zone
        self._tariff = tariff
        self._rules = rules
        self._buckets: dict[tuple[str, int], TouBuckets] = {}

    def bill(
        self,
        period: ServicePeriod,
        terms: Terms,
        parts: Sequence[Part],
        intervals: IntervalReads,
        *,
        revision: int = 1,
    ) -> BilledService:
        """
        Return what a period of a service comes to.

        Args:
            period: Of the service.
            terms: By what it is billed.
            parts: Of all its meters, at least one.
            intervals: Current intervals of its channels, sorted by channel and start.
            revision: 1, or more for a correction.
        """
        assert parts, "a service without a meter is no bill"
        ordered = sorted(parts, key=_order)
        usage = _usage(ordered)
        quantities, detail, flags = _totals(usage)
        self._add_therms(period, terms, usage, quantities, detail)
        schedule = self._schedule_of(terms)
        if schedule.tou is not None:
            self._add_buckets(schedule.tou, ordered, intervals, quantities, detail)
        if schedule.demand_minutes is not None:
            flags |= self._add_demand(schedule, ordered, intervals, quantities, detail)
        flags |= self._add_days(period, terms, quantities, detail)
        quality = max((Quality(each.determinant.quality) for each in ordered), key=_rank)
        flags |= set(_flags(period, ordered, quality))
        reasons = {each.channel.badge: each.channel.estimated_because for each in ordered}
        if any(reasons.values()):
            detail["estimated_because"] = reasons
        service = BilledService(
            window_start=self._window.start,
            window_end=self._window.end,
            usage_point_id=period.usage_point_id,
            period=period.number,
            revision=revision,
            premise_id=period.premise_id,
            account_id=period.account_id,
            commodity=period.commodity.value,
            from_on=period.from_on,
            to_on=period.to_on,
            opened_by=period.opened_by.value,
            closed_by=period.closed_by.value,
            service_days=period.service_days,
            quality=quality.value,
            estimated_share=_estimated_share(ordered),
            quantities=quantities,
            flags=tuple(sorted(flags)),
            detail=detail,
            rules=self._rules,
            parts=tuple(each.determinant.content_hash for each in ordered),
            content_hash="",
        )
        return replace(service, content_hash=content_hash(service))

    def _schedule_of(self, terms: Terms) -> RateSchedule:
        """Return what is counted: what the last schedule of the period asks for."""
        return self._tariff.schedules[terms.schedules[-1][1]]

    def _add_therms(
        self,
        period: ServicePeriod,
        terms: Terms,
        usage: Mapping[str, tuple[int, ReadingType]],
        quantities: dict[str, int],
        detail: dict[str, Any],
    ) -> None:
        """Add the heat of gas: volume times both factors, rounded last (vee.md 8.2)."""
        if period.commodity is not Commodity.GAS or terms.therm is None:
            return
        quanta, kind = usage["delivered"]
        therms = Decimal(quanta) / kind.quanta_per_billing_unit * terms.pressure * terms.therm
        quantities["delivered_therm"] = int(therms.quantize(Decimal(1), ROUND_HALF_UP))
        detail["gas"] = {"pressure": str(terms.pressure), "therm": str(terms.therm)}

    def _add_buckets(
        self,
        name: str,
        parts: Sequence[Part],
        intervals: IntervalReads,
        quantities: dict[str, int],
        detail: dict[str, Any],
    ) -> None:
        """Divide each direction's whole units over its buckets, so that they add up to it."""
        told: dict[str, Any] = {"calendar": name}
        names = self._tariff.tou[name].buckets
        for direction in ("delivered", "received"):
            mine = [each for each in parts if each.direction == direction]
            if not mine:
                continue
            all_of, estimated = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
            for part in mine:
                billed = billed_intervals(intervals, part.channel)
                grid = self._grid(name, part.channel.interval_s)
                is_estimated = IS_ESTIMATED_SHARE[billed.status]
                for bucket, quanta in grid.sums(billed).items():
                    all_of[bucket] += quanta
                if is_estimated.any():
                    for bucket, quanta in grid.sums(billed, counted=is_estimated).items():
                        estimated[bucket] += quanta
            total = quantities[f"{direction}_kwh"]
            units = shared_out(total, list(all_of.values()))
            assert sum(units) == total, "V57: buckets add up to the total"
            quantities |= {
                f"{direction}_{bucket}_kwh": each for bucket, each in zip(names, units, strict=True)
            }
            told[direction] = {
                bucket: {"quanta": all_of[bucket], "estimated": estimated[bucket]}
                for bucket in names
            }
        if {"delivered", "received"} <= told.keys():
            quantities |= {
                f"net_{bucket}_kwh": quantities[f"delivered_{bucket}_kwh"]
                - quantities[f"received_{bucket}_kwh"]
                for bucket in names
            }
        detail["tou"] = told

    def _grid(self, name: str, interval_s: int) -> TouBuckets:
        key = (name, interval_s)
        if key not in self._buckets:
            days = self._window.period(self._zone)
            self._buckets[key] = TouBuckets(
                self._tariff.tou[name], self._zone, days.start_s, days.end_s, interval_s
            )
        return self._buckets[key]

    def _add_demand(
        self,
        schedule: RateSchedule,
        parts: Sequence[Part],
        intervals: IntervalReads,
        quantities: dict[str, int],
        detail: dict[str, Any],
    ) -> set[Flag]:
        """Add the largest power that was measured, whichever meter did (vee.md 8.5)."""
        assert schedule.demand_minutes is not None, "demand is billed"
        found = [
            demand_of(
                billed_intervals(intervals, each.channel),
                interval_s=each.channel.interval_s,
                demand_s=max(schedule.demand_minutes * _MINUTE_S, each.channel.interval_s),
                sliding=bool(schedule.sliding),
                quantum=each.channel.register_resolution * each.channel.multiplier,
                error_max=self._tariff.demand_error_max,
            )
            for each in parts
            if each.direction == "delivered" and each.determinant.interval_count
        ]
        if not found:
            return {Flag.DEMAND_INCOMPLETE}
        best = max(found, key=lambda each: each.peak)
        quantities["demand_kw"] = _kilowatts(best.peak)
        detail["demand"] = {
            "watts": str(best.peak),
            "at": None if best.peak_at_s is None else from_epoch_s(best.peak_at_s).isoformat(),
        }
        return self._unsure(found, best, quantities, detail)

    def _unsure(
        self,
        found: Sequence[Demand],
        best: Demand,
        quantities: dict[str, int],
        detail: dict[str, Any],
    ) -> set[Flag]:
        candidates = [each.candidate for each in found if each.candidate is not None]
        candidate = max(candidates, default=Decimal(0))
        if candidate <= best.peak:
            return set()
        quantities["demand_estimated_candidate_kw"] = _kilowatts(candidate)
        detail["demand"]["candidate_watts"] = str(candidate)
        share = max(each.estimated_share for each in found)
        if share > self._tariff.demand_estimated_max:
            return {Flag.DEMAND_ESTIMATED, Flag.DEMAND_INCOMPLETE}
        return {Flag.DEMAND_ESTIMATED}

    def _add_days(
        self,
        period: ServicePeriod,
        terms: Terms,
        quantities: Mapping[str, int],
        detail: dict[str, Any],
    ) -> set[Flag]:
        """Add days by schedule and the proration; demand is never prorated (R11.F)."""
        firsts = [first for first, _ in terms.schedules]
        lasts = [*firsts[1:], period.to_on]
        days = [(last - first).days for first, last in zip(firsts, lasts, strict=True)]
        detail["schedules"] = [
            {"schedule": name, "from_on": str(first), "days": count}
            for (first, name), count in zip(terms.schedules, days, strict=True)
        ]
        flags = set()
        if len(days) > 1:
            flags.add(Flag.SCHEDULE_CHANGED)
            for name in ("delivered", "received", "net"):
                for key in [key for key in quantities if key.rsplit("_", 1)[0] == name]:
                    for row, units in zip(
                        detail["schedules"], shared_out(quantities[key], days), strict=True
                    ):
                        row[key] = units
        if not SERVICE_DAYS_MIN <= period.service_days <= SERVICE_DAYS_MAX:
            flags.add(Flag.PRORATED)
            detail["proration"] = f"{period.service_days}/{self._tariff.period_days}"
        return flags


def content_hash(service: BilledService) -> str:
    """Return the SHA-256 of a service as canonical JSON; equal content, equal hash."""
    return hashlib.sha256(canonical(service)).hexdigest()


def canonical(service: BilledService) -> bytes:
    """Return everything but hash and revision as JSON: sorted keys, no blanks, ASCII."""
    plain = {
        field.name: _plain(getattr(service, field.name))
        for field in fields(service)
        if field.name not in {"content_hash", "revision"}
    }
    return json.dumps(plain, sort_keys=True, separators=(",", ":")).encode("ascii")


def _plain(value: object) -> object:
    if isinstance(value, Mapping | int | str):
        return value
    if isinstance(value, tuple):
        return list(value)
    return str(value)


def _order(part: Part) -> tuple[str, str, int]:
    return part.determinant.badge, part.determinant.reading_type, part.channel.read_start_s


def _usage(parts: Iterable[Part]) -> dict[str, tuple[int, ReadingType]]:
    """Return quanta and their unit by direction; quanta of one direction are alike."""
    found: dict[str, tuple[int, ReadingType]] = {}
    for part in parts:
        before, kind = found.get(part.direction, (0, part.kind))
        assert kind.unit == part.kind.unit, "one service counts in one unit"
        found[part.direction] = (before + part.determinant.usage_quanta, kind)
    return found


def _totals(
    usage: Mapping[str, tuple[int, ReadingType]],
) -> tuple[dict[str, int], dict[str, Any], set[Flag]]:
    """Return whole units, exact ones, and whether anything is below zero."""
    quantities: dict[str, int] = {}
    exact: dict[str, str] = {}
    for direction, (quanta, kind) in usage.items():
        name = f"{direction}_{kind.billing_unit.lower()}"
        quantities[name] = whole_units(quanta, kind)
        exact[name] = str(unrounded_units(quanta, kind))
    if {"delivered", "received"} <= usage.keys():
        quantities["net_kwh"] = quantities["delivered_kwh"] - quantities["received_kwh"]
    below = any(quanta < 0 for quanta, _ in usage.values())
    return quantities, {"exact": exact}, {Flag.GIVEN_BACK} if below else set()


def _estimated_share(parts: Sequence[Part]) -> Decimal:
    """Return the estimated share of what was delivered, meters weighted by their usage."""
    rows = [each.determinant for each in parts if each.kind.channel == 0]
    if len(rows) == 1:
        return rows[0].estimated_share
    weights = [max(0, row.usage_quanta) for row in rows]
    whole = sum(weights)
    if not whole:
        return max((row.estimated_share for row in rows), default=Decimal(0))
    share = sum(
        (row.estimated_share * weight for row, weight in zip(rows, weights, strict=True)),
        Decimal(0),
    )
    return (share / whole).quantize(_SHARE_PLACES, ROUND_HALF_UP)


def _flags(period: ServicePeriod, parts: Sequence[Part], quality: Quality) -> Iterable[Flag]:
    if quality is Quality.ESTIMATED:
        yield Flag.ESTIMATED
    ends = {each.channel.opened_by for each in parts} | {each.channel.closed_by for each in parts}
    if ReadReason.EXCHANGE in ends:
        yield Flag.EXCHANGED
    if not period.account_id:
        yield Flag.VACANT
    if any(each.channel.estimated_because for each in parts):
        yield Flag.INTERVALS_MISSING


def _rank(quality: Quality) -> int:
    return list(Quality).index(quality)


def _kilowatts(watts: Decimal) -> int:
    return int((watts / _WATTS_IN_KW).quantize(Decimal(1), ROUND_HALF_UP))
