"""Lines of a file, however long somebody made one."""

import csv
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from mdms.billing.formats.flaws import Flaw, UnusableError
from mdms.billing.formats.runs import Refusal


class Line(NamedTuple):
    """
    One line.

    Attributes:
        number: From 1.
        text: Without its end.
        ended: Whether it has an end: the last line of a file that was cut off has none.
    """

    number: int
    text: str
    ended: bool


def read_lines(file: BinaryIO, *, length_max: int) -> Iterator[Line | Refusal]:
    """
    Yield each line that is not blank.

    Args:
        file: From its beginning.
        length_max: A longer line, or one that is not UTF-8, is refused and passed over.
    """
    number = 0
    while raw := file.readline(length_max + 2):
        number += 1
        ended = raw.endswith(b"\n")
        if not ended and len(raw) > length_max:
            _skip_line(file, length_max)
            yield Refusal(number, Flaw.BAD_RECORD, f"is longer than {length_max} characters")
            continue
        try:
            text = raw.rstrip(b"\r\n").decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            yield Refusal(number, Flaw.BAD_RECORD, "is not UTF-8 text")
            continue
        if "\0" in text:
            yield Refusal(number, Flaw.BAD_RECORD, "holds bytes that are no text")
        elif text:
            yield Line(number, text, ended)


def _skip_line(file: BinaryIO, length_max: int) -> None:
    while raw := file.readline(length_max):
        if raw.endswith(b"\n"):
            return


def fields_of(text: str) -> list[str]:
    """
    Split a line of comma-separated fields.

    Raises:
        UnusableError: A quoted field does not close.
    """
    if '"' not in text:
        return text.split(",")
    try:
        return next(csv.reader([text], strict=True))
    except csv.Error as error:
        raise UnusableError(Flaw.BAD_RECORD, f"quotes do not close: {error}") from error
