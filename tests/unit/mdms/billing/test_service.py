"""What a bill has lines for: whole units of a service, over all its meters, by its schedule."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdms.billing.channels import BilledChannel, ReadReason, ServicePeriod
from mdms.billing.determinants import determine
from mdms.billing.schedules import split_by_days
from mdms.billing.service import ServiceBiller
from mdms.billing.service_parts import Flag, Part, Terms, content_hash
from mdms.billing.tou import UncountableError
from mdms.billing.window import BillWindow
from mdms.domain.errors import OperatorError
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


def test_a_plain_service_has_its_total_and_nothing_else():
    service = Service()
    service.add(150)

    bill = service.bill()

    assert bill.quantities == {"delivered_kwh": 432}
    assert bill.detail["exact"] == {"delivered_kwh": "432.000"}
    assert (bill.flags, bill.quality, bill.service_days) == ((), "ACTUAL", 30)
    assert bill.parts == tuple(part.determinant.content_hash for part in service.parts())


def test_meters_that_follow_each_other_are_rounded_together_once():
    service = Service()
    middle_s = service.days.start_s + 10 * 86_400
    old = np.zeros(960, np.int64)
    new = np.zeros(1_920, np.int64)
    old[0], new[0] = 100_400, 200_400
    service.add(old, read_end_s=middle_s, removed_s=middle_s, closed_by=ReadReason.EXCHANGE)
    service.add(new, read_start_s=middle_s, installed_s=middle_s, opened_by=ReadReason.EXCHANGE)

    bill = service.bill()

    assert [part.determinant.usage_units for part in service.parts()] == [100, 200]
    assert bill.quantities == {"delivered_kwh": 301}
    assert bill.flags == (Flag.EXCHANGED,)


def test_net_metering_reports_both_directions_and_their_difference():
    """case-67: delivered 500, received 620."""
    service = Service()
    delivered, received = np.zeros(2_880, np.int64), np.zeros(2_880, np.int64)
    delivered[at(4, 18)], received[at(4, 12)] = 500_000, 620_000
    service.add(delivered)
    service.add(received, direction=1)

    bill = service.bill()

    assert bill.quantities == {"delivered_kwh": 500, "received_kwh": 620, "net_kwh": -120}


def test_reactive_energy_is_a_line_of_its_own():
    service = Service()
    service.add(100)
    service.add(30, direction=3)

    assert service.bill().quantities == {"delivered_kwh": 288, "reactive_kvarh": 86}


def test_buckets_add_up_to_the_total_by_largest_remainder():
    """case-63: 101.4, 210.3 and 88.3 of 400 are 102, 210 and 88."""
    value = np.zeros(2_880, np.int64)
    value[at(4, 16)] = 101_400  # a Wednesday
    value[at(4, 3)] = 210_300
    value[at(7, 17)] = 88_300  # a Saturday
    service = Service()
    service.add(value)

    bill = service.bill((MONTH.start, "E-1-TOU"))

    assert bill.quantities == {
        "delivered_kwh": 400,
        "delivered_on_peak_kwh": 102,
        "delivered_mid_peak_kwh": 88,
        "delivered_off_peak_kwh": 210,
    }
    assert bill.detail["tou"]["delivered"]["on_peak"] == {"quanta": 101_400, "estimated": 0}


def test_a_holiday_has_no_peak_of_a_weekday():
    value = np.zeros(2_880, np.int64)
    value[at(26, 17)] = 7_000  # Thanksgiving, a Thursday
    service = Service()
    service.add(value)

    bill = service.bill((MONTH.start, "E-1-TOU"))

    assert (
        bill.quantities["delivered_on_peak_kwh"],
        bill.quantities["delivered_mid_peak_kwh"],
    ) == (
        0,
        7,
    )


@pytest.mark.parametrize(
    ("day", "quarters", "off_peak"),
    [(date(2026, 11, 1), 100, 80), (date(2026, 3, 8), 92, 72)],
    ids=["autumn", "spring"],
)
def test_a_day_of_25_or_23_hours_has_a_longer_or_shorter_night_and_the_same_peak(
    day, quarters, off_peak
):
    service = Service(BillWindow(day, date.fromordinal(day.toordinal() + 1)))
    service.add(1_000)

    bill = service.bill(
        (day, "E-1-TOU"), of=period(from_on=day, to_on=date.fromordinal(day.toordinal() + 1))
    )

    assert bill.quantities["delivered_kwh"] == quarters
    assert bill.quantities["delivered_off_peak_kwh"] == off_peak
    assert bill.quantities["delivered_mid_peak_kwh"] == 20
    assert bill.service_days == 1


def test_net_metering_by_time_of_use_nets_each_bucket():
    service = Service()
    delivered, received = np.zeros(2_880, np.int64), np.zeros(2_880, np.int64)
    delivered[at(4, 18)], received[at(4, 12)] = 5_000, 6_000
    service.add(delivered)
    service.add(received, direction=1)

    bill = service.bill((MONTH.start, "E-1-TOU"))

    assert (bill.quantities["net_on_peak_kwh"], bill.quantities["net_off_peak_kwh"]) == (5, -6)


def test_the_estimated_share_of_each_bucket_is_told():
    value = np.zeros(2_880, np.int64)
    value[at(4, 16)], value[at(5, 16)] = 3_000, 1_000
    service = Service()
    service.add(value, statuses={at(5, 16): Status.ESTIMATED})

    bill = service.bill((MONTH.start, "E-1-TOU"))

    assert bill.detail["tou"]["delivered"]["on_peak"] == {"quanta": 4_000, "estimated": 1_000}
    assert bill.estimated_share == Decimal("0.250000")


REGISTERS: dict[str, Any] = {"intervals_expected": False, "estimated_because": "meter"}


@pytest.mark.parametrize("lost", [slice(0, 0), slice(100, 101)], ids=["all came", "one is lost"])
def test_buckets_of_a_meter_that_is_billed_by_registers_are_those_of_the_intervals_that_came(lost):
    expected = Service()
    expected.add(100)
    service = Service()
    service.add(100, **REGISTERS)
    service.lose(lost)

    bill = service.bill((MONTH.start, "E-1-TOU"))

    assert bill.quantities == expected.bill((MONTH.start, "E-1-TOU")).quantities
    buckets = bill.detail["tou"]["delivered"]
    lost_quanta = 100 * len(range(2_880)[lost])
    assert sum(each["quanta"] for each in buckets.values()) == 288_000
    assert sum(each["estimated"] for each in buckets.values()) == lost_quanta
    assert bill.detail["tou"].get("intervals_lacking", 0) == lost_quanta // 100


def test_intervals_that_are_held_say_nothing_of_buckets():
    service = Service()
    value = np.full(2_880, 100, np.int64)
    value[at(4, 12)] = 50_000
    service.add(value, statuses={at(4, 12): Status.SUSPECT}, **REGISTERS)

    bill = service.bill((MONTH.start, "E-1-TOU"))

    assert bill.detail["tou"]["intervals_lacking"] == 1
    assert bill.detail["tou"]["delivered"]["off_peak"]["estimated"] == 100


@pytest.mark.parametrize("came", [0, 48], ids=["none came", "none of the peak came"])
def test_a_bucket_that_nothing_is_known_of_waits(came):
    service = Service()
    service.add(100, **REGISTERS)
    service.lose(slice(came, None))

    with pytest.raises(UncountableError, match="billed by registers, and none of its 420 interv"):
        service.bill((MONTH.start, "E-1-TOU"))


def test_nothing_used_needs_no_interval_to_be_divided():
    service = Service()
    service.add(0, **REGISTERS)
    service.lose(slice(0, None))

    bill = service.bill((MONTH.start, "E-1-TOU"))

    assert set(bill.quantities.values()) == {0}


def test_usage_that_no_interval_saw_is_divided_by_nobody():
    service = Service()
    service.add(0)
    shown = service.registers.value + np.array([0, 900])
    service.registers = replace(service.registers, value=shown)
    service.channels = [replace(each, register_resolution=1_000) for each in service.channels]

    with pytest.raises(UncountableError, match="counted 1 kWh delivered, and its intervals none"):
        service.bill((MONTH.start, "E-1-TOU"))


def test_a_calendar_that_ends_before_the_window_bills_nobody_by_guess():
    service = Service(BillWindow(date(2028, 1, 3), date(2028, 2, 2)))
    service.add(1)

    with pytest.raises(OperatorError, match="lists holidays through 2027-12-31"):
        service.bill((date(2028, 1, 3), "E-1-TOU"))


def test_hours_that_change_within_an_interval_cannot_be_divided():
    service = Service(interval_s=3_600)
    service.add(1)
    hours = replace(TARIFF.tou["E-1-TOU"].hours[0], from_at=replace_minute(30))
    calendar = replace(TARIFF.tou["E-1-TOU"], hours=(hours,))
    tariff = replace(TARIFF, tou={"E-1-TOU": calendar})
    biller = ServiceBiller(MONTH, ZONE, tariff, RULES)

    with pytest.raises(OperatorError, match="minute 990 of the day, within an interval of 3600 s"):
        biller.bill(
            period(),
            terms((MONTH.start, "E-1-TOU")),
            service.parts(),
            service.intervals.current(),
        )


def replace_minute(minute: int) -> Any:
    return TARIFF.tou["E-1-TOU"].hours[0].from_at.replace(minute=minute)


def test_demand_is_not_taken_from_an_estimate():
    """case-64: 1.875 kWh estimated, 1.60 actual in a quarter of an hour."""
    value = np.full(2_880, 250, np.int64)
    value[at(4, 18)], value[at(9, 7)] = 1_875, 1_600
    service = Service()
    service.add(value, statuses={at(4, 18): Status.ESTIMATED})

    bill = service.bill((MONTH.start, "E-4"))

    assert bill.quantities["demand_kw"] == 6
    assert bill.quantities["demand_estimated_candidate_kw"] == 8
    assert bill.flags == (Flag.DEMAND_ESTIMATED,)
    assert bill.detail["demand"] == {
        "watts": "6400",
        "at": "2026-11-09T15:00:00+00:00",
        "candidate_watts": "7500",
    }


def test_demand_with_many_estimates_is_settled_by_a_person():
    value = np.full(2_880, 250, np.int64)
    value[at(4, 18)] = 1_875
    service = Service()
    estimated = dict.fromkeys(range(at(4, 12), at(4, 12) + 60), Status.ESTIMATED)
    service.add(value, statuses=estimated)

    bill = service.bill((MONTH.start, "E-4"))

    assert Flag.DEMAND_INCOMPLETE in bill.flags


@pytest.mark.parametrize(("resolution", "expected"), [(20, 8), (21, 0)])
def test_a_derived_interval_is_demand_only_where_the_register_is_fine_enough(resolution, expected):
    value = np.zeros(2_880, np.int64)
    value[at(4, 18)] = 2_000
    service = Service()
    service.add(value, statuses={at(4, 18): Status.DERIVED}, register_resolution=resolution)

    assert service.bill((MONTH.start, "E-4")).quantities["demand_kw"] == expected


def test_an_estimate_below_the_peak_is_nobodys_concern():
    value = np.full(2_880, 250, np.int64)
    value[at(9, 7)] = 1_600
    service = Service()
    service.add(value, statuses={at(4, 18): Status.ESTIMATED})

    bill = service.bill((MONTH.start, "E-4"))

    assert (bill.quantities["demand_kw"], bill.flags) == (6, ())


def test_a_rate_change_is_split_by_days_not_by_what_was_used_when():
    """case-66: 31 days, new rate after day 10, 310 units are 100 and 210."""
    window = BillWindow(date(2026, 11, 3), date(2026, 12, 4))
    value = np.zeros(31 * 96, np.int64)
    value[-1] = 310_000
    service = Service(window)
    service.add(value)

    bill = service.bill(
        (window.start, "E-1"), (date(2026, 11, 13), "E-4"), of=period(to_on=window.end)
    )

    one, other = bill.detail["schedules"]
    assert one == {"schedule": "E-1", "from_on": "2026-11-03", "days": 10, "delivered_kwh": 100}
    assert (other["schedule"], other["days"], other["delivered_kwh"]) == ("E-4", 21, 210)
    assert Flag.SCHEDULE_CHANGED in bill.flags


def test_demand_over_intervals_that_do_not_make_it_up_cannot_be_counted():
    service = Service()
    service.add(100)
    schedule = replace(TARIFF.schedules["E-4"], demand_minutes=20)
    tariff = replace(TARIFF, schedules={**TARIFF.schedules, "E-20": schedule})
    biller = ServiceBiller(MONTH, ZONE, tariff, RULES)

    with pytest.raises(UncountableError, match="demand is taken over 1200 s"):
        biller.bill(
            period(), terms((MONTH.start, "E-20")), service.parts(), service.intervals.current()
        )


def test_a_meter_that_was_put_in_within_a_demand_interval_waits_for_the_next():
    service = Service()
    installed_s = service.days.start_s + 10 * 3_600 + 900
    value = np.full(2_880 - 41, 100, np.int64)
    first = at(8, 10, 30) - 41
    value[first : first + 2] = 5_000
    service.add(
        value,
        installed_s=installed_s,
        read_start_s=installed_s,
        opened_by=ReadReason.EXCHANGE,
    )
    schedule = replace(TARIFF.schedules["E-4"], demand_minutes=30)
    tariff = replace(TARIFF, schedules={**TARIFF.schedules, "E-30": schedule})

    bill = ServiceBiller(MONTH, ZONE, tariff, RULES).bill(
        period(), terms((MONTH.start, "E-30")), service.parts(), service.intervals.current()
    )

    assert bill.quantities["demand_kw"] == 20


@pytest.mark.parametrize(
    ("schedules", "kilowatts"),
    [(("E-4", "E-1"), [20, None]), (("E-1", "E-4"), [None, 1])],
    ids=["demand first", "demand last"],
)
def test_demand_is_taken_from_the_days_of_the_schedule_that_asks_for_it(schedules, kilowatts):
    value = np.full(2_880, 250, np.int64)
    value[at(5, 12)] = 5_000
    service = Service()
    service.add(value)
    first, second = schedules

    bill = service.bill((MONTH.start, first), (date(2026, 11, 25), second))

    assert [row.get("demand_kw") for row in bill.detail["schedules"]] == kilowatts
    assert bill.quantities["demand_kw"] == max(filter(None, kilowatts))


def test_buckets_are_those_of_the_days_of_the_schedule_that_has_them():
    value = np.zeros(2_880, np.int64)
    value[at(4, 16)], value[at(4, 3)] = 200_000, 90_000
    value[at(30, 17)] = 10_000  # a Monday, under the other schedule
    service = Service()
    service.add(value)

    bill = service.bill((MONTH.start, "E-1-TOU"), (date(2026, 11, 30), "E-1"))

    one, other = bill.detail["schedules"]
    assert (one["days"], one["delivered_kwh"], other["delivered_kwh"]) == (27, 270, 30)
    assert one["tou"]["delivered"]["on_peak"]["quanta"] == 200_000
    assert (one["delivered_on_peak_kwh"], one["delivered_off_peak_kwh"]) == (186, 84)
    assert "tou" not in other
    assert bill.quantities["delivered_on_peak_kwh"] == 186


def test_buckets_of_two_calendars_add_up_to_the_total():
    service = Service()
    service.add(100)

    bill = service.bill((MONTH.start, "E-1-TOU"), (date(2026, 11, 20), "E-7-TOU"))

    names = [name for name in bill.quantities if name.endswith("_peak_kwh")]
    assert sum(bill.quantities[name] for name in names) == bill.quantities["delivered_kwh"] == 288
    assert [row["tou"]["calendar"] for row in bill.detail["schedules"]] == ["E-1-TOU", "E-7-TOU"]


@given(st.integers(0, 2_000), st.integers(0, 2_000), st.integers(1, 29))
def test_what_is_net_under_each_schedule_is_the_difference_of_its_two_sides(
    delivered, received, days
):
    totals = {
        "delivered_kwh": delivered, "received_kwh": received, "net_kwh": delivered - received,
    }  # fmt: skip

    rows = split_by_days(totals, [days, 30 - days])

    assert all(row["net_kwh"] == row["delivered_kwh"] - row["received_kwh"] for row in rows)
    assert {name: sum(row[name] for row in rows) for name in totals} == totals


@pytest.mark.parametrize(("to_on", "proration"), [(14, "11/30"), (30, None)])
def test_a_period_outside_of_27_to_33_days_is_prorated(to_on, proration):
    service = Service()
    service.add(10)

    bill = service.bill(of=period(to_on=date(2026, 11, to_on)))

    assert bill.detail.get("proration") == proration
    assert (Flag.PRORATED in bill.flags) == (proration is not None)


def test_gas_is_billed_in_therms_rounded_last():
    service = Service(interval_s=3_600)
    value = np.zeros(720, np.int64)
    value[5] = 4_854  # 48.54 ccf, times 1.03 is 49.996
    service.add(value, commodity=Commodity.GAS)

    bill = service.bill(of=period(Commodity.GAS))

    assert bill.quantities == {"delivered_ccf": 49, "delivered_therm": 50}
    assert bill.detail["gas"] == {"pressure": "1.0", "therm": "1.03"}


def test_gas_without_a_factor_has_no_therms():
    service = Service(interval_s=3_600)
    service.add(1, commodity=Commodity.GAS)

    assert service.bill(of=period(Commodity.GAS), therm=None).quantities == {"delivered_ccf": 7}


def test_what_nobody_pays_says_so():
    service = Service()
    service.add(1)

    assert Flag.VACANT in service.bill(of=period(account_id="")).flags


def reordered(parts: Sequence[Part]) -> list[Part]:
    return list(reversed(parts))


def test_equal_content_has_equal_hashes_whatever_the_order_and_the_revision():
    service = Service()
    service.add(100)
    service.add(30, direction=1)
    biller = ServiceBiller(MONTH, ZONE, TARIFF, RULES)
    current = service.intervals.current()

    one = biller.bill(period(), terms(), service.parts(), current)
    other = biller.bill(period(), terms(), reordered(service.parts()), current, revision=3)

    assert other == replace(one, revision=3)
    assert content_hash(one) == one.content_hash
    assert content_hash(replace(one, account_id="A2")) != one.content_hash
