"""Options that every command shares, and what they lead to: settings and a client."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from mdms.cli.output import Output
from mdms.client import Client
from mdms.domain.errors import UnavailableError
from mdms.settings import Settings

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        envvar="MDMS_CONFIG",
        help="Settings file (TOML); ./mdms.toml when it is there.",
        show_default=False,
    ),
]
Form = Annotated[Output, typer.Option("--output", "-o", help="Form of the answer.")]
FromDay = Annotated[
    str, typer.Option("--from", help="First local day, 2026-11-03, or an instant with its offset.")
]
ToDay = Annotated[
    str, typer.Option("--to", help="Last local day (included), or an instant (excluded).")
]
At = Annotated[
    str, typer.Option("--at", help="Any instant of the interval: 2026-11-03T14:00-08:00.")
]
ReadingTypeName = Annotated[
    str | None,
    typer.Option("--reading-type", help="Which channel; the delivered one when left out."),
]

DEFAULT_FILE = Path("mdms.toml")


def found(config: Path | None) -> Path | None:
    """Return the settings file that a command line means; None for the defaults."""
    return config or (DEFAULT_FILE if DEFAULT_FILE.is_file() else None)


def load(config: Path | None) -> Settings:
    """Read the settings that a command line names."""
    return Settings.load(found(config))


@contextmanager
def client(config: Path | None) -> Iterator[Client]:
    """
    Open a client as [client] says.

    Raises:
        UnavailableError: The daemon does not answer; where no settings were named, it says that.
    """
    settings = load(config).client
    try:
        token = settings.token.get_secret_value()
        with Client(settings.url, token, settings.purpose) as opened:
            yield opened
    except UnavailableError as error:
        if found(config) is not None:
            raise
        raise UnavailableError(
            f"{error} No settings were named: --config FILE, or export MDMS_CONFIG=FILE."
        ) from error
