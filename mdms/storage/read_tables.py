"""The two tables of reads: their columns, ours beside the database's, and how they travel."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import numpy as np

from mdms.domain.readings import IntervalReads, RegisterReads
from mdms.storage import copy_binary
from mdms.storage.copy_binary import Integers, Wire
from mdms.storage.read_statements import ReadStatements

R = TypeVar("R", IntervalReads, RegisterReads)

_IN_SQL: Final = {"start_s": "start_utc", "at_s": "at_utc", "recorded_us": "recorded_at"}
"""Our columns that have another name, because another unit, in the tables."""


@dataclass(frozen=True, slots=True)
class ReadTable(Generic[R]):
    """
    One table of reads.

    Attributes:
        name: The table.
        rows: Makes our columns of it.
        time: Our name of its time column.
        wires: Our columns in the order of every statement's column list, and how they travel.
        statements: All that is done with it.
    """

    name: str
    rows: Callable[..., R]
    time: str
    wires: Mapping[str, Wire]
    statements: ReadStatements

    @classmethod
    def of(
        cls,
        name: str,
        rows: Callable[..., R],
        wires: Mapping[str, Wire],
        *,
        time: str,
        kind: str,
        with_end: bool,
    ) -> "ReadTable[R]":
        """Return a table with its statements; what the arguments mean is said there."""
        columns = [_IN_SQL.get(column, column) for column in wires]
        statements = ReadStatements.on(
            name, columns, time=_IN_SQL[time], kind=kind, with_end=with_end
        )
        return cls(name, rows, time, wires, statements)

    def times(self, rows: R) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Return the column by which the table is cut."""
        return np.asarray(getattr(rows, self.time), np.int64)

    def pack(self, rows: R) -> Iterator[bytes | memoryview]:
        """Yield the stream for `append`; a part lasts until the next one."""
        return copy_binary.parts(list(self.wires.values()), self._columns(rows))

    def pack_staged(self, rows: R) -> Iterator[bytes | memoryview]:
        """Yield the stream for `stage`."""
        position = np.arange(len(rows), dtype=np.int32)
        return copy_binary.parts(
            [copy_binary.INTEGER, *self.wires.values()], [position, *self._columns(rows)]
        )

    def unpack(self, stream: bytes) -> R:
        """Return the rows of a stream of `select` or `newest`, sorted by key and version."""
        names = list(self.wires)
        assert names[0] == "channel_id", "what a stream is grouped by"
        columns = copy_binary.unpack([self.wires[name] for name in names[1:]], stream)
        rows = self.rows(**dict(zip(names, columns, strict=True)))
        return rows.take(np.lexsort((rows.version, self.times(rows), rows.channel_id)))

    def _columns(self, rows: R) -> list[Integers]:
        return [getattr(rows, name) for name in self.wires]


INTERVALS = ReadTable.of(
    "interval_read",
    IntervalReads,
    {
        "channel_id": copy_binary.INTEGER,
        "start_s": copy_binary.TIMESTAMP_S,
        "version": copy_binary.SMALLINT,
        "value": copy_binary.BIGINT,
        "status": copy_binary.CHAR,
        "method": copy_binary.SMALLINT,
        "flags": copy_binary.BIGINT,
        "recorded_us": copy_binary.TIMESTAMP_US,
        "source": copy_binary.SMALLINT,
    },
    time="start_s",
    kind="interval",
    with_end=False,
)

REGISTERS = ReadTable.of(
    "register_read",
    RegisterReads,
    {
        "channel_id": copy_binary.INTEGER,
        "at_s": copy_binary.TIMESTAMP_S,
        "version": copy_binary.SMALLINT,
        "value": copy_binary.BIGINT,
        "status": copy_binary.CHAR,
        "recorded_us": copy_binary.TIMESTAMP_US,
        "source": copy_binary.SMALLINT,
    },
    time="at_s",
    kind="register",
    with_end=True,
)
