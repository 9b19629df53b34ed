"""The signer's breaker, for the two who release it; `mdms signer` and `mdms command` have it."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from commands.signing import breaker
from commands.signing.client import SocketSigner
from mdms.app.clock import SystemClock
from mdms.cli import options
from mdms.cli.output import Output, show
from mdms.domain.errors import OperatorError, UsageError
from mdms.ports.signer import Trip
from mdms.settings import Settings, read_private

SecretFile = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        help="File with the supervisor's secret; asked for if left out.",
    ),
]


def status(config: options.Config = None, output: options.Form = Output.TABLE) -> None:
    """Tell whether the breaker stands against every open, since when, and who has released it."""
    show([_row(_asked(options.load(config)))], output, title="Breaker")


def release(
    supervisor: Annotated[str, typer.Argument(help="Name, as the signer's file has it.")],
    secret_file: SecretFile = None,
    config: options.Config = None,
) -> None:
    """
    Release the breaker, as one of two supervisors; run it where the signer runs.

    Find out first who asked for so many opens: what is held back asks again at once.
    """
    settings = options.load(config)
    trip = _asked(settings)
    if trip is None:
        raise OperatorError("the breaker does not stand open: there is nothing to release")
    typer.echo(f"open since {trip.at:%Y-%m-%d %H:%M:%SZ}: {trip.reason}", err=True)
    secret = (
        typer.prompt("Secret", hide_input=True)
        if secret_file is None
        else read_private(secret_file)
    )
    proof = breaker.prove(secret.strip(), trip.trip_id)
    still = asyncio.run(_released(settings, supervisor, trip, proof))
    typer.echo(
        "released" if still is None else "taken down; another supervisor must release it too"
    )


def _asked(settings: Settings) -> Trip | None:
    return asyncio.run(_trip(settings))


async def _trip(settings: Settings) -> Trip | None:
    line = _line(settings)
    try:
        return await line.standing_trip()
    finally:
        await line.close()


async def _released(settings: Settings, supervisor: str, trip: Trip, proof: bytes) -> Trip | None:
    line = _line(settings)
    try:
        return await line.release(supervisor, trip.trip_id, proof)
    finally:
        await line.close()


def _line(settings: Settings) -> SocketSigner:
    if not settings.signer.socket:
        raise UsageError("[signer] socket names no socket")
    return SocketSigner(Path(settings.signer.socket), SystemClock())


def _row(trip: Trip | None) -> dict[str, str]:
    if trip is None:
        return {"breaker": "closed", "since": "", "reason": "", "released_by": ""}
    return {
        "breaker": "open",
        "since": trip.at.isoformat(),
        "reason": trip.reason,
        "released_by": ", ".join(trip.released_by),
    }
