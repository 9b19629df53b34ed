"""
Arrays of channels and of days as parameters.

psycopg asks of each element of a list what it is and how it is quoted. A night asks a dozen
questions about thousands of channels, and writing them down took longer than most of the answers.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

from mdms.storage import copy_binary
from mdms.storage.copy_binary import Wire


@dataclass(frozen=True, slots=True)
class Integers:
    """An integer[]."""

    numbers: tuple[int, ...]

    @classmethod
    def of(cls, numbers: Iterable[int] | npt.NDArray[np.integer]) -> "Integers":
        """Take whole numbers, numpy's or Python's."""
        return cls(tuple(numbers.tolist() if isinstance(numbers, np.ndarray) else numbers))


@dataclass(frozen=True, slots=True)
class Dates:
    """A date[]."""

    days: tuple[date, ...]

    @classmethod
    def of(cls, days: Iterable[date]) -> "Dates":
        """Take days."""
        return cls(tuple(days))


@dataclass(frozen=True, slots=True)
class Packed:
    """An array as it travels (`copy_binary.array`); its statement says of what type it is."""

    content: bytes

    @classmethod
    def of(cls, wire: Wire, numbers: Sequence[int]) -> "Packed":
        """Take whole numbers as Python has them."""
        return cls(copy_binary.array(wire, np.array(numbers, np.int64)))


class _IntegersDumper(Dumper):
    oid = 1007

    def dump(self, obj: Integers) -> bytes:
        return b"{%s}" % repr(list(obj.numbers))[1:-1].encode()  # twice as fast as joining


class _DatesDumper(Dumper):
    oid = 1182

    def dump(self, obj: Dates) -> bytes:
        return b"{%s}" % ",".join(map(date.isoformat, obj.days)).encode()


class _PackedDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Packed) -> bytes:
        return obj.content


psycopg.adapters.register_dumper(Integers, _IntegersDumper)
psycopg.adapters.register_dumper(Dates, _DatesDumper)
psycopg.adapters.register_dumper(Packed, _PackedDumper)
