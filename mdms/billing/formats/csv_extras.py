"""
What else goes with the files of a window: reads of switchings, fees, corrections.

A disconnect or reconnect always carries its own read (headend.md 3.7); fees of the opt-out
programme belong with the bill; whoever took a bill that was wrong is told what changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Final
from zoneinfo import ZoneInfo

from mdms.billing.formats.rfc4180 import csv_text, guarded
from mdms.billing.units import unrounded_units
from mdms.domain.programme import BillingEvent
from mdms.domain.reading_types import READING_TYPES
from mdms.ports.billing import Correction, SwitchRead

SWITCH_COLUMNS: Final = (
    "contract_account", "usage_point_id", "meter_badge", "register", "unit", "read_local",
    "read_utc", "value", "reason", "control_id",
)  # fmt: skip
EVENT_COLUMNS: Final = ("account_id", "kind", "subject_id", "due_on", "amount_usd", "clause")
CORRECTION_COLUMNS: Final = (
    "number", "usage_point_id", "account_id", "period", "superseded_version", "superseded_hash",
    "present_hash", "quantity", "frozen", "present", "change", "causes", "flags", "treatment",
    "notice_by",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Extras:
    """What goes with the bills of a window."""

    switch_reads: Sequence[SwitchRead]
    events: Sequence[BillingEvent]
    corrections: Sequence[Correction]


def switch_rows(reads: Sequence[SwitchRead], zone: ZoneInfo) -> bytes:
    """Return `switch_reads_v1`, one row per confirmed switching with what the register showed."""
    return csv_text(
        SWITCH_COLUMNS,
        (
            (
                guarded(each.account_id),
                guarded(each.usage_point_id),
                guarded(each.badge),
                each.reading_type,
                READING_TYPES[each.reading_type].billing_unit,
                each.at.astimezone(zone).isoformat(),
                each.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                unrounded_units(each.register, READING_TYPES[each.reading_type]),
                each.reason,
                each.control_id,
            )
            for each in reads
        ),
    ).encode("utf-8")


def event_rows(events: Sequence[BillingEvent]) -> bytes:
    """Return `billing_events_v1`, one row per sum that this window is the first to carry."""
    return csv_text(
        EVENT_COLUMNS,
        (
            (
                guarded(each.account_id),
                each.kind,
                guarded(each.subject_id),
                each.due_on,
                each.amount_usd,
                each.clause,
            )
            for each in events
        ),
    ).encode("utf-8")


def correction_rows(corrections: Sequence[Correction]) -> bytes:
    """Return `corrections_v1`, one row per quantity that differs; causes and flags by blanks."""
    return csv_text(
        CORRECTION_COLUMNS,
        (
            (
                each.number,
                guarded(each.usage_point_id),
                guarded(each.account_id),
                each.period,
                each.revision,
                each.old_hash,
                each.new_hash,
                quantity,
                old,
                new,
                new - old,
                " ".join(each.causes),
                " ".join(each.flags),
                each.treatment,
                each.notice_by,
            )
            for each in corrections
            for quantity, (old, new) in each.changes.items()
        ),
    ).encode("utf-8")
