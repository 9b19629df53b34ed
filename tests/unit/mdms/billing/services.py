"""A service with complete intervals, its schedules and its terms."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np

from mdms.billing.channels import BilledChannel, ReadReason, ServicePeriod
from mdms.billing.determinants import determine
from mdms.billing.service import ServiceBiller
from mdms.billing.service_parts import Part, Terms
from mdms.billing.window import BillWindow
from mdms.domain.reading_types import reading_type
from mdms.domain.readings import IntervalReads, RegisterReads, Source, Status
from mdms.domain.registry import STILL_INSTALLED_S, Commodity
from mdms.ports.billing import BilledService
from tests.editions import CUSTOMER_RULES, ZONE

QUARTER_S = 900
MONTH = BillWindow(date(2026, 11, 3), date(2026, 12, 3))
TARIFF = CUSTOMER_RULES.tariff
RULES = {"vee": "v", "tariff": "t"}


def terms(*schedules: tuple[date, str], therm: str | None = "1.03") -> Terms:
    return Terms(
        schedules=schedules or ((MONTH.start, "E-1"),),
        pressure=Decimal("1.0"),
        therm=None if therm is None else Decimal(therm),
    )


def period(commodity: Commodity = Commodity.ELECTRIC, **changes: Any) -> ServicePeriod:
    whole = ServicePeriod(
        usage_point_id="U1",
        number=1,
        premise_id="P1",
        commodity=commodity,
        billing_cycle=1,
        account_id="A1",
        from_on=MONTH.start,
        to_on=MONTH.end,
        opened_by=ReadReason.PERIODIC,
        closed_by=ReadReason.PERIODIC,
    )
    return replace(whole, **changes)


class Service:
    """Channels of one service with complete intervals, each its registers at both ends."""

    def __init__(self, window: BillWindow = MONTH, interval_s: int = QUARTER_S) -> None:
        self.window = window
        self.interval_s = interval_s
        self.days = window.period(ZONE)
        self.start_s = np.arange(self.days.start_s, self.days.end_s, interval_s)
        self.channels: list[BilledChannel] = []
        self.intervals = IntervalReads.empty()
        self.registers = RegisterReads.empty()

    def add(
        self,
        value: np.ndarray | int,
        *,
        commodity: Commodity = Commodity.ELECTRIC,
        direction: int = 0,
        statuses: dict[int, Status] | None = None,
        **changes: Any,
    ) -> None:
        """Add a channel with these values [quanta]; some intervals of another status."""
        number = len(self.channels) + 1
        channel = BilledChannel(
            channel_id=number,
            badge=f"M{number}",
            reading_type=reading_type(commodity, direction, self.interval_s).name,
            usage_point_id="U1",
            premise_id="P1",
            account_id="A1",
            interval_s=self.interval_s,
            installed_s=0,
            removed_s=STILL_INSTALLED_S,
            read_start_s=self.days.start_s,
            read_end_s=self.days.end_s,
            service_days=self.window.service_days,
            installation_count=1,
            intervals_expected=True,
            register_modulus=10**9,
            register_resolution=1,
            multiplier=1,
            from_on=self.window.start,
            to_on=self.window.end,
        )
        channel = replace(channel, **changes)
        self.channels.append(channel)
        start_s = np.arange(channel.read_start_s, channel.read_end_s, self.interval_s)
        values = np.broadcast_to(value, start_s.shape).astype(np.int64)
        rows = IntervalReads.raw(
            np.full(len(start_s), number), start_s, values, recorded_us=0, source=Source.UPLINK
        )
        status = rows.status.copy()
        for slot, letter in (statuses or {}).items():
            status[slot] = letter.code
        self.intervals = IntervalReads.concat(self.intervals, replace(rows, status=status))
        self.registers = RegisterReads.concat(
            self.registers,
            RegisterReads.raw(
                np.full(2, number),
                np.array([channel.read_start_s, channel.read_end_s]),
                np.array([5_000, 5_000 + values.sum()]),
                recorded_us=0,
                source=Source.UPLINK,
            ),
        )

    def lose(self, slots: slice) -> None:
        """Forget intervals of the only channel."""
        kept = np.ones(len(self.intervals), np.bool_)
        kept[slots] = False
        self.intervals = self.intervals.take(kept)

    def parts(self) -> list[Part]:
        rows, blocked = determine(
            self.window, self.channels, self.intervals, self.registers, ruleset_hash="v"
        )
        assert not blocked
        found = {row.channel_id: row for row in rows}
        return [Part(channel, found[channel.channel_id]) for channel in self.channels]

    def bill(
        self, *schedules: tuple[date, str], of: ServicePeriod | None = None, **said: Any
    ) -> BilledService:
        biller = ServiceBiller(self.window, ZONE, TARIFF, RULES)
        return biller.bill(
            of or period(), terms(*schedules, **said), self.parts(), self.intervals.current()
        )


def at(local_day: int, hour: int, minute: int = 0) -> int:
    """Return the slot of a quarter of an hour in November 2026 (no clock changes in the window)."""
    return (local_day - 3) * 96 + hour * 4 + minute // 15
