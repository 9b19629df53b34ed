"""Plain text: without what a terminal would obey."""

import re
from typing import Final

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]|\r(?!\n)")
"""Control characters (C0, C1), but for tabs and the ends of lines."""


def control_in(text: str) -> str | None:
    """Return the first control character of a text; None where it has none."""
    found = _CONTROL.search(text)
    return found and found[0]


def plain(text: str) -> str:
    """Return a text with a mark for every control character."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)
