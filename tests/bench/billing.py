"""Billing: windows frozen a second, beside nothing but the sums of their intervals."""

from datetime import date
from decimal import Decimal
from functools import partial
from zoneinfo import ZoneInfo

import numpy as np

from mdms.billing.channels import BilledChannel, ReadReason, ServicePeriod
from mdms.billing.determinants import determine
from mdms.billing.formats import csv_v1
from mdms.billing.service import ServiceBiller
from mdms.billing.service_parts import Part, Terms
from mdms.billing.window import BillWindow
from mdms.domain.reading_types import reading_type
from mdms.domain.readings import Int64, IntervalReads, RegisterReads, Source
from mdms.domain.registry import STILL_INSTALLED_S, Commodity
from mdms.ports.billing import BilledService, BillingDeterminant
from tests.bench import billing_store
from tests.bench.load import SLOTS_A_DAY, electric_wh
from tests.bench.measure import Figures, Row, interleave, per_cpu_second
from tests.editions import CUSTOMER_RULES

ZONE = ZoneInfo("America/Los_Angeles")
WINDOW = BillWindow(date(2026, 11, 3), date(2026, 12, 3))
CHANNELS = 500
SLOT_S = 900
SUM_REPEATS = 20
"""One pass over the sums is too short to be timed."""

UNITS = {
    "billing.determine": "windows/CPU-s",
    "billing.determine+csv": "windows/CPU-s",
    "limit.billing.sum": "windows/CPU-s",
} | billing_store.UNITS


def rows(rounds: int) -> list[Row]:
    """Measure `determine` on complete months of 15-minute intervals."""
    month = Month()
    units = {name: unit for name, unit in UNITS.items() if name not in billing_store.UNITS}
    found = interleave([month.sum_only, month.determine], units, rounds)
    bare = found["limit.billing.sum"]
    return [
        bare.row(),
        found["billing.determine"].row(bare),
        found["billing.determine+csv"].row(bare, goal="value >= 2,000"),
        *billing_store.rows(rounds),
    ]


class Month:
    """A window's channels with their reads: every interval, a register at each midnight."""

    def __init__(self) -> None:
        period = WINDOW.period(ZONE)
        start_s = np.arange(period.start_s, period.end_s, SLOT_S)
        midnights_s = np.append(start_s, period.end_s)[::SLOTS_A_DAY]
        value = electric_wh(CHANNELS, len(start_s), seed=1)
        shown = np.pad(value.cumsum(axis=1), ((0, 0), (1, 0)))[:, ::SLOTS_A_DAY]
        ids = np.arange(CHANNELS)
        self._usage: Int64 = value.sum(axis=1)
        self._slots = len(start_s)
        self._channels = [
            _channel(number, period.start_s, period.end_s) for number in range(CHANNELS)
        ]
        self._intervals = IntervalReads.raw(
            np.repeat(ids, len(start_s)),
            np.tile(start_s, CHANNELS),
            value.ravel(),
            recorded_us=0,
            source=Source.UPLINK,
        )
        self._registers = RegisterReads.raw(
            np.repeat(ids, len(midnights_s)),
            np.tile(midnights_s, CHANNELS),
            shown.ravel(),
            recorded_us=0,
            source=Source.UPLINK,
        )

    def sum_only(self) -> Figures:
        value, first = self._intervals.value, np.arange(CHANNELS) * self._slots

        def add() -> Int64:
            for _ in range(SUM_REPEATS - 1):
                np.add.reduceat(value, first)
            return np.add.reduceat(value, first)

        rate, usage = per_cpu_second(SUM_REPEATS * CHANNELS, add)
        assert (usage == self._usage).all(), "every interval was added"
        return {"limit.billing.sum": rate}

    def determine(self) -> Figures:
        determine_rate, frozen = per_cpu_second(CHANNELS, self.freeze)
        assert [row.usage_quanta for row in frozen] == self._usage.tolist(), "all are billed"
        assert all(row.interval_count == self._slots for row in frozen), "from every interval"
        service_rate, services = per_cpu_second(CHANNELS, partial(self.add_up, frozen))
        csv_rate, files = per_cpu_second(
            CHANNELS, partial(csv_v1.files, WINDOW, frozen, ZONE, services=services)
        )
        lines = sum(content.count(b"\n") for name, content in files.items() if "json" not in name)
        assert lines == 3 * (CHANNELS + 1), "three files, each with a heading"
        return {
            "billing.determine": determine_rate,
            "billing.determine+csv": 1 / (1 / determine_rate + 1 / service_rate + 1 / csv_rate),
        }

    def add_up(self, frozen: list[BillingDeterminant]) -> list[BilledService]:
        """Return what each of them comes to."""
        biller = ServiceBiller(WINDOW, ZONE, CUSTOMER_RULES.tariff, {})
        terms = Terms(schedules=((WINDOW.start, "E-1"),), pressure=Decimal(1), therm=None)
        current = self._intervals.current()
        return [
            biller.bill(_period(channel), terms, [Part(channel, row)], current)
            for channel, row in zip(self._channels, frozen, strict=True)
        ]

    def freeze(self) -> list[BillingDeterminant]:
        """Return the determinants of every channel."""
        frozen, blocked = determine(
            WINDOW, self._channels, self._intervals, self._registers, ruleset_hash="bench"
        )
        assert not blocked, "every window is complete"
        return frozen


def _period(channel: BilledChannel) -> ServicePeriod:
    return ServicePeriod(
        usage_point_id=channel.usage_point_id,
        number=1,
        premise_id=channel.premise_id,
        commodity=Commodity.ELECTRIC,
        billing_cycle=1,
        account_id=channel.account_id,
        from_on=WINDOW.start,
        to_on=WINDOW.end,
        opened_by=ReadReason.PERIODIC,
        closed_by=ReadReason.PERIODIC,
    )


def _channel(number: int, start_s: int, end_s: int) -> BilledChannel:
    return BilledChannel(
        channel_id=number,
        badge=f"E{number:06}",
        reading_type=reading_type(Commodity.ELECTRIC, 0, SLOT_S).name,
        usage_point_id=f"U{number}",
        premise_id=f"P{number}",
        account_id=f"A{number}",
        interval_s=SLOT_S,
        installed_s=0,
        removed_s=STILL_INSTALLED_S,
        read_start_s=start_s,
        read_end_s=end_s,
        service_days=WINDOW.service_days,
        installation_count=1,
        intervals_expected=True,
        register_modulus=10**8,
        register_resolution=1,
        multiplier=1,
        from_on=WINDOW.start,
        to_on=WINDOW.end,
    )
