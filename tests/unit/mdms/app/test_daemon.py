"""How a daemon starts."""

import socket

import pytest

from mdms.app.daemon import serve
from mdms.domain.errors import OperatorError
from mdms.settings import Settings


async def test_a_second_daemon_ends_before_it_touches_database_or_broker(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as first:
        monkeypatch.setenv("MDMS_API__PORT", str(first.getsockname()[1]))
        monkeypatch.setenv("MDMS_DATABASE__DSN", "postgresql://nobody@127.0.0.1:1/none")

        with pytest.raises(OperatorError, match="does another `mdms serve` run"):
            await serve(Settings.load(None))
