"""Whom the database runs as when we are root."""

import pwd
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mdms.domain.errors import UsageError


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine; PostgreSQL refuses to be root."""

    name: str
    uid: int
    gid: int


def unprivileged() -> Account:
    """
    Return a user without rights to run the server as.

    Raises:
        UsageError: This machine has none that is known.
    """
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise UsageError("as root the database needs a user named postgres or nobody to run as")


def refuse_closed_ancestor(folder: Path, account: Account) -> None:
    """
    See to it that a user may enter a folder.

    Raises:
        UsageError: A folder above it is closed to that user.
    """
    for parent in folder.resolve().parents:
        if not parent.stat().st_mode & stat.S_IXOTH:
            raise UsageError(
                f"as root the database runs as {account.name}, who may not enter {parent}: "
                f"choose a state folder elsewhere than {folder}"
            )
