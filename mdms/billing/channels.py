"""
Which channels a bill window concerns, for which part of it, and who pays for them.

A window falls apart where people move and where meters are exchanged. Between two moves lies a
*period*: one account, one service, one bill. Within a period every meter has its own *part*, from
the window's edge or the meter's installation to the other edge or its removal.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from mdms.billing.window import BillWindow
from mdms.domain.reading_types import VOLTAGE_CHANNEL
from mdms.domain.registry import Agreement, ChannelTable, Commodity, Registry
from mdms.domain.time import Period, from_epoch_s, local_day

_LOW_NIBBLE = 0x0F


class ReadReason(StrEnum):
    """Why a register is read for a bill; the words of headend.md 3.7."""

    PERIODIC = "PERIODIC"
    MOVE_IN = "MOVE_IN"
    MOVE_OUT = "MOVE_OUT"
    EXCHANGE = "EXCHANGE"
    DISCONNECT = "DISCONNECT"
    RECONNECT = "RECONNECT"


@dataclass(frozen=True, slots=True)
class ServicePeriod:
    """
    What one account pays of one service in a bill window: the days [from_on, to_on).

    Attributes:
        number: From 1 in each window; more than one where people moved.
        account_id: Empty where nobody pays.
        billing_cycle: Of the usage point.
    """

    usage_point_id: str
    number: int
    premise_id: str
    commodity: Commodity
    billing_cycle: int
    account_id: str
    from_on: date
    to_on: date
    opened_by: ReadReason
    closed_by: ReadReason

    @property
    def service_days(self) -> int:
        """How many civil days of service it charges."""
        return (self.to_on - self.from_on).days


@dataclass(frozen=True, slots=True)
class BilledChannel:
    """
    A channel of a meter that was in place during a bill window.

    Attributes:
        channel_id: Channel, ours.
        badge: Meter.
        reading_type: CIM reading type.
        usage_point_id: Where it measures.
        premise_id: Where the usage point stands.
        account_id: Who pays; empty when nobody does.
        interval_s: Length of an interval in seconds.
        installed_s: In place from this second on, since 1970-01-01 UTC.
        removed_s: In place up to this second.
        read_start_s: Opening edge: the period's, or the first whole interval after installation.
        read_end_s: Closing edge: the period's, or the last whole interval before removal.
        service_days: Civil days between the two edges.
        installation_count: How often the meter was put in place there within the period, or set up
            to count otherwise.
        intervals_expected: False where the radio is off: only register reads are.
        register_modulus: The register wraps to 0 at this many quanta.
        register_resolution: Quanta per unit of the last transmitted digit.
        multiplier: Register quanta to usage quanta.
        from_on: First day of the service period that it is a part of.
        to_on: Day after its last one.
        period: Number of the service period that it is a part of.
        opened_by: Why its first register is read.
        closed_by: Why its last one is.
        estimated_because: Why its period could not be read and was estimated; empty: it was.
    """

    channel_id: int
    badge: str
    reading_type: str
    usage_point_id: str
    premise_id: str
    account_id: str
    interval_s: int
    installed_s: int
    removed_s: int
    read_start_s: int
    read_end_s: int
    service_days: int
    installation_count: int
    intervals_expected: bool
    register_modulus: int
    register_resolution: int
    multiplier: int
    from_on: date
    to_on: date
    period: int = 1
    opened_by: ReadReason = ReadReason.PERIODIC
    closed_by: ReadReason = ReadReason.PERIODIC
    estimated_because: str = ""


def service_periods(
    window: BillWindow, registry: Registry
) -> Mapping[str, Sequence[ServicePeriod]]:
    """Return by usage point who pays for which days of a window; every day is somebody's."""
    agreements: dict[str, list[Agreement]] = {}
    for agreement in sorted(registry.agreements, key=lambda each: each.start_on):
        agreements.setdefault(agreement.usage_point_id, []).append(agreement)
    return {
        point.usage_point_id: [
            ServicePeriod(
                usage_point_id=point.usage_point_id,
                number=number,
                premise_id=point.premise_id,
                commodity=point.commodity,
                billing_cycle=point.billing_cycle,
                account_id=account_id,
                from_on=from_on,
                to_on=to_on,
                opened_by=_moved(from_on, window.start, ReadReason.MOVE_IN, account_id),
                closed_by=_moved(to_on, window.end, ReadReason.MOVE_OUT, account_id),
            )
            for number, (from_on, to_on, account_id) in enumerate(
                _stretches(window, agreements.get(point.usage_point_id, ())), 1
            )
        ]
        for point in registry.usage_points
    }


def billed_channels(
    window: BillWindow,
    zone: ZoneInfo,
    table: ChannelTable,
    periods: Mapping[str, Sequence[ServicePeriod]],
) -> list[BilledChannel]:
    """
    Return the part of every channel with a whole interval in a period, by badge and reading type.

    Voltage is nobody's bill.

    A channel that left a place and came back within one period appears once, with the last stay;
    so does one whose multiplier or register changed.
    """
    found: dict[tuple[int, str, int], BilledChannel] = {}
    stays: Counter[tuple[int, str, int]] = Counter()
    for row in table.installed_s.argsort(kind="stable").tolist():
        if table.wire_channel[row] & _LOW_NIBBLE == VOLTAGE_CHANNEL:
            continue
        for each in periods[str(table.usage_point_id[row])]:
            part = _part(table, row, each, zone)
            if part is None:
                continue
            key = (part.channel_id, part.usage_point_id, part.period)
            before = found.get(key)
            if before and before.removed_s == part.installed_s and _counts_alike(before, part):
                # It went nowhere: its radio fell silent or was heard again. Registers bill all.
                part = _joined(before, part, zone)
            else:
                stays[key] += 1
            found[key] = replace(part, installation_count=stays[key])
    assert all(window.start <= each.from_on for known in periods.values() for each in known)
    return sorted(
        found.values(), key=lambda part: (part.badge, part.reading_type, part.read_start_s)
    )


def _part(
    table: ChannelTable, row: int, period: ServicePeriod, zone: ZoneInfo
) -> BilledChannel | None:
    """Return what a channel is of a period while it was in place; None without an interval."""
    days = Period.of_days(period.from_on, period.to_on - timedelta(days=1), zone)
    interval_s = int(table.interval_s[row])
    installed_s, removed_s = int(table.installed_s[row]), int(table.removed_s[row])
    start_s, end_s = days.start_s, days.end_s
    if installed_s > start_s:
        start_s += -(-(installed_s - start_s) // interval_s) * interval_s
    if removed_s < end_s:
        end_s -= -(-(end_s - removed_s) // interval_s) * interval_s
    if start_s >= end_s:
        return None
    return BilledChannel(
        channel_id=int(table.channel_id[row]),
        badge=str(table.badge[row]),
        reading_type=str(table.reading_type[row]),
        usage_point_id=period.usage_point_id,
        premise_id=period.premise_id,
        account_id=period.account_id,
        interval_s=interval_s,
        installed_s=installed_s,
        removed_s=removed_s,
        read_start_s=start_s,
        read_end_s=end_s,
        service_days=_civil_days(start_s, end_s, zone),
        installation_count=1,
        intervals_expected=bool(table.radio_on[row]),
        register_modulus=int(table.register_modulus[row]),
        register_resolution=int(table.register_resolution[row]),
        multiplier=int(table.multiplier[row]),
        from_on=period.from_on,
        to_on=period.to_on,
        period=period.number,
        opened_by=ReadReason.EXCHANGE if installed_s > days.start_s else period.opened_by,
        closed_by=ReadReason.EXCHANGE if removed_s < days.end_s else period.closed_by,
    )


def _counts_alike(before: BilledChannel, after: BilledChannel) -> bool:
    """Return whether a difference of registers over both stays says what was used."""
    return all(
        getattr(before, column) == getattr(after, column)
        for column in ("multiplier", "register_modulus", "register_resolution")
    )


def _joined(before: BilledChannel, after: BilledChannel, zone: ZoneInfo) -> BilledChannel:
    """Return two stays of a channel, one right after the other, as one."""
    return replace(
        after,
        installed_s=before.installed_s,
        read_start_s=before.read_start_s,
        service_days=_civil_days(before.read_start_s, after.read_end_s, zone),
        intervals_expected=before.intervals_expected and after.intervals_expected,
        opened_by=before.opened_by,
    )


def _stretches(
    window: BillWindow, agreements: Sequence[Agreement]
) -> Iterator[tuple[date, date, str]]:
    """Yield the days and the account of each period; agreements are half-open, sorted by start."""
    on = window.start
    for number, agreement in enumerate(agreements):
        later = [each.start_on for each in agreements[number + 1 :]]
        from_on = max(agreement.start_on, on)
        to_on = min([agreement.end_on or window.end, window.end, *later])
        if from_on >= to_on:
            continue
        if on < from_on:
            yield on, from_on, ""
        yield from_on, to_on, agreement.account_id
        on = to_on
    if on < window.end:
        yield on, window.end, ""


def _moved(on: date, edge: date, moved: ReadReason, account_id: str) -> ReadReason:
    """Return why a register is read at an end of a period; in empty rooms, by who left or comes."""
    if on == edge:
        return ReadReason.PERIODIC
    if account_id:
        return moved
    return ReadReason.MOVE_OUT if moved is ReadReason.MOVE_IN else ReadReason.MOVE_IN


def _civil_days(start_s: int, end_s: int, zone: ZoneInfo) -> int:
    return (local_day(from_epoch_s(end_s), zone) - local_day(from_epoch_s(start_s), zone)).days
