"""A channel's November: a month of intervals, and the registers that go with them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from mdms.billing.channels import BilledChannel
from mdms.billing.determinants import determine
from mdms.billing.window import BillWindow
from mdms.domain.reading_types import reading_type
from mdms.domain.readings import IntervalReads, RegisterReads, Source
from mdms.domain.registry import STILL_INSTALLED_S, Commodity
from mdms.ports.billing import BilledBefore, BillingBlock, BillingDeterminant

PACIFIC = ZoneInfo("America/Los_Angeles")
HOUR_S, DAY_S = 3_600, 86_400
MONTH = BillWindow(date(2026, 11, 3), date(2026, 12, 3))
HOURLY_WH = reading_type(Commodity.ELECTRIC, 0, HOUR_S).name


def channel_of(window: BillWindow, **changes: Any) -> BilledChannel:
    period = window.period(PACIFIC)
    channel = BilledChannel(
        channel_id=7,
        badge="E1",
        reading_type=HOURLY_WH,
        usage_point_id="UP1",
        premise_id="P1",
        account_id="A1",
        interval_s=HOUR_S,
        installed_s=0,
        removed_s=STILL_INSTALLED_S,
        read_start_s=period.start_s,
        read_end_s=period.end_s,
        service_days=window.service_days,
        installation_count=1,
        intervals_expected=True,
        register_modulus=10**8,
        register_resolution=1,
        multiplier=1,
        from_on=window.start,
        to_on=window.end,
    )
    return replace(channel, **changes)


@dataclass
class Month:
    """A channel's November, hourly, with a register read at each local midnight but two."""

    channel: BilledChannel
    value: np.ndarray
    intervals: IntervalReads
    registers: RegisterReads

    def determine(
        self, window: BillWindow = MONTH, *, before: Sequence[BilledBefore] = ()
    ) -> tuple[list[BillingDeterminant], list[BillingBlock]]:
        return determine(
            window,
            [self.channel],
            self.intervals,
            self.registers,
            ruleset_hash="rules",
            before=before,
        )

    def set(self, slots: slice, **columns: int) -> None:
        changed = {name: getattr(self.intervals, name).copy() for name in columns}
        for name, new in columns.items():
            changed[name][slots] = new
        self.intervals = replace(self.intervals, **changed)

    def drop_registers(self, *rows: int) -> None:
        keep = np.ones(len(self.registers), np.bool_)
        keep[list(rows)] = False
        self.registers = self.registers.take(keep)


def month(seed: int = 1, opening: int = 5_000, **changes: Any) -> Month:
    """Return a complete month; `opening` is what the dials show at its start."""
    channel = channel_of(MONTH, **changes)
    start_s = np.arange(channel.read_start_s, channel.read_end_s, HOUR_S)
    value = np.random.default_rng(seed).integers(0, 2_000, len(start_s))
    shown = opening * channel.multiplier + np.concatenate(([0], value.cumsum()))
    midnights = slice(None, None, 24)
    return Month(
        channel,
        value,
        IntervalReads.raw(
            np.full(len(value), 7), start_s, value, recorded_us=0, source=Source.UPLINK
        ),
        RegisterReads.raw(
            np.full(31, 7),
            np.append(start_s, channel.read_end_s)[midnights],
            (shown // channel.multiplier % channel.register_modulus)[midnights],
            recorded_us=0,
            source=Source.UPLINK,
        ),
    )


def billed(off_s: int = 0, *, register: int = 5_000, quality: str = "ACTUAL") -> BilledBefore:
    """Return the bill before November's."""
    return BilledBefore(
        window_start=date(2026, 10, 3),
        window_end=MONTH.start,
        channel_id=7,
        reading_type=HOURLY_WH,
        usage_point_id="UP1",
        account_id="A1",
        read_start_utc=datetime(2026, 10, 3, 7, tzinfo=UTC),
        read_end_utc=datetime(2026, 11, 3, 8, tzinfo=UTC) + timedelta(seconds=off_s),
        register_end=register,
        usage_quanta=0,
        quality=quality,
        estimated_share=Decimal(0),
        interval_count=0,
        estimated_count=0,
        from_on=date(2026, 10, 3),
        to_on=MONTH.start,
    )
