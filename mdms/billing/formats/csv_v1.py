"""
The files that a billing system pulls for one frozen window, version 1 of their format.

`billing_reads_v1_…csv` has a row for each register that closes a part of a bill, as headend.md 3.7
lists the columns. `determinants_v1_…csv` has what a reader needs to compute usage again: exact
quanta, edges, counts, and the version of every interval. `services_v1_…csv` has what a bill has
lines for: whole units of each service; with these go reads of switchings, fees, and corrections
(`csv_extras`). `manifest_v1_…json` comes last and names them all with rows
and SHA-256. The same determinants give the same bytes.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from mdms.billing.formats import csv_extras
from mdms.billing.formats.csv_extras import Extras
from mdms.billing.formats.rfc4180 import csv_text, guarded
from mdms.billing.units import unrounded_units
from mdms.billing.window import BillWindow
from mdms.domain.reading_types import READING_TYPES
from mdms.ports.billing import BilledService, BillingDeterminant

READ_COLUMNS: Final = (
    "order_id", "contract_account", "premise_id", "meter_badge", "register", "unit",
    "read_local", "read_utc", "value", "prev_value", "usage", "quality", "method", "reason",
    "version",
)  # fmt: skip
DETERMINANT_COLUMNS: Final = (
    "window_start", "window_end", "meter_badge", "reading_type", "usage_point_id", "premise_id",
    "account_id", "read_start_utc", "read_end_utc", "register_start", "register_end",
    "usage_quanta", "quantum", "usage", "unit", "quality", "method", "estimated_share",
    "interval_count", "estimated_count", "versions", "ruleset_hash", "content_hash", "revision",
)  # fmt: skip
SERVICE_COLUMNS: Final = (
    "window_start", "window_end", "usage_point_id", "premise_id", "account_id", "commodity",
    "from_on", "to_on", "opened_by", "closed_by", "service_days", "proration", "quality",
    "estimated_share", "quantity", "units", "flags", "schedules", "version", "content_hash",
)  # fmt: skip

_NO_ORDER: Final = ""
"""The customer system has issued no read order; its number would stand here."""


def files(
    window: BillWindow,
    determinants: Sequence[BillingDeterminant],
    zone: ZoneInfo,
    *,
    services: Sequence[BilledService],
    extras: Extras | None = None,
) -> dict[str, bytes]:
    """Return the window's files by name, in the order in which they are to be written."""
    suffix = f"v1_{window.start}_{window.end}"
    tables = {
        f"billing_reads_{suffix}.csv": billing_reads(determinants, zone),
        f"determinants_{suffix}.csv": determinant_rows(determinants),
        f"services_{suffix}.csv": service_rows(services),
    }
    if extras is not None:
        tables |= {
            f"switch_reads_{suffix}.csv": csv_extras.switch_rows(extras.switch_reads, zone),
            f"billing_events_{suffix}.csv": csv_extras.event_rows(extras.events),
            f"corrections_{suffix}.csv": csv_extras.correction_rows(extras.corrections),
        }
    manifest = {
        "format": "mdms billing csv v1",
        "window_start": str(window.start),
        "window_end": str(window.end),
        "zone": zone.key,
        "services_sha256": services_digest(services),
        "files": [
            {
                "name": name,
                "rows": content.count(b"\r\n") - 1,
                "sha256": hashlib.sha256(content).hexdigest(),
            }
            for name, content in tables.items()
        ],
    }
    text = json.dumps(manifest, indent=2) + "\n"
    return tables | {f"manifest_{suffix}.json": text.encode("ascii")}


def billing_reads(determinants: Sequence[BillingDeterminant], zone: ZoneInfo) -> bytes:
    """
    Return `billing_reads_v1`, one row per register read at the window's end.

    `register` is the channel's CIM reading type; `value` and `prev_value` are what the dials
    showed, unrounded, in the billing unit; `usage` counts whole units, multiplier included.
    """
    return csv_text(
        READ_COLUMNS,
        (_read_row(determinant, zone) for determinant in _sorted(determinants)),
    ).encode("utf-8")


def determinant_rows(determinants: Sequence[BillingDeterminant]) -> bytes:
    """
    Return `determinants_v1`, one row per determinant.

    Registers are dial quanta: usage_quanta = (register_end - register_start) modulo the
    register's modulus, times the meter's multiplier. `versions` reads as
    `mdms.billing.proof.pack_versions` says.
    """
    return csv_text(
        DETERMINANT_COLUMNS, (_determinant_row(row) for row in _sorted(determinants))
    ).encode("utf-8")


def service_rows(services: Sequence[BilledService]) -> bytes:
    """
    Return `services_v1`, one row per quantity of a service.

    `units` are whole, rounded once for all meters of the service together. `schedules` reads
    `name:days`, joined by blanks; `flags` are joined by blanks.
    """
    return csv_text(
        SERVICE_COLUMNS,
        (
            _service_row(service, quantity)
            for service in sorted(services, key=lambda each: (each.usage_point_id, each.period))
            for quantity in sorted(service.quantities)
        ),
    ).encode("utf-8")


def services_digest(services: Sequence[BilledService]) -> str:
    """Return the SHA-256 over hash and revision of every service: what is acknowledged."""
    digest = hashlib.sha256()
    for each in sorted(services, key=lambda each: (each.usage_point_id, each.period)):
        digest.update(f"{each.content_hash} {each.revision}\n".encode("ascii"))
    return digest.hexdigest()


def _sorted(determinants: Sequence[BillingDeterminant]) -> list[BillingDeterminant]:
    rows = sorted(determinants, key=_place)
    keys = {(row.badge, row.reading_type, row.usage_point_id, row.period) for row in rows}
    assert len(keys) == len(rows), "a channel is billed once in a period"
    return rows


def _read_row(row: BillingDeterminant, zone: ZoneInfo) -> tuple[object, ...]:
    kind = READING_TYPES[row.reading_type]
    return (
        _NO_ORDER,
        guarded(row.account_id),
        guarded(row.premise_id),
        guarded(row.badge),
        row.reading_type,
        row.unit,
        row.read_end_utc.astimezone(zone).isoformat(),
        _utc(row.read_end_utc),
        unrounded_units(row.register_end, kind),
        unrounded_units(row.register_start, kind),
        row.usage_units,
        row.quality,
        row.method,
        row.closed_by,
        row.revision,
    )


def _determinant_row(row: BillingDeterminant) -> tuple[object, ...]:
    return (
        row.window_start,
        row.window_end,
        guarded(row.badge),
        row.reading_type,
        guarded(row.usage_point_id),
        guarded(row.premise_id),
        guarded(row.account_id),
        _utc(row.read_start_utc),
        _utc(row.read_end_utc),
        row.register_start,
        row.register_end,
        row.usage_quanta,
        READING_TYPES[row.reading_type].unit,
        row.usage_units,
        row.unit,
        row.quality,
        row.method,
        row.estimated_share,
        row.interval_count,
        row.estimated_count,
        row.versions.decode("ascii"),
        row.ruleset_hash,
        row.content_hash,
        row.revision,
    )


def _service_row(service: BilledService, quantity: str) -> tuple[object, ...]:
    schedules = service.detail["schedules"]
    return (
        service.window_start,
        service.window_end,
        guarded(service.usage_point_id),
        guarded(service.premise_id),
        guarded(service.account_id),
        service.commodity,
        service.from_on,
        service.to_on,
        service.opened_by,
        service.closed_by,
        service.service_days,
        service.detail.get("proration", ""),
        service.quality,
        service.estimated_share,
        quantity,
        service.quantities[quantity],
        " ".join(service.flags),
        " ".join(f"{each['schedule']}:{each['days']}" for each in schedules),
        service.revision,
        service.content_hash,
    )


def _place(row: BillingDeterminant) -> tuple[str, str, datetime]:
    return row.badge, row.reading_type, row.read_start_utc


def _utc(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
