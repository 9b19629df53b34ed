"""What a window was billed by goes out as it was then, whatever has become known since."""

import io
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mdms.billing.formats import cmep_read, espi_read, nem_read
from mdms.billing.formats.nem_write import standard_offset
from mdms.billing.formats.parquet_v1 import arrow, parquet
from mdms.billing.formats.runs import Run, Said
from mdms.domain.errors import NotFoundError
from mdms.domain.readings import Status
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.billing_run import BillingService
from mdms.services.reading_files import FileForm, ReadingFileService
from mdms.services.registry import RegistryService
from mdms.services.registry_csv import write_directory
from tests.fakes import FakeClock
from tests.households import BOOK
from tests.integration.services.test_billing_line import (
    END,
    JUDGED,
    KINDS,
    MONTH,
    PACIFIC,
    START,
    TOWN,
    no_finalize,
    receive,
)
from tests.unit.vee.build import RULES

pytestmark = pytest.mark.db


@pytest.fixture
async def frozen(store: UnitOfWorkFactory) -> BillingService:
    """A month of four meters, frozen; then every third value is edited."""
    billing = BillingService(store, FakeClock(JUDGED), BOOK, no_finalize, RULES)
    await RegistryService(store).import_files(write_directory(TOWN))
    await receive(store)
    await billing.freeze(START, END)
    async with store() as work:
        reads = (await work.readings.intervals(MONTH)).current().take(slice(None, None, 3))
        edited = np.full(len(reads), Status.EDITED.code, np.uint8)
        await work.readings.append_versions(
            replace(reads, version=reads.version + 1, value=reads.value + 1000, status=edited)
        )
    return billing


async def test_reads_of_a_frozen_window_add_up_to_what_was_billed(frozen, store, tmp_path):
    files = ReadingFileService(store, FakeClock(JUDGED), PACIFIC, "cpau")
    async with store() as work:
        billed = {row.badge: row for row in await work.billing.determinants(START, END)}

    for form in FileForm:
        await files.write_billed(form, START, END, tmp_path / form)

    cmep = totals(cmep_read.read(io.BytesIO((tmp_path / "cmep").read_bytes()), UTC))
    espi = totals(espi_read.read(io.BytesIO((tmp_path / "espi").read_bytes())))
    offset = standard_offset(MONTH.start_utc.astimezone(PACIFIC))
    nem12 = totals(nem_read.read(io.BytesIO((tmp_path / "nem12").read_bytes()), offset))
    for badge in ("E1", "G1", "W1"):  # all actual: what is read is what is billed
        assert cmep[badge] == espi[badge] == billed[badge].usage_quanta
        assert cmep[f"{badge} end"] == billed[badge].register_end
    estimate = billed["E2"].usage_quanta - cmep["E2"]
    assert 0 <= estimate < 300, "its last interval was estimated, and stays out of a reading"
    assert {badge: nem12[badge] for badge in ("E1", "E2")} == {
        badge: cmep[badge] for badge in ("E1", "E2")
    }
    assert (tmp_path / "espi").read_text().count("<defaultQuality>19</defaultQuality>") == 3


async def test_tables_come_as_parquet_with_types(frozen):
    made = await frozen.files(START, END)

    tables = {
        name: pq.read_table(io.BytesIO(parquet(content)))
        for name, content in made.items()
        if name.endswith(".csv")
    }

    determinants = tables["determinants_v1_2026-11-03_2026-12-03.csv"]
    assert determinants.num_rows == len(KINDS)
    assert determinants.schema.field("usage_quanta").type == pa.int64()
    assert determinants.schema.field("window_start").type == pa.date32()
    assert determinants.schema.field("read_end_utc").type == pa.timestamp("us", tz="UTC")
    assert determinants.schema.field("meter_badge").type == pa.string()
    assert determinants["read_end_utc"].to_pylist() == [MONTH.end_utc] * len(KINDS)
    assert all(
        pa.ipc.open_stream(arrow(content)).read_all() == tables[name]
        for name, content in made.items()
        if name in tables
    )
    assert all(table.num_rows == made[name].count(b"\r\n") - 1 for name, table in tables.items())


async def test_a_window_that_was_never_frozen_has_no_reads(store, tmp_path):
    files = ReadingFileService(store, FakeClock(JUDGED), PACIFIC, "cpau")

    with pytest.raises(NotFoundError, match="never frozen"):
        await files.write_billed(FileForm.CMEP, START, END, tmp_path / "readings.cmep")


def totals(said: Iterable[Said]) -> dict[str, int]:
    """Return the sum of each meter's intervals, and its last register."""
    found: defaultdict[str, int] = defaultdict(int)
    for run in said:
        assert isinstance(run, Run), run
        badge = run.meter.names[0]
        if run.interval_s is None:
            found[f"{badge} end"] = run.value[-1] if run.value else 0
        else:
            found[badge] += sum(run.value)
    return found
