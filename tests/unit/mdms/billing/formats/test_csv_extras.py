"""Reads of switchings, fees and corrections as rows of files."""

import csv
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from zoneinfo import ZoneInfo

from mdms.billing.formats.csv_extras import correction_rows, event_rows, switch_rows
from mdms.domain.programme import BillingEvent
from mdms.domain.reading_types import reading_type
from mdms.domain.registry import Commodity
from mdms.ports.billing import Correction, SwitchRead

PACIFIC = ZoneInfo("America/Los_Angeles")


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(content.decode(), newline="")))


def test_a_disconnect_carries_its_own_read():
    read = SwitchRead(
        control_id="0193",
        badge="E1",
        reading_type=reading_type(Commodity.ELECTRIC, 0, 900).name,
        usage_point_id="U1",
        account_id="A1",
        at=datetime(2026, 11, 20, 18, 7, tzinfo=UTC),
        register=721_345,
        reason="DISCONNECT",
    )

    [row] = rows(switch_rows([read], PACIFIC))

    assert (row["value"], row["unit"], row["reason"]) == ("721.345", "kWh", "DISCONNECT")
    assert row["read_local"] == "2026-11-20T10:07:00-08:00"
    assert row["read_utc"] == "2026-11-20T18:07:00Z"


def test_a_fee_is_a_row_with_its_clause():
    fee = BillingEvent(
        kind="monthly",
        account_id="A1",
        subject_id="=A1",
        due_on=date(2026, 11, 1),
        amount_usd=Decimal("25.00"),
        clause="OO-IV.2",
        at=datetime(2026, 11, 1, tzinfo=UTC),
    )

    [row] = rows(event_rows([fee]))

    assert (row["amount_usd"], row["clause"], row["subject_id"]) == ("25.00", "OO-IV.2", "'=A1")


def test_a_correction_has_a_row_for_each_quantity_and_cites_what_it_supersedes():
    correction = Correction(
        window_start=date(2026, 11, 3),
        window_end=date(2026, 12, 3),
        usage_point_id="U1",
        period=1,
        revision=1,
        account_id="A1",
        found_at=datetime(2026, 12, 6, tzinfo=UTC),
        found_by="ada",
        changes={"delivered_kwh": (812, 814), "net_kwh": (810, 812)},
        causes=("edit", "bill_before"),
        flags=("UNDERCHARGE",),
        treatment="replace",
        notice_by=date(2027, 1, 5),
        old_hash="old",
        new_hash="new",
        number=7,
    )

    first, second = rows(correction_rows([correction]))

    assert (first["quantity"], first["frozen"], first["present"]) == ("delivered_kwh", "812", "814")
    assert (second["quantity"], second["change"]) == ("net_kwh", "2")
    assert (first["superseded_version"], first["superseded_hash"]) == ("1", "old")
    assert (first["causes"], first["notice_by"]) == ("edit bill_before", "2027-01-05")
