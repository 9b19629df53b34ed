"""A registry directory is taken as a whole, or refused with every mistake in it."""

import csv
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdms.domain.reading_types import reading_type
from mdms.domain.registry import (
    Account,
    Agreement,
    Channel,
    Collector,
    Commodity,
    Contact,
    Meter,
    Premise,
    PremiseKind,
    Radio,
    Registry,
    Transformer,
    UsagePoint,
)
from mdms.domain.time import YEARS
from mdms.services.registry import RegistryService
from mdms.services.registry_csv import read_directory, write_directory
from mdms.services.sheets import Fault, FilesRejectedError
from tests.memory import MemoryDatabase

KIND = reading_type(Commodity.ELECTRIC, 0, 900)
METER = Meter(
    badge="E1",
    serial="S-1",
    radio_id=4711,
    usage_point_id="U1",
    model="M1",
    installed_at=datetime(2020, 1, 1, tzinfo=UTC),
    removed_at=None,
    has_switch=True,
    pilot=False,
    radio=Radio.ON,
    register_dials=8,
    register_resolution=1,
    multiplier=1,
    key_id=1,
)
CITY = Registry(
    transformers=(Transformer("T1", "F1", Decimal("37.5"), 37.44, -122.14),),
    premises=(
        Premise("P1", PremiseKind.SINGLE_FAMILY, 37.44, -122.14, "T1", "Z1", ("life_support",)),
        Premise("P2", PremiseKind.COMMERCIAL, 37.45, -122.15, "", "", ()),
    ),
    usage_points=(
        UsagePoint(
            "U1", "P1", Commodity.ELECTRIC, "electric_200a", 3,
            net_metering=True, temporary=False, irregular_usage=False,
        ),
        UsagePoint(
            "U2", "P2", Commodity.WATER, "water_1", 3,
            net_metering=False, temporary=True, irregular_usage=True,
        ),
    ),
    accounts=(
        Account("A1", "", "residential", date(2020, 1, 1), None),
        Account("A2", "A1", "commercial", date(2020, 1, 1), date(2026, 5, 1)),
    ),
    agreements=(
        Agreement("A1", "U1", date(2020, 1, 1), None),
        Agreement("A2", "U2", date(2020, 1, 1), date(2026, 5, 1)),
    ),
    meters=(
        METER,
        replace(
            METER, badge="W1", serial="S-2", usage_point_id="U2", radio_id=4712, has_switch=False,
            removed_at=datetime(2026, 5, 1, 17, 30, tzinfo=UTC),
        ),
    ),
    collectors=(Collector(17, "Foothills, north", 37.4, -122.2),),
    channels=(
        Channel("E1", 0, KIND.name, 900, "Wh"),
        Channel("W1", 0, reading_type(Commodity.WATER, 0, 3600).name, 3600, "0.1gal"),
    ),
    contacts=(Contact("A1", 'Ada "the" Owner', "ada@example.org", "+1 650 555 0100", "1 Elm St"),),
)  # fmt: skip


def directory(**cells: dict[tuple[int, str], str]) -> dict[str, str]:
    """Return the city's files after writing cells, as {(row, column): text} by file."""
    texts = write_directory(CITY)
    for name, changes in cells.items():
        rows = [*csv.DictReader(StringIO(texts[f"{name}.csv"], newline=""))]
        for (row, column), text in changes.items():
            rows[row][column] = text
        texts[f"{name}.csv"] = as_csv(rows)
    return texts


def as_csv(rows: list[dict[str, Any]]) -> str:
    out = StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


async def refusal(texts: dict[str, str], database: MemoryDatabase | None = None) -> list[Fault]:
    """Import into a database, which must refuse and keep nothing; return what it blames."""
    database = database or MemoryDatabase()
    before = database.registry.registry
    with pytest.raises(FilesRejectedError) as refused:
        await RegistryService(database).import_files(texts)
    assert database.registry.registry == before
    assert all(str(fault) in str(refused.value) for fault in refused.value.faults)
    return list(refused.value.faults)


async def test_a_directory_that_was_written_is_imported_as_it_was():
    database = MemoryDatabase()

    result = await RegistryService(database).import_files(write_directory(CITY))

    assert database.registry.registry == CITY
    assert result.added["meters.csv"] == 2


async def test_importing_twice_changes_nothing():
    database = MemoryDatabase()
    service = RegistryService(database)

    await service.import_files(write_directory(CITY))
    again = await service.import_files(await service.export_files())

    assert set(again.added.values()) == {0}
    assert again.unchanged["channels.csv"] == 2
    assert database.registry.registry == CITY


async def test_who_keeps_a_copy_is_told_of_a_change_and_of_nothing_else():
    told = []

    async def tell() -> None:
        told.append("changed")

    service = RegistryService(MemoryDatabase(), on_change=tell)
    await service.import_files(write_directory(CITY))
    await service.import_files(write_directory(CITY))

    assert told == ["changed"]


async def test_contacts_may_stay_at_home():
    texts = write_directory(CITY)
    del texts["contacts.csv"]

    await RegistryService(MemoryDatabase()).import_files(texts)


async def test_rows_may_refer_to_what_is_stored_already():
    database = MemoryDatabase()
    await RegistryService(database).import_files(write_directory(CITY))
    texts = {name: text.split("\r\n")[0] + "\r\n" for name, text in write_directory(CITY).items()}
    texts["agreements.csv"] += "A2,U2,2026-06-01,\r\n"

    result = await RegistryService(database).import_files(texts)

    assert result.added["agreements.csv"] == 1


def test_a_byte_order_mark_blank_lines_and_other_columns_orders_are_read():
    texts = write_directory(CITY)
    texts["collectors.csv"] = "\ufefflongitude,name,collector_id,latitude\n\n-122.2,North,17,37.4\n"

    read = read_directory(texts)

    assert read.faults == []
    assert read.registry.collectors == (Collector(17, "North", 37.4, -122.2),)
    assert read.lines["collectors"] == [3]


@pytest.mark.parametrize(
    ("file", "column", "text", "sentence"),
    [
        ("transformers", "transformer_id", "", "must not be empty"),
        ("transformers", "kva", "big", "'big' is not a number"),
        ("transformers", "kva", "NaN", "is not between"),
        ("transformers", "latitude", "91", "is not between -90 and 90"),
        ("premises", "kind", "castle", "'castle' is none of single_family"),
        ("premises", "transformer_id", "T9", "'T9' is neither in transformers.csv nor stored"),
        ("premises", "water_zone", "z\x07", "characters that cannot be printed"),
        ("usage_points", "premise_id", "P9", "'P9' is neither"),
        ("usage_points", "commodity", "steam", "none of electric, gas, water"),
        ("usage_points", "billing_cycle", "3.5", "'3.5' is not a whole number"),
        ("usage_points", "net_metering", "yes", "'yes' is neither true nor false"),
        ("accounts", "opened_on", "01/02/2020", "write it as 2026-11-03"),
        ("accounts", "closed_on", "2019-12-31", "lies before opened_on"),
        ("accounts", "master_account_id", "A9", "'A9' is neither"),
        ("agreements", "account_id", "A9", "'A9' is neither"),
        ("agreements", "end_on", "2019-12-31", "lies before start_on"),
        ("meters", "badge", " E1", "blanks around it"),
        ("meters", "radio_id", "4294967296", "is not between 0 and 4294967295"),
        ("meters", "radio_id", "²", "is not a whole number"),
        ("meters", "usage_point_id", "U9", "'U9' is neither"),
        ("meters", "installed_at", "2020-01-01T00:00:00", "is not in UTC"),
        ("meters", "installed_at", "2020-01-01T00:00:00-08:00", "is not in UTC"),
        ("meters", "installed_at", "yesterday", "is not a time"),
        ("meters", "radio", "maybe", "none of on, off, none"),
        ("meters", "register_dials", "0", "is not between 1 and 18"),
        ("meters", "register_resolution", "1e3", "is not a whole number"),
        ("meters", "multiplier", "-1", "is not between 1 and"),
        ("meters", "model", "M" * 201, "longer than 200"),
        ("collectors", "collector_id", "north", "is not a whole number"),
        ("channels", "badge", "E9", "'E9' is neither in meters.csv nor stored"),
        ("channels", "reading_type", "0.0.0", "is not a supported reading type"),
        ("channels", "interval_s", "3600", "says 3600; the reading type and its meter say 900"),
        ("channels", "channel", "1", "says 1;"),
        ("channels", "unit", "kWh", "says kWh; the reading type and its meter say Wh"),
        ("contacts", "account_id", "A9", "'A9' is neither"),
    ],
)
async def test_a_wrong_cell_is_named_with_file_line_and_column(file, column, text, sentence):
    faults = await refusal(directory(**{file: {(0, column): text}}))

    blamed = [fault for fault in faults if (fault.file, fault.column) == (f"{file}.csv", column)]
    assert [fault.line for fault in blamed] == [2]
    assert sentence in blamed[0].sentence


async def test_every_bad_row_is_listed_and_a_broken_row_is_not_blamed_again_by_its_children():
    faults = await refusal(
        directory(
            premises={(0, "kind"): "castle", (1, "latitude"): "north"},
            meters={(1, "radio"): "maybe", (1, "key_id"): ""},
        )
    )

    assert [(fault.file, fault.line, fault.column) for fault in faults] == [
        ("meters.csv", 3, "key_id"),
        ("meters.csv", 3, "radio"),
        ("premises.csv", 2, "kind"),
        ("premises.csv", 3, "latitude"),
    ]


async def test_a_missing_file_and_one_that_nobody_knows_are_named():
    texts = write_directory(CITY)
    del texts["meters.csv"]
    texts["metres.csv"] = "badge\r\n"

    faults = await refusal(texts)

    assert "meters.csv: is missing" in [str(fault) for fault in faults]
    assert "metres.csv: is no file of a registry directory" in [str(fault) for fault in faults]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty; it needs a header"),
        ("collector_id,name,latitude\r\n", "has no column longitude"),
        ("collector_id,name,latitude,longitude,height\r\n", "a column 'height' that nobody knows"),
        ("collector_id,name,latitude,longitude,name\r\n", "has the column name twice"),
        ("collector_id,name,latitude,longitude\r\n17,North\r\n", "has 2 fields where the header"),
        ('collector_id,name,latitude,longitude\r\n17,"North', "is no CSV from here on"),
    ],
)
async def test_a_file_of_another_shape_is_refused(text, sentence):
    [fault] = await refusal(write_directory(CITY) | {"collectors.csv": text})

    assert fault.file == "collectors.csv"
    assert sentence in fault.sentence


async def test_a_row_that_repeats_a_key_is_named_with_the_line_it_repeats():
    texts = write_directory(CITY)
    texts["collectors.csv"] += "17,South,37.3,-122.1\r\n"

    [fault] = await refusal(texts)

    assert str(fault) == "collectors.csv:3 collector_id: repeats line 2"


def with_meters(*meters: Meter) -> dict[str, str]:
    return write_directory(replace(CITY, meters=(*CITY.meters, *meters)))


async def test_a_meter_is_at_one_place_at_a_time():
    moved = replace(METER, installed_at=datetime(2026, 1, 1, tzinfo=UTC))

    [fault] = await refusal(with_meters(moved))

    assert (fault.line, fault.column) == (3, "installed_at")
    assert fault.sentence == "the meter is at another usage point at that time: line 2"


async def test_a_stored_installation_counts_too():
    database = MemoryDatabase()
    await RegistryService(database).import_files(write_directory(CITY))
    moved = replace(METER, installed_at=datetime(2026, 1, 1, tzinfo=UTC))

    [fault] = await refusal(write_directory(replace(CITY, meters=(moved,))), database)

    assert fault.sentence.endswith("at that time: the stored registry")


async def test_a_meter_may_move():
    leaves = datetime(2026, 1, 1, tzinfo=UTC)
    meters = (
        replace(METER, removed_at=leaves),
        replace(METER, installed_at=leaves, multiplier=40),
        CITY.meters[1],
    )

    await RegistryService(MemoryDatabase()).import_files(
        write_directory(replace(CITY, meters=meters))
    )


async def test_a_meter_stays_the_same_device_when_it_moves():
    leaves = datetime(2026, 1, 1, tzinfo=UTC)
    meters = (
        replace(METER, removed_at=leaves),
        replace(METER, installed_at=leaves, register_dials=6),
        CITY.meters[1],
    )

    [fault] = await refusal(write_directory(replace(CITY, meters=meters)))

    assert str(fault) == (
        "meters.csv:3 register_dials: differs from line 2, which has the same badge"
    )


async def test_a_radio_is_in_one_meter_at_a_time():
    other = replace(METER, badge="E2", serial="S-3", installed_at=datetime(2026, 1, 1, tzinfo=UTC))

    [fault] = await refusal(with_meters(other))

    assert (fault.line, fault.column) == (3, "radio_id")


async def test_a_radio_may_be_used_again_after_its_meter_is_gone():
    gone = datetime(2026, 5, 1, 17, 30, tzinfo=UTC)
    other = replace(METER, badge="E2", radio_id=4712, installed_at=gone)

    await RegistryService(MemoryDatabase()).import_files(with_meters(other))


async def test_a_usage_point_has_one_agreement_at_a_time():
    second = Agreement("A2", "U1", date(2026, 1, 1), None)

    [fault] = await refusal(write_directory(replace(CITY, agreements=(*CITY.agreements, second))))

    assert (fault.file, fault.column) == ("agreements.csv", "start_on")


async def test_a_channel_measures_what_flows_at_its_usage_point():
    gas = reading_type(Commodity.GAS, 0, 3600)
    channels = (Channel("E1", 0, gas.name, 3600, gas.unit), CITY.channels[1])

    [fault] = await refusal(write_directory(replace(CITY, channels=channels)))

    assert str(fault) == (
        "channels.csv:2 reading_type: says gas; the reading type and its meter say electric"
    )


async def test_a_register_fits_64_bits():
    faults = await refusal(
        directory(meters={(0, "register_dials"): "18", (0, "register_resolution"): "10"})
    )

    assert [fault.column for fault in faults] == ["register_dials"]


async def test_meters_lists_every_channel_with_where_it_is():
    database = MemoryDatabase()
    service = RegistryService(database)
    await service.import_files(write_directory(CITY))

    first, second = await service.meters()

    assert (first["meter"], first["commodity"], first["removed_at"]) == ("E1", "electric", None)
    assert second["removed_at"] == "2026-05-01T17:30:00+00:00"


NAMES = st.text(
    st.characters(exclude_categories=["C", "Z"]) | st.sampled_from(" '=+-@,\""), max_size=20
).map(str.strip)


@given(
    name=NAMES,
    flags=st.lists(st.text("abc_", min_size=1), max_size=3),
    kva=st.decimals(0, 10_000, places=2),
    opened_on=st.dates(),
    installed_at=st.datetimes(timezones=st.just(UTC)).filter(lambda at: at.year in YEARS),
)
def test_reading_undoes_writing(name, flags, kva, opened_on, installed_at):
    city = replace(
        CITY,
        transformers=(Transformer("T1", name, kva, 37.44, -122.14),),
        premises=(replace(CITY.premises[0], water_zone=name, flags=tuple(flags)),),
        accounts=(replace(CITY.accounts[0], opened_on=opened_on),),
        meters=(replace(METER, model=name, installed_at=installed_at),),
        contacts=(Contact("A1", name, name, name, name),),
    )

    read = read_directory(write_directory(city))

    assert read.faults == []
    assert read.registry == city


@given(st.dictionaries(st.sampled_from([*write_directory(CITY)]), st.text(), min_size=1))
def test_any_text_is_read_or_refused_but_never_fails(texts):
    read_directory(write_directory(CITY) | texts)


@given(latitude=st.floats(-90, 90), longitude=st.floats(-180, 180))
def test_a_place_is_read_back_to_the_last_bit(latitude, longitude):
    city = replace(CITY, collectors=(Collector(17, "North", latitude, longitude),))

    assert read_directory(write_directory(city)).registry.collectors == city.collectors
