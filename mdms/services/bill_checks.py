"""What is checked of each bill before it is frozen: the period rules, and who may wave them by."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import uuid4
from zoneinfo import ZoneInfo

import numpy as np

from mdms.billing.channels import ReadReason
from mdms.billing.determinants import BlockReason
from mdms.billing.service_parts import Flag
from mdms.billing.window import BillWindow
from mdms.domain.field_orders import FieldOrder
from mdms.domain.reading_types import READING_TYPES
from mdms.domain.registry import ChannelTable, Commodity, Registry
from mdms.ports.billing import BilledBefore, BilledService, BillingBlock, BillingDeterminant
from mdms.ports.unit_of_work import UnitOfWork
from mdms.ports.vee import BILL_RULES, VeeDay, VeeException
from mdms.services.bill_dials import BillDials
from mdms.services.bill_weather import BillWeather
from mdms.services.billing_reckoning import Reckoned
from mdms.services.bills import Place, as_bill, measured, place_of
from mdms.telemetry import metrics
from vee import bill, period
from vee.bill import Days
from vee.marks import Severity
from vee.period import PeriodFinding, Weather
from vee.rules import RuleSet

_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5
_PROLONGED: Final = 54
_SERVICE_DAYS: Final = 55
_WATTS_IN_KW: Final = 1_000
_REACTIVE: Final = 3
"""What is stored but drawn by no customer on purpose: its usage is no surprise either."""


@dataclass(frozen=True, slots=True)
class BillChecks:
    """
    The period rules over one window; made once a freeze, asked block by block.

    Attributes:
        window: What is to be frozen.
        rules: In force on its last day.
        irregular: Usage points whose usage is no surprise.
        channels_at: Every channel that ever measured at a place, by place.
        zone: Where local days begin.
        dials: Compares bills with further registers of their meters.
        flagged: Findings so far, by rule; V50 counts days, all others bills.
    """

    window: BillWindow
    rules: RuleSet
    irregular: frozenset[str]
    channels_at: Mapping[Place, frozenset[int]]
    zone: ZoneInfo
    dials: BillDials
    flagged: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(
        cls,
        window: BillWindow,
        rules: RuleSet,
        table: ChannelTable,
        registry: Registry,
        zone: ZoneInfo,
    ) -> "BillChecks":
        """Prepare for a window by what is installed."""
        channels_at: dict[Place, set[int]] = {}
        for row in range(len(table)):
            place = Place(str(table.usage_point_id[row]), str(table.reading_type[row]))
            channels_at.setdefault(place, set()).add(int(table.channel_id[row]))
        return cls(
            window,
            rules,
            frozenset(
                each.usage_point_id for each in registry.usage_points if each.irregular_usage
            ),
            {place: frozenset(channels) for place, channels in channels_at.items()},
            zone,
            BillDials(rules, table),
        )

    async def sort_out(
        self, work: UnitOfWork, reckoned: Reckoned, at: datetime
    ) -> tuple[Reckoned, list[BillingBlock]]:
        """
        Keep what may be frozen; raise an exception for every finding, and block what it holds.

        A service is held whole. What a person has answered to the same finding, in the same words,
        holds no longer.
        """
        determinants = reckoned.determinants
        if not determinants:
            return reckoned, []
        ids = [each.channel_id for each in determinants]
        past = await self._past(work, determinants)
        days = await self._days(work, ids)
        look = BillWeather(self.window, self.rules, self.zone)
        weather = await look.of(work, determinants, past, at)
        shown = await self.dials.of(work, determinants)
        found: dict[int, list[PeriodFinding]] = {}
        for each in determinants:
            judged = self._judge(
                each, past, days.get(each.channel_id, {}), weather.get(measured(each))
            )
            of_dials = shown.get(measured(each), ())
            self.flagged.update(_code(one) for one in of_dials)
            judged += of_dials
            found.setdefault(each.channel_id, []).extend(judged)
        about = {_key(each): each.channel_id for each in determinants}
        for service in reckoned.services:
            found[about[_key(service)]] += self._judge_service(service)
        last_day = self.window.last_day
        await work.vee.replace_exceptions(
            [(channel_id, last_day) for channel_id in ids],
            [
                VeeException(channel_id, last_day, _code(one), one.severity, one.detail, at)
                for channel_id, findings in found.items()
                for one in findings
            ],
            at,
            of_bills=True,
        )
        await self._send(work, determinants, found, at)
        answered = await self._answered(work, found)
        held: dict[tuple[str, int], list[BillingBlock]] = {}
        for each in determinants:
            holding = [
                f"{_code(one)}: {one.detail}"
                for one in found[each.channel_id]
                if bill.keeps_from_billing(one)
                and (each.channel_id, _code(one), one.detail) not in answered
            ]
            if holding:
                held.setdefault(_key(each), []).append(_block(each, "; ".join(holding)))
        ready = Reckoned(
            [each for each in reckoned.services if _key(each) not in held],
            [each for each in determinants if _key(each) not in held],
            reckoned.blocked,
        )
        return ready, [block for blocks in held.values() for block in blocks]

    async def _send(
        self,
        work: UnitOfWork,
        determinants: Sequence[BillingDeterminant],
        found: Mapping[int, Sequence[PeriodFinding]],
        at: datetime,
    ) -> None:
        """Send somebody to the meters that were estimated for too long (V54)."""
        for each in determinants:
            for finding in found[each.channel_id]:
                if finding.rule == _PROLONGED:
                    order = FieldOrder(
                        field_order_id=uuid4(),
                        badge=each.badge,
                        usage_point_id=each.usage_point_id,
                        control_id=None,
                        reason=_code(finding),
                        detail=f"read the register, and see why it is not heard: {finding.detail}",
                        is_safety=False,
                        opened_at=at,
                    )
                    if await work.field_orders.open(order):
                        metrics.COMMAND_FIELD_ORDERS.labels(order.reason).inc()

    def _judge_service(self, service: BilledService) -> list[PeriodFinding]:
        """Return what a whole service breaks: V52, V53 by bucket, V57 and V58."""
        rules = self.rules.period
        found: list[PeriodFinding] = []
        demand = service.detail.get("demand")
        if Flag.DEMAND_INCOMPLETE in service.flags:
            detail = "an estimate would have set the demand, and much is estimated"
            found.append(PeriodFinding(52, Severity.HOLD, detail))
        elif demand is not None:
            usage = float(service.detail["exact"]["delivered_kwh"]) * _WATTS_IN_KW
            found += period.load_factor(usage, float(demand["watts"]), service.service_days, rules)
        found += self._judge_buckets(service.detail, service.quantities)
        for row in service.detail["schedules"]:  # each has its own where the schedule changed
            found += self._judge_buckets(row, row)
        if service.commodity == Commodity.GAS:
            gas = service.detail.get("gas", {})
            pressure, therm = (_number(gas.get(name)) for name in ("pressure", "therm"))
            found += period.gas_factors(pressure, therm, rules)
        self.flagged.update(_code(one) for one in found)
        return found

    def _judge_buckets(
        self, detail: Mapping[str, Any], units: Mapping[str, int]
    ) -> Iterator[PeriodFinding]:
        """Yield V53 by bucket and V57 of what one rate schedule counts."""
        if "tou" not in detail:
            return
        buckets = detail["tou"]["delivered"]
        shares = {
            name: each["estimated"] / each["quanta"]
            for name, each in buckets.items()
            if each["quanta"]
        }
        whole = 0.0  # of what has its intervals, each meter is judged
        if "intervals_lacking" in detail["tou"]:
            quanta = sum(each["quanta"] for each in buckets.values())
            whole = sum(each["estimated"] for each in buckets.values()) / max(1, quanta)
        yield from period.estimated_share(whole, shares, self.rules.period)
        counted = [units[f"delivered_{name}_kwh"] for name in buckets]
        yield from period.buckets_add_up(counted, units["delivered_kwh"])

    def _judge(
        self,
        determinant: BillingDeterminant,
        past: Mapping[Place, Sequence[BilledBefore]],
        days: Mapping[date, VeeDay],
        weather: Weather | None,
    ) -> list[PeriodFinding]:
        kind = READING_TYPES[determinant.reading_type]
        commodity = self.rules.of(kind.commodity)
        irregular = determinant.usage_point_id in self.irregular or kind.channel == _REACTIVE
        column = self._column(days)
        findings = bill.judge(
            as_bill(determinant, determinant),
            [as_bill(each, determinant) for each in past.get(place_of(determinant), ())],
            column,
            self.rules,
            commodity,
            irregular=irregular,
            weather=weather,
        )
        if {determinant.opened_by, determinant.closed_by} != {ReadReason.PERIODIC}:
            # A part of a period is no period: its length says nothing.
            findings = [one for one in findings if one.rule != _SERVICE_DAYS]
        self.flagged.update(_code(one) for one in findings)
        surprising = bill.surprising_days(column, commodity, irregular=irregular)
        if surprising:
            self.flagged["V50"] += surprising
        return findings

    async def _past(
        self, work: UnitOfWork, determinants: Sequence[BillingDeterminant]
    ) -> Mapping[Place, Sequence[BilledBefore]]:
        """Return the bills before of each place, whichever meter stood there."""
        places = {place_of(each) for each in determinants}
        every = {channel for place in places for channel in self.channels_at[place]}
        past: dict[Place, list[BilledBefore]] = {}
        for each in await work.billing.before(
            sorted(every),
            since=self.window.start - timedelta(days=bill.PAST_DAYS),
            until=self.window.start,
        ):
            past.setdefault(Place(each.usage_point_id, each.reading_type), []).append(each)
        return past

    async def _days(
        self, work: UnitOfWork, ids: Sequence[int]
    ) -> Mapping[int, Mapping[date, VeeDay]]:
        days: dict[int, dict[date, VeeDay]] = {}
        for each in await work.vee.days(self._first_day, self.window.last_day, channel_ids=ids):
            days.setdefault(each.channel_id, {})[each.local_day] = each
        return days

    async def _answered(
        self, work: UnitOfWork, found: Mapping[int, Sequence[PeriodFinding]]
    ) -> frozenset[tuple[int, str, str]]:
        """Return channel, rule and words of what people have answered for this window."""
        held = [
            channel_id
            for channel_id, findings in found.items()
            if any(map(bill.keeps_from_billing, findings))
        ]
        if not held:
            return frozenset()
        return await work.exceptions.answered(held, self.window.last_day)

    @property
    def _first_day(self) -> date:
        back = max(bill.LIKE_DAYS, self.rules.period.estimated_days_max)
        return self.window.start - timedelta(days=back)

    def _column(self, days: Mapping[date, VeeDay]) -> Days:
        """Put a channel's outcomes in a row, one for each day, known or not."""
        count = (self.window.end - self._first_day).days
        dates = [self._first_day + number * _DAY for number in range(count)]
        rows = [days.get(day) for day in dates]
        return Days(
            first=(self.window.start - self._first_day).days,
            usage=np.array([row.usage or 0 if row else 0 for row in rows], np.int64),
            valid=np.array([row is not None and row.usage is not None for row in rows], np.bool_),
            estimated=np.array(
                [row is not None and row.actual == 0 and row.estimated > 0 for row in rows],
                np.bool_,
            ),
            like=np.array([self._like(day) for day in dates], np.int64),
        )

    def _like(self, day: date) -> int:
        """Return 2 for a holiday, 1 for another day of a weekend, 0 for a weekday."""
        return 2 if day in self.rules.holidays else int(day.weekday() >= _SATURDAY)


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)


def _key(each: BillingDeterminant | BilledService) -> tuple[str, int]:
    return each.usage_point_id, each.period


def _code(finding: PeriodFinding) -> str:
    code = f"V{finding.rule:02}"
    assert code in BILL_RULES, "else the next night would close it"
    return code


def _block(determinant: BillingDeterminant, detail: str) -> BillingBlock:
    return BillingBlock(
        determinant.channel_id,
        determinant.badge,
        BlockReason.PERIOD_CHECK.value,
        f"{determinant.reading_type}: {detail}",
    )
