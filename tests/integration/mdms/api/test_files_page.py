"""The page about files does what it says: its files, its commands, their output."""

import asyncio
import re
import shlex
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import uvicorn
from structlog.testing import capture_logs
from typer.testing import CliRunner

from mdms.cli import app
from mdms.domain.people import Role
from mdms.domain.registry import Registry
from mdms.ports.unit_of_work import UnitOfWorkFactory
from tests.integration.mdms.api.test_routes import application, services
from tests.integration.storage.registries import E100, SMALL_TOWN

pytestmark = pytest.mark.db

PAGE = Path(__file__).parents[4] / "docs" / "files.md"
FENCE = re.compile(r"^```(text|console) ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

METER = replace(E100, badge="E1000001", removed_at=None)
TOWN: Registry = replace(
    SMALL_TOWN,
    meters=(METER,),
    channels=tuple(replace(channel, badge="E1000001") for channel in SMALL_TOWN.channels[:1]),
)


@pytest.fixture
async def daemon(store: UnitOfWorkFactory, tmp_path: Path) -> AsyncIterator[Path]:
    """A daemon's interface on a port of its own; the settings of a client of it."""
    async with store() as work:
        await work.registry.merge(TOWN)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(application(services(store)), log_config=None, lifespan="off")
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    config = tmp_path / "client.toml"
    port = listener.getsockname()[1]
    config.write_text(f'[client]\nurl = "http://127.0.0.1:{port}"\ntoken = "{Role.VEE}"\n')
    yield config
    server.should_exit = True
    await serving


def commands(text: str) -> Iterator[tuple[list[str], list[str]]]:
    """Yield each command and the lines that the page shows after it."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, *shown = part.splitlines()
        yield shlex.split(command), shown


def run(words: list[str], config: Path) -> tuple[int, str]:
    if words[0] == "cat":
        return 0, Path(words[1]).read_text()
    assert words[0] == "mdms"
    result = CliRunner().invoke(app, words[1:], env={"MDMS_CONFIG": str(config)})
    return result.exit_code, result.output


async def test_every_example_of_the_page_does_what_it_shows(daemon, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fences = FENCE.findall(PAGE.read_text())
    assert len(fences) >= 5

    for kind, name, text in fences:
        if kind == "text":
            (tmp_path / name).write_text(text)
            continue
        for words, shown in commands(text):
            with capture_logs():  # the daemon's log goes where the command prints
                status, output = await asyncio.to_thread(run, words, daemon)
            refused = "broken.cmep" in words
            partly = "--skip-refused" in words
            assert status == (5 if partly else 1 if refused else 0), (words, output)
            if shown:
                assert output.splitlines() == shown, words
