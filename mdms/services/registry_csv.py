"""
The registry directory: one CSV file per noun, read into `Registry` and written back.

Files, columns and their meaning are those of design.md 8; here they are a table. Reading never
stops at the first mistake: every bad row is reported with file, line and column.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

from mdms.billing.formats.rfc4180 import csv_text, unguarded
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
from mdms.services.cells import (
    Parse,
    boolean,
    choice,
    day,
    degrees,
    free_text,
    identifier,
    instant,
    or_none,
    power_kva,
    reading_type,
    whole,
    words,
    written,
)
from mdms.services.sheets import Fault, Sheet, noun_of, records

_PLACE: Final[Mapping[str, Parse]] = {"latitude": degrees(90), "longitude": degrees(180)}

SHEETS: Final = (
    Sheet(
        "transformers",
        Transformer,
        ("transformer_id",),
        {"transformer_id": identifier, "feeder_id": free_text, "kva": power_kva, **_PLACE},
    ),
    Sheet(
        "premises",
        Premise,
        ("premise_id",),
        {
            "premise_id": identifier,
            "kind": choice(PremiseKind),
            **_PLACE,
            "transformer_id": free_text,
            "water_zone": free_text,
            "flags": words,
        },
    ),
    Sheet(
        "usage_points",
        UsagePoint,
        ("usage_point_id",),
        {
            "usage_point_id": identifier,
            "premise_id": identifier,
            "commodity": choice(Commodity),
            "service_class": identifier,
            "billing_cycle": whole(0, 2**31 - 1),
            "net_metering": boolean,
            "temporary": boolean,
            "irregular_usage": boolean,
        },
    ),
    Sheet(
        "accounts",
        Account,
        ("account_id",),
        {
            "account_id": identifier,
            "master_account_id": free_text,
            "customer_type": free_text,
            "opened_on": day,
            "closed_on": or_none(day),
        },
    ),
    Sheet(
        "agreements",
        Agreement,
        ("usage_point_id", "start_on"),
        {
            "account_id": identifier,
            "usage_point_id": identifier,
            "start_on": day,
            "end_on": or_none(day),
        },
    ),
    Sheet(
        "meters",
        Meter,
        ("badge", "installed_at"),
        {
            "badge": identifier,
            "serial": free_text,
            "radio_id": whole(0, 2**32 - 1),
            "usage_point_id": identifier,
            "model": free_text,
            "installed_at": instant,
            "removed_at": or_none(instant),
            "has_switch": boolean,
            "pilot": boolean,
            "radio": choice(Radio),
            "register_dials": whole(1, 18),
            "register_resolution": whole(1),
            "multiplier": whole(1),
            "key_id": whole(0, 2**31 - 1),
        },
    ),
    Sheet(
        "collectors",
        Collector,
        ("collector_id",),
        {"collector_id": whole(0, 2**32 - 1), "name": free_text, **_PLACE},
    ),
    Sheet(
        "channels",
        Channel,
        ("badge", "channel"),
        {
            "badge": identifier,
            "channel": whole(0, 15),
            "reading_type": reading_type,
            "interval_s": whole(1, 86_400),
            "unit": identifier,
        },
    ),
    Sheet(
        "contacts",
        Contact,
        ("account_id",),
        {
            "account_id": identifier,
            "name": free_text,
            "email": free_text,
            "phone": free_text,
            "address": free_text,
        },
        required=False,  # personal data may travel on a way of its own
    ),
)
"""The files, in an order in which each refers only to those before it."""


@dataclass(frozen=True, slots=True)
class ReadDirectory:
    """
    What the files said.

    Attributes:
        registry: The rows that could be read.
        lines: Line of each of those rows, by the name of the registry's field.
        named: Every identifier that a file's rows declare, those of bad rows included, so that
            one bad row is not reported again by each row that refers to it.
        faults: What could not be read.
    """

    registry: Registry
    lines: Mapping[str, Sequence[int]]
    named: Mapping[str, frozenset[str]]
    faults: Sequence[Fault]


def read_directory(texts: Mapping[str, str]) -> ReadDirectory:
    """
    Read the texts of a registry directory by file name.

    Blank lines are skipped and columns may stand in any order; a missing, unknown or repeated
    column spoils its file, a wrong cell spoils its row.
    """
    faults = [
        Fault(name, 0, "", "is no file of a registry directory")
        for name in texts.keys() - {sheet.file for sheet in SHEETS}
    ]
    rows: dict[str, tuple[Any, ...]] = {}
    lines: dict[str, Sequence[int]] = {}
    named: dict[str, frozenset[str]] = {}
    for sheet in SHEETS:
        found, names = list[tuple[int, Any]](), set[str]()
        if sheet.file in texts:
            for line, cells in records(sheet, texts[sheet.file], faults):
                names.add(unguarded(cells[sheet.key[0]]))
                noun = noun_of(sheet, line, cells, faults)
                if noun is not None:
                    found.append((line, noun))
        elif sheet.required:
            faults.append(Fault(sheet.file, 0, "", "is missing"))
        rows[sheet.name] = tuple(noun for _, noun in found)
        lines[sheet.name] = [line for line, _ in found]
        named[sheet.name] = frozenset(names)
    return ReadDirectory(Registry(**rows), lines, named, faults)


def write_directory(registry: Registry) -> dict[str, str]:
    """Return the texts of a registry directory by file name, rows sorted by their keys."""
    return {
        sheet.file: csv_text(
            list(sheet.columns),
            (
                [written(getattr(noun, name)) for name in sheet.columns]
                for noun in sorted(getattr(registry, sheet.name), key=attrgetter(*sheet.key))
            ),
        )
        for sheet in SHEETS
    }
