"""Which formats of reads are read, and how a file is told to be one of them."""

from collections.abc import Iterator
from datetime import tzinfo
from enum import StrEnum
from typing import BinaryIO, Final

from mdms.billing.formats import cmep, cmep_read, espi_read, nem, nem_read, reads_csv
from mdms.billing.formats.runs import Said


class ReadFormat(StrEnum):
    """A format in which others hand us reads."""

    CMEP = "cmep"
    NEM12 = "nem12"
    """And NEM13, which says so itself."""
    ESPI = "espi"
    CSV = "csv"


OWN_ZONE: Final = {
    ReadFormat.CMEP: "UTC",
    ReadFormat.NEM12: nem.MARKET_ZONE,
    ReadFormat.ESPI: "UTC",
    ReadFormat.CSV: "UTC",
}
"""The zone that a format's rules give its times; the last two write instants."""

_HEAD_LENGTH: Final = 64


def read(file: BinaryIO, form: ReadFormat, zone: tzinfo) -> Iterator[Said]:
    """Yield what a file says; `zone` is that of times without an offset."""
    match form:
        case ReadFormat.CMEP:
            return cmep_read.read(file, zone)
        case ReadFormat.NEM12:
            return nem_read.read(file, zone)
        case ReadFormat.ESPI:
            return espi_read.read(file)
        case ReadFormat.CSV:
            return reads_csv.read(file)


def form_of(file: BinaryIO) -> ReadFormat:
    """Tell a file's format by its beginning; what is none of the others is CSV."""
    head = file.read(_HEAD_LENGTH).removeprefix(b"\xef\xbb\xbf").lstrip()
    file.seek(0)
    if head.startswith(b"<"):
        return ReadFormat.ESPI
    if head.startswith(b"100,NEM1"):
        return ReadFormat.NEM12
    kinds = (cmep.INTERVAL_DATA, *cmep.OTHER_RECORDS)
    if head.startswith(tuple(f"{kind},".encode() for kind in kinds)):
        return ReadFormat.CMEP
    return ReadFormat.CSV
