"""Which command or batch a person means by a part of its id."""

from collections.abc import Iterable
from typing import Final

from mdms.cli.command_view import short
from mdms.client import Client
from mdms.domain.errors import NotFoundError, UsageError

_ID_LENGTH: Final = 36
_SEARCHED_MAX: Final = 1000
"""How many of the newest commands a part of an id is looked for in."""


def named(mdms: Client, part: str) -> str:
    """
    Return the id of which this is the beginning, the end, or all.

    Raises:
        NotFoundError: No command is called that.
        UsageError: Several are.
    """
    if len(part) == _ID_LENGTH:
        return part
    ids = (each["control_id"] for each in mdms.controls(limit=_SEARCHED_MAX))
    return one_of(ids, part, "command", "mdms command ls")


def one_of(ids: Iterable[str], part: str, noun: str, listed_by: str) -> str:
    """Return the one id that begins or ends with a part; raises as `named` does."""
    found = [each for each in ids if part and (each.startswith(part) or each.endswith(part))]
    match found:
        case [one]:
            return one
        case []:
            raise NotFoundError(f"no {noun} is called {part!r}; see `{listed_by}`")
        case _:
            ends = ", ".join(map(short, found))
            raise UsageError(f"{part!r} may mean several of them, those that end in {ends}")
