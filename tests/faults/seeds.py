"""Which seeds are played: those of every day, or those that somebody asks for."""

import os
from collections.abc import Iterator


def chosen(variable: str, usual: str) -> list[int]:
    """Return the seeds that an environment variable names, or else the usual ones."""
    return list(listed(os.environ.get(variable, usual)))


def listed(text: str) -> Iterator[int]:
    """Yield the seeds of a list such as 1,7,20-25."""
    for part in text.split(","):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)
