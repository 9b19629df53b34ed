"""
CSV as RFC 4180 has it: UTF-8, a header, fields quoted where they must be, lines ending in CRLF.

A spreadsheet runs a text that starts like a formula. `guarded` puts an apostrophe before such a
text, `unguarded` takes it off again; numbers, which may well start with a minus, are left alone.
"""

import csv
import re
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Final

_FORMULA: Final = re.compile(r"'*[=+\-@\t\r]")
_GUARDED: Final = re.compile(r"'+[=+\-@\t\r]")


def guarded(text: str) -> str:
    """Return text that no spreadsheet takes for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(text: str) -> str:
    """Return the text as it was before `guarded`."""
    return text[1:] if _GUARDED.match(text) else text


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a header and rows as one text."""
    out = StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()
