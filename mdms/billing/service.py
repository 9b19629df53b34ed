"""
What one service comes to in a bill: the parts of all its meters added up, then rounded once.

A part is exact; whole units, buckets, demand, net and therms belong to the service, because that
is what a bill has a line for (CPAU Rule 11.A: round the period's quantity once).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from mdms.billing.channels import BilledChannel, ServicePeriod
from mdms.billing.demand import Demand, demand_of
from mdms.billing.registers import Quality, least_trusted_of
from mdms.billing.schedules import Span, of_all, spans_of, split_by_days
from mdms.billing.service_parts import (
    Flag,
    Part,
    Terms,
    content_hash,
    estimated_share,
    flags_of,
    kilowatts,
    order,
    totals,
    usage_of,
)
from mdms.billing.tou import TouBuckets, UncountableError
from mdms.billing.tou_shares import shares_of
from mdms.billing.units import shared_out
from mdms.billing.window import SERVICE_DAYS_MAX, SERVICE_DAYS_MIN, BillWindow
from mdms.domain.reading_types import ReadingType
from mdms.domain.readings import IntervalReads
from mdms.domain.registry import Commodity
from mdms.domain.tariff import RateSchedule, TariffRules
from mdms.domain.time import from_epoch_s
from mdms.ports.billing import BilledService

_MINUTE_S: Final = 60


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

        Raises:
            UncountableError: Its schedule asks for what the intervals cannot say.
        """
        assert parts, "a service without a meter is no bill"
        ordered = sorted(parts, key=order)
        usage = usage_of(ordered)
        quantities, detail, flags = totals(usage)
        self._add_therms(period, terms, usage, quantities, detail)
        spans = spans_of(period, terms, self._tariff, self._zone)
        flags |= self._add_spans(spans, ordered, intervals, quantities, detail)
        if not SERVICE_DAYS_MIN <= period.service_days <= SERVICE_DAYS_MAX:
            flags.add(Flag.PRORATED)
            detail["proration"] = f"{period.service_days}/{self._tariff.period_days}"
        quality = least_trusted_of(Quality(each.determinant.quality) for each in ordered)
        flags |= set(flags_of(period, ordered, quality))
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
            estimated_share=estimated_share(ordered),
            quantities=quantities,
            flags=tuple(sorted(flags)),
            detail=detail,
            rules=self._rules,
            parts=tuple(each.determinant.content_hash for each in ordered),
            content_hash="",
        )
        return replace(service, content_hash=content_hash(service))

    def _add_spans(
        self,
        spans: Sequence[Span],
        parts: Sequence[Part],
        intervals: IntervalReads,
        quantities: dict[str, int],
        detail: dict[str, Any],
    ) -> set[Flag]:
        """Count what each rate schedule asks for in its own days; demand is never prorated."""
        detail["schedules"] = [span.view for span in spans]
        if len(spans) == 1:
            return self._count(spans[0], parts, intervals, quantities, detail)
        flags = {Flag.SCHEDULE_CHANGED}
        rows = split_by_days(quantities, [span.days for span in spans])
        for span, row, told in zip(spans, rows, detail["schedules"], strict=True):
            flags |= self._count(span, parts, intervals, row, told)
            told.update(row)
        quantities |= of_all(rows, quantities)
        return flags

    def _count(
        self,
        span: Span,
        parts: Sequence[Part],
        intervals: IntervalReads,
        quantities: dict[str, int],
        detail: dict[str, Any],
    ) -> set[Flag]:
        """Add what one schedule asks for to the totals of its days."""
        if span.schedule.tou is not None:
            self._add_buckets(span, parts, intervals, quantities, detail)
        if span.schedule.demand_minutes is None:
            return set()
        return self._add_demand(span, parts, intervals, quantities, detail)

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
        span: Span,
        parts: Sequence[Part],
        intervals: IntervalReads,
        quantities: dict[str, int],
        detail: dict[str, Any],
    ) -> None:
        """Divide each direction's whole units over its buckets, so that they add up to it."""
        name = span.schedule.tou
        assert name is not None, "buckets are billed"
        told: dict[str, Any] = {"calendar": name}
        names = self._tariff.tou[name].buckets
        for direction in ("delivered", "received"):
            mine = [each for each in parts if each.direction == direction]
            if not mine:
                continue
            shares = [
                shares_of(each, span, intervals, self._grid(name, each.channel.interval_s))
                for each in mine
            ]
            all_of = {bucket: sum(each.quanta[bucket] for each in shares) for bucket in names}
            estimated = {bucket: sum(each.estimated[bucket] for each in shares) for bucket in names}
            total = quantities[f"{direction}_kwh"]
            if total and not any(all_of.values()):
                raise UncountableError(
                    f"registers counted {total} kWh {direction}, and its intervals none: nothing "
                    "says in which bucket it was used"
                )
            units = shared_out(total, list(all_of.values()))
            assert sum(units) == total, "V57: buckets add up to the total"
            quantities |= {
                f"{direction}_{bucket}_kwh": each for bucket, each in zip(names, units, strict=True)
            }
            told[direction] = {
                bucket: {"quanta": all_of[bucket], "estimated": estimated[bucket]}
                for bucket in names
            }
            if lacking := sum(each.lacking for each in shares):
                told["intervals_lacking"] = told.get("intervals_lacking", 0) + lacking
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
        span: Span,
        parts: Sequence[Part],
        intervals: IntervalReads,
        quantities: dict[str, int],
        detail: dict[str, Any],
    ) -> set[Flag]:
        """Add the largest power that was measured, whichever meter did (vee.md 8.5)."""
        found = [
            self._demand(span.schedule, each.channel, billed)
            for each in parts
            if each.direction == "delivered"
            and len(billed := span.intervals(intervals, each.channel))
        ]
        if not found:
            return {Flag.DEMAND_INCOMPLETE}
        best = max(found, key=lambda each: each.peak)
        quantities["demand_kw"] = kilowatts(best.peak)
        detail["demand"] = {
            "watts": str(best.peak),
            "at": None if best.peak_at_s is None else from_epoch_s(best.peak_at_s).isoformat(),
        }
        return self._unsure(found, best, quantities, detail)

    def _demand(
        self, schedule: RateSchedule, channel: BilledChannel, billed: IntervalReads
    ) -> Demand:
        assert schedule.demand_minutes is not None, "demand is billed"
        interval_s = channel.interval_s
        demand_s = max(schedule.demand_minutes * _MINUTE_S, interval_s)
        if demand_s % interval_s:
            raise UncountableError(
                f"its demand is taken over {demand_s} s, and intervals of {interval_s} s do not "
                "make them up"
            )
        return demand_of(
            billed,
            interval_s=interval_s,
            demand_s=demand_s,
            sliding=bool(schedule.sliding),
            from_midnight_s=self._from_midnight_s(int(billed.start_s[0])),
            quantum=channel.register_resolution * channel.multiplier,
            error_max=self._tariff.demand_error_max,
        )

    def _from_midnight_s(self, at_s: int) -> int:
        """Return the local time of day of an instant."""
        local = from_epoch_s(at_s).astimezone(self._zone)
        return (local.hour * _MINUTE_S + local.minute) * _MINUTE_S + local.second

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
        quantities["demand_estimated_candidate_kw"] = kilowatts(candidate)
        detail["demand"]["candidate_watts"] = str(candidate)
        share = max(each.estimated_share for each in found)
        if share > self._tariff.demand_estimated_max:
            return {Flag.DEMAND_ESTIMATED, Flag.DEMAND_INCOMPLETE}
        return {Flag.DEMAND_ESTIMATED}
