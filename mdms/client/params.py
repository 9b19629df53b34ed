"""How arguments of a call are written into a request."""

from datetime import date, datetime

Day = date | str
Instant = datetime | str


def given(**values: object) -> dict[str, str | bool]:
    """Return what was given, as text; None is left out."""
    return {
        name: value if isinstance(value, bool) else str(value)
        for name, value in values.items()
        if value is not None
    }
