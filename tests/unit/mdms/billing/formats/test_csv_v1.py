"""The billing files: exact columns, stable bytes, a manifest that proves them."""

import csv
import hashlib
import json
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from zoneinfo import ZoneInfo

import pytest

from mdms.billing.formats.csv_v1 import billing_reads, determinant_rows, files
from mdms.billing.window import BillWindow
from mdms.domain.reading_types import reading_type
from mdms.domain.registry import Commodity
from mdms.ports.billing import BillingDeterminant

PACIFIC = ZoneInfo("America/Los_Angeles")
WINDOW = BillWindow(date(2026, 11, 3), date(2026, 12, 3))
ELECTRIC = BillingDeterminant(
    window_start=WINDOW.start,
    window_end=WINDOW.end,
    channel_id=7,
    badge="E1000001",
    reading_type=reading_type(Commodity.ELECTRIC, 0, 900).name,
    usage_point_id="UP1",
    premise_id="P1",
    account_id="A1",
    read_start_utc=datetime(2026, 11, 3, 8, tzinfo=UTC),
    read_end_utc=datetime(2026, 12, 3, 8, tzinfo=UTC),
    register_start=12_345_500,
    register_end=12_981_490,
    usage_quanta=635_990,
    usage_units=636,
    unit="kWh",
    quality="ACTUAL",
    method="",
    estimated_share=Decimal("0.012500"),
    interval_count=2_880,
    estimated_count=36,
    versions=b"2844*0,36*1",
    ruleset_hash="ruleset",
    content_hash="content",
)
WATER = replace(
    ELECTRIC,
    channel_id=3,
    badge="W1",
    reading_type=reading_type(Commodity.WATER, 0, 3600).name,
    unit="ccf",
    register_start=0,
    register_end=108_393,
    usage_units=14,
)
GAS = replace(
    ELECTRIC,
    channel_id=2,
    badge="G1",
    reading_type=reading_type(Commodity.GAS, 0, 3600).name,
    unit="ccf",
    register_start=100,
    register_end=4_350,
    usage_units=43,
)


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(content.decode(), newline="")))


def test_a_billing_read_has_the_columns_and_the_text_of_the_interface():
    assert billing_reads([ELECTRIC], PACIFIC).decode() == (
        "order_id,contract_account,premise_id,meter_badge,register,unit,read_local,read_utc,"
        "value,prev_value,usage,quality,method,reason,version\r\n"
        ",A1,P1,E1000001,0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.0.72.0,kWh,"
        "2026-12-03T00:00:00-08:00,2026-12-03T08:00:00Z,"
        "12981.490,12345.500,636,ACTUAL,,PERIODIC,1\r\n"
    )


def test_registers_are_written_unrounded_in_the_billing_unit():
    gas, water = rows(billing_reads([WATER, GAS], PACIFIC))

    assert (gas["value"], gas["prev_value"], gas["usage"]) == ("43.50", "1.00", "43")
    assert (water["value"], water["prev_value"], water["usage"]) == ("14.490035", "0.000000", "14")


def test_a_summer_read_carries_the_summer_offset():
    summer = replace(ELECTRIC, read_end_utc=datetime(2026, 7, 3, 7, tzinfo=UTC))

    [row] = rows(billing_reads([summer], PACIFIC))

    assert row["read_local"] == "2026-07-03T00:00:00-07:00"


def test_a_determinant_row_has_what_a_reader_needs_to_compute_it_again():
    [row] = rows(determinant_rows([ELECTRIC]))

    assert int(row["register_end"]) - int(row["register_start"]) == int(row["usage_quanta"])
    assert (row["quantum"], row["usage"], row["unit"]) == ("Wh", "636", "kWh")
    assert (row["interval_count"], row["estimated_count"]) == ("2880", "36")
    assert (row["estimated_share"], row["versions"]) == ("0.012500", "2844*0,36*1")
    assert (row["ruleset_hash"], row["content_hash"]) == ("ruleset", "content")
    assert (row["read_start_utc"], row["read_end_utc"]) == (
        "2026-11-03T08:00:00Z",
        "2026-12-03T08:00:00Z",
    )


def test_the_order_of_determinants_does_not_change_the_bytes():
    assert files(WINDOW, [WATER, ELECTRIC, GAS], PACIFIC, services=()) == files(
        WINDOW, [GAS, WATER, ELECTRIC], PACIFIC, services=()
    )


def test_no_file_holds_a_number_that_a_database_made_up():
    renumbered = [replace(row, channel_id=row.channel_id + 1_000) for row in (WATER, GAS)]

    assert files(WINDOW, renumbered, PACIFIC, services=()) == files(
        WINDOW, [WATER, GAS], PACIFIC, services=()
    )


def test_the_manifest_comes_last_and_names_every_file_with_rows_and_hash():
    made = files(WINDOW, [ELECTRIC, WATER], PACIFIC, services=())

    assert list(made) == [
        "billing_reads_v1_2026-11-03_2026-12-03.csv",
        "determinants_v1_2026-11-03_2026-12-03.csv",
        "services_v1_2026-11-03_2026-12-03.csv",
        "manifest_v1_2026-11-03_2026-12-03.json",
    ]
    manifest = json.loads(made["manifest_v1_2026-11-03_2026-12-03.json"])
    assert (manifest["window_start"], manifest["window_end"]) == ("2026-11-03", "2026-12-03")
    assert manifest["zone"] == "America/Los_Angeles"
    for entry in manifest["files"]:
        assert entry["rows"] == (0 if entry["name"].startswith("services") else 2)
        assert entry["sha256"] == hashlib.sha256(made[entry["name"]]).hexdigest()


def test_a_window_without_determinants_gives_headers_and_a_manifest():
    reads, _, _, manifest = files(WINDOW, [], PACIFIC, services=()).values()

    assert rows(reads) == []
    assert json.loads(manifest)["files"][0]["rows"] == 0


def test_a_text_that_a_spreadsheet_would_run_is_disarmed():
    hostile = replace(ELECTRIC, account_id='=HYPERLINK("x")', badge="@SUM(1)")

    [read] = rows(billing_reads([hostile], PACIFIC))
    [determinant] = rows(determinant_rows([hostile]))

    assert read["contract_account"] == determinant["account_id"] == '\'=HYPERLINK("x")'
    assert read["meter_badge"] == determinant["meter_badge"] == "'@SUM(1)"


def test_a_channel_that_appears_twice_is_our_mistake():
    with pytest.raises(AssertionError, match="once"):
        billing_reads([ELECTRIC, ELECTRIC], PACIFIC)
