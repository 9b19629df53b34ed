"""Further registers of a meter: one for each time-of-use bucket, and one of its largest demand."""

import re
from typing import Final, NamedTuple

DEMAND: Final = "demand"
"""The dial of the largest demand since it was reset [W]; all others count a bucket's quanta."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")


class DialRead(NamedTuple):
    """What a dial showed."""

    channel_id: int
    dial: str
    at_s: int
    """Seconds since 1970-01-01 UTC."""
    value: int


def is_dial(name: str) -> bool:
    """Return whether a dial may be called so: as time-of-use buckets are."""
    return _NAME.fullmatch(name) is not None
