"""Whose turn it is to take reads."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Process:
    """
    A process that takes reads, took them, or would.

    Attributes:
        host: Name of its machine.
        pid: Its number there.
        pid_space: Which running kernel and namespace the number is of; "" where nobody can tell.
    """

    host: str
    pid: int
    pid_space: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


@dataclass(frozen=True, slots=True)
class Taker:
    """
    Who takes reads, or took them last.

    Attributes:
        client_id: Whose session it has at the broker.
        since: When it began, by the clock of the database's server.
        present: Whether it has the turn now.
    """

    client_id: str
    process: Process
    since: datetime
    present: bool
