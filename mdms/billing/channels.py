"""Which channels a bill window concerns, for which part of it, and who pays for them."""

from collections import Counter
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from mdms.billing.window import BillWindow
from mdms.domain.reading_types import VOLTAGE_CHANNEL
from mdms.domain.registry import Agreement, ChannelTable, Registry
from mdms.domain.time import from_epoch_s, local_day

_LOW_NIBBLE = 0x0F


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
        account_id: Who pays on the window's last day; empty when nobody does.
        interval_s: Length of an interval in seconds.
        installed_s: In place from this second on, since 1970-01-01 UTC.
        removed_s: In place up to this second.
        read_start_s: Opening edge: the window's, or the first whole interval after installation.
        read_end_s: Closing edge: the window's, or the last whole interval before removal.
        service_days: Civil days between the two edges.
        installation_count: At how many usage points the meter was within the window.
        intervals_expected: False where the radio is off: only register reads are.
        register_modulus: The register wraps to 0 at this many quanta.
        register_resolution: Quanta per unit of the last transmitted digit.
        multiplier: Register quanta to usage quanta.
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


def billed_channels(
    window: BillWindow, zone: ZoneInfo, table: ChannelTable, registry: Registry
) -> list[BilledChannel]:
    """
    Return every channel with a whole interval in the window, sorted by badge and reading type.

    Voltage is nobody's bill.

    A channel that moved within the window appears once, with its last installation.
    """
    period = window.period(zone)
    premise_of = {point.usage_point_id: point.premise_id for point in registry.usage_points}
    account_of = _accounts_on(window, registry.agreements)
    found: dict[int, BilledChannel] = {}
    installations: Counter[int] = Counter()
    for row in table.installed_s.argsort(kind="stable"):
        channel_id, interval_s = int(table.channel_id[row]), int(table.interval_s[row])
        installed_s, removed_s = int(table.installed_s[row]), int(table.removed_s[row])
        start_s = period.start_s
        if installed_s > start_s:
            start_s += -(-(installed_s - start_s) // interval_s) * interval_s
        end_s = period.end_s
        if removed_s < end_s:
            end_s -= -(-(end_s - removed_s) // interval_s) * interval_s
        if start_s >= end_s or table.wire_channel[row] & _LOW_NIBBLE == VOLTAGE_CHANNEL:
            continue
        usage_point_id = str(table.usage_point_id[row])
        intervals_expected = bool(table.radio_on[row])
        before = found.get(channel_id)
        if before and (before.usage_point_id, before.removed_s) == (usage_point_id, installed_s):
            # It went nowhere: its radio fell silent or was heard again. Registers bill the whole.
            installed_s, start_s = before.installed_s, before.read_start_s
            intervals_expected &= before.intervals_expected
        else:
            installations[channel_id] += 1
        found[channel_id] = BilledChannel(
            channel_id=channel_id,
            badge=str(table.badge[row]),
            reading_type=str(table.reading_type[row]),
            usage_point_id=usage_point_id,
            premise_id=premise_of[usage_point_id],
            account_id=account_of.get(usage_point_id, ""),
            interval_s=interval_s,
            installed_s=installed_s,
            removed_s=removed_s,
            read_start_s=start_s,
            read_end_s=end_s,
            service_days=_civil_days(start_s, end_s, zone),
            installation_count=installations[channel_id],
            intervals_expected=intervals_expected,
            register_modulus=int(table.register_modulus[row]),
            register_resolution=int(table.register_resolution[row]),
            multiplier=int(table.multiplier[row]),
        )
    return sorted(found.values(), key=lambda channel: (channel.badge, channel.reading_type))


def _accounts_on(window: BillWindow, agreements: tuple[Agreement, ...]) -> dict[str, str]:
    """Return the account by usage point on the window's last day; agreements are half-open."""
    return {
        agreement.usage_point_id: agreement.account_id
        for agreement in agreements
        if agreement.start_on <= window.last_day
        and (agreement.end_on is None or window.last_day < agreement.end_on)
    }


def _civil_days(start_s: int, end_s: int, zone: ZoneInfo) -> int:
    return (local_day(from_epoch_s(end_s), zone) - local_day(from_epoch_s(start_s), zone)).days
