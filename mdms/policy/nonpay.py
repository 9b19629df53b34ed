"""Disconnecting for non-payment: policy.md 2.4."""

from dataclasses import dataclass
from datetime import time


@dataclass(frozen=True, slots=True, kw_only=True)
class NonpayRules:
    """Notices, waits and the legal window."""

    late_notice_days: int
    pay_by_days_issued: int
    pay_by_days_mailed: int
    bill_days_mailed: int
    notice_hours: int
    notice_days_max: int
    notice_contents: tuple[str, ...]
    contact_hours: int
    payment_hours: int
    feed_minutes_max: int
    military_days: int
    send_until: time
    margin_minutes: int
