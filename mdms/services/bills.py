"""Bills, frozen and about to be, as the period rules see them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from mdms.billing.registers import Quality
from mdms.ports.billing import BilledBefore, BillingDeterminant
from vee.bill import Bill

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a channel measures, in terms of its service's past."""

    usage_point_id: str
    reading_type: str


def as_bill(each: BillingDeterminant | BilledBefore, judged: BillingDeterminant) -> Bill:
    """Return a frozen bill, or the one that is judged, as the rules see it."""
    days = max(1, round((each.read_end_utc - each.read_start_utc) / _DAY))
    estimated = each.quality == Quality.ESTIMATED
    if each.interval_count:
        valid_days = days * (each.interval_count - each.estimated_count) // each.interval_count
    else:
        valid_days = 0 if estimated else days
    return Bill(
        start=each.window_start,
        end=each.window_end,
        days=days,
        usage=each.usage_quanta,
        estimated_share=float(each.estimated_share),
        valid_days=valid_days,
        estimated=estimated,
        same_register=each.channel_id == judged.channel_id,
        same_customer=each.account_id == judged.account_id,
    )


def measured(determinant: BillingDeterminant) -> tuple[int, int]:
    """Return what tells one bill of a channel from others of its window."""
    return determinant.channel_id, determinant.period


def place_of(determinant: BillingDeterminant) -> Place:
    """Return where a bill was measured."""
    return Place(determinant.usage_point_id, determinant.reading_type)
