"""What a PostgreSQL server says of itself in its data folder."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SOCKET_NAME: Final = ".s.PGSQL.5432"


@dataclass(frozen=True, slots=True)
class ListedServer:
    """What a data folder's postmaster.pid says; the server may be gone."""

    pid: int
    socket_path: Path
    status: str

    def answers(self) -> bool:
        """Whether something listens on the socket that this server was given."""
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(os.fsencode(self.socket_path)) == 0


def listed_server(data: Path) -> ListedServer | None:
    """Return the server that a data folder names; None without one, or while it is being named."""
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    match lines:
        case [pid, _data, _started, _port, socket_dir, _host, _shared_memory, status, *_]:
            return ListedServer(int(pid), Path(socket_dir) / SOCKET_NAME, status.strip())
        case _:
            return None


def is_ready(data: Path, pid: int) -> bool:
    """Tell whether this process is the folder's server and lets clients in."""
    listed = listed_server(data)
    return listed is not None and listed.pid == pid and listed.status == "ready"


def old_server_in_the_way(failure: str) -> bool:
    """Tell by a start's last words whether a server that was killed is not quite gone."""
    return (
        'lock file "postmaster.pid" already exists' in failure
        or "pre-existing shared memory block" in failure
        or "Is another postmaster" in failure
    )
