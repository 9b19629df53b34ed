"""The two tables of reads: their columns, ours beside the database's, and how they travel."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from mdms.domain.readings import RAW_VERSION, IntervalReads, RegisterReads, Status, ascends
from mdms.storage import copy_binary
from mdms.storage.arrays import Packed
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
        plain: Values of the columns that are alike in all rows as received.
        statements: All that is done with it.
    """

    name: str
    rows: Callable[..., R]
    time: str
    wires: Mapping[str, Wire]
    plain: Mapping[str, int]
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
        plain: Mapping[str, int],
        with_end: bool,
    ) -> "ReadTable[R]":
        """Return a table with its statements; what the arguments mean is said there."""
        columns = {_IN_SQL.get(column, column): wire.name for column, wire in wires.items()}
        statements = ReadStatements.on(
            name,
            columns,
            time=_IN_SQL[time],
            kind=kind,
            plain={
                column: chr(value) if wires[column] is copy_binary.CHAR else value
                for column, value in plain.items()
            },
            with_end=with_end,
        )
        return cls(name, rows, time, wires, plain, statements)

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

    def parameters(self, rows: R) -> dict[str, Packed]:
        """Return the columns as parameters of `store_few`."""
        return {
            _IN_SQL.get(name, name): Packed(copy_binary.array(wire, getattr(rows, name)))
            for name, wire in self.wires.items()
        }

    def unpack(self, stream: bytes) -> R:
        """Return the rows of a stream of `select` or `newest`, sorted by key and version."""
        names = list(self.wires)
        assert names[0] == "channel_id", "what a stream is grouped by"
        groups = copy_binary.unpack(
            [copy_binary.INTEGER], [self.wires[name] for name in names[1:]], stream
        )
        channel_id = np.repeat(groups.leads[0], groups.count)
        return self.sorted(self.rows(channel_id, *groups.columns))

    def unpack_plain(self, stream: bytes) -> tuple[R, Integers]:
        """
        Return the rows of a stream of `select_plain`, and the channels that it does not tell of.

        The rows are sorted by key and version; a channel that has others than plain ones is left
        out as a whole.
        """
        varying = [name for name in self.wires if name not in self.plain][1:-1]
        groups = copy_binary.unpack(
            [copy_binary.INTEGER, copy_binary.SMALLINT, copy_binary.CHAR],
            [self.wires[name] for name in varying],
            stream,
        )
        channel_id, source, altered = groups.leads
        order = np.argsort(channel_id)
        order = order[altered[order] == 0]
        at = _elements(groups.count, order)
        columns = {
            "channel_id": np.repeat(channel_id[order], groups.count[order]),
            "source": np.repeat(source[order], groups.count[order]),
        }
        for name, column in zip(varying, groups.columns, strict=True):
            columns[name] = column if at is None else column[at]
        for name, value in self.plain.items():
            columns[name] = np.full(len(columns["source"]), value, self.wires[name].native)
        return self.sorted(self.rows(**columns)), channel_id[altered != 0]

    def unpack_beside(self, plain: R, stream: bytes) -> R:
        """Return plain rows and those of a stream of `select`, of other channels, as one."""
        rows = type(plain).concat(plain, self.unpack(stream))
        return rows.take(np.argsort(rows.channel_id, kind="stable"))  # either is sorted already

    def sorted(self, rows: R) -> R:
        """Return rows sorted by key and version; nearly always they are."""
        keys = rows.channel_id, self.times(rows), rows.version
        return rows if ascends(*keys) else rows.take(np.lexsort(keys[::-1]))

    def _columns(self, rows: R) -> list[Integers]:
        return [getattr(rows, name) for name in self.wires]


def _elements(count: npt.NDArray[np.int64], order: npt.NDArray[np.int64]) -> Integers | None:
    """Return where the elements of some rows lie, in this order; None where nothing moves."""
    if len(order) == len(count) and (order[1:] > order[:-1]).all():
        return None
    first = np.cumsum(count) - count
    length = count[order]
    start = np.cumsum(length) - length
    positions: Integers = np.arange(int(length.sum())) + np.repeat(first[order] - start, length)
    return positions


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
    plain={"version": RAW_VERSION, "status": Status.RAW.code, "method": 0, "flags": 0},
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
    plain={"version": RAW_VERSION, "status": Status.RAW.code},
    with_end=True,
)
