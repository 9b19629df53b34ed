"""Where the database is: read once, with limits for a server or a network that fell silent."""

from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from mdms.domain.errors import UsageError

_LIMITS: Final = {
    "connect_timeout": 10,  # seconds
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,  # ms
}
"""For connections whose peer is gone; what a DSN says itself comes first."""


def limited(dsn: str) -> str:
    """
    Return a DSN with limits where it names none.

    Raises:
        UsageError: It cannot be read.
    """
    try:
        return make_conninfo("", **{**_LIMITS, **conninfo_to_dict(dsn)})
    except psycopg.ProgrammingError as error:
        reason = " ".join(str(error).split())
        raise UsageError(
            f"[database] dsn cannot be read: {reason}; write postgresql://user@host/database"
        ) from error
