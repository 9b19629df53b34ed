"""`mdms serve`: the daemon."""

import asyncio
from enum import StrEnum
from typing import Annotated

import typer

from mdms.app.daemon import serve as serve_parts
from mdms.cli import options
from mdms.domain.errors import UsageError
from mdms.telemetry import logging


class Part(StrEnum):
    """A part of the daemon that may run in a process of its own."""

    INGEST = "ingest"
    VEE = "vee"
    COMMANDS = "commands"
    API = "api"


def serve(
    only: Annotated[
        str | None,
        typer.Option(help="Some parts only: ingest, vee, commands, api, separated by commas."),
    ] = None,
    config: options.Config = None,
) -> None:
    """
    Run the daemon: take reads, judge them every night, carry commands, answer on REST.

    It needs a migrated database (`mdms db migrate`) and a broker. SIGTERM ends it in order: the
    batch in hand is stored, and nothing is acknowledged that was not.

    Example: mdms serve --config /etc/mdms/mdms.toml
    """
    settings = options.load(config)
    parts = _parts(only)
    logging.configure(settings.log.level, settings.log.format)
    asyncio.run(serve_parts(settings, frozenset(part.value for part in parts)))


def _parts(only: str | None) -> list[Part]:
    if only is None:
        return list(Part)
    try:
        return [Part(name.strip()) for name in only.split(",")]
    except ValueError as error:
        names = ", ".join(Part)
        raise UsageError(f"--only {only}: {error}; the parts are {names}") from error
