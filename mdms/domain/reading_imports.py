"""Files of reads that others hand us: what became of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class ImportState(StrEnum):
    """What became of a file."""

    STORED = "stored"
    """All of it."""
    PARTIAL = "partial"
    """All but the rows that were refused, as somebody wished."""
    REFUSED = "refused"
    """None of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingImport:
    """
    A file that was handed in.

    Attributes:
        zone: Of its times.
        meter: Whose reads they are; empty: the file says.
        sha256: Of its content.
        size: In bytes.
        interval_count: Intervals in it that nothing is wrong with.
        register_count: Readings of registers, likewise.
        new_count: Of both, those that were stored now.
        disputed_count: Intervals that are known with another value; kept as conflicts.
        no_value_count: Points that said that there is no value.
        not_read_count: Values that somebody estimated or edited.
        rounded_count: Values finer than a quantum.
        passed_over: Records that hold no reads, by kind.
        totals: Sum of the intervals' quanta by unit.
        refused_count: Rows with flaws.
    """

    reading_import_id: UUID
    name: str
    format: str
    zone: str
    meter: str
    sha256: bytes
    size: int
    imported_by: str
    imported_at: datetime
    state: ImportState
    interval_count: int
    register_count: int
    new_count: int
    disputed_count: int
    no_value_count: int
    not_read_count: int
    rounded_count: int
    passed_over: Mapping[str, int]
    totals: Mapping[str, int]
    refused_count: int


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """
    A row of a file that could not be taken.

    Attributes:
        line: Where it begins, from 1; 0 is the file as a whole.
        flaw: A code of `mdms.billing.formats.flaws.Flaw`.
        detail: A sentence.
    """

    line: int
    flaw: str
    detail: str
