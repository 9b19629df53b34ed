"""
`mdms command breaker` and `release`: the signer's breaker, by way of the daemon.

The daemon passes on, and is not believed: a supervisor's proof is made here, over what was shown
here. `mdms.cli.signer_breaker` does the same at the signer's own socket.
"""

from pathlib import Path
from typing import Annotated

import typer

from commands.signing import breaker
from mdms.cli import options
from mdms.cli.output import Output, show
from mdms.domain.errors import OperatorError
from mdms.ports.signer import Trip
from mdms.settings import read_private

Supervisor = Annotated[str, typer.Argument(help="Name, as the signer's file has it.")]
SecretFile = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        help="File with the supervisor's secret; asked for if left out.",
    ),
]


def status(config: options.Config = None, output: options.Form = Output.TABLE) -> None:
    """
    Tell whether the breaker stands against every open, since when, and who has released it.

    Example: mdms command breaker
    """
    with options.client(config) as mdms:
        show_trip(mdms.standing_trip(), output)


def release(
    supervisor: Supervisor, secret_file: SecretFile = None, config: options.Config = None
) -> None:
    """
    Release the breaker, as one of two supervisors.

    The secret stays here: what is sent is a proof for this one trip, and for the reason shown.
    Find out first who asked for so many opens: what is held back asks again at once.

    Example: mdms command release ada
    """
    with options.client(config) as mdms:
        trip = standing(mdms.standing_trip())
        tell(mdms.release_breaker(supervisor, trip, proof_of(trip, secret_file)))


def show_trip(trip: Trip | None, output: Output) -> None:
    """Show how the breaker stands."""
    row = {"breaker": "closed", "since": "", "reason": "", "released_by": ""}
    if trip is not None:
        row = {
            "breaker": "open",
            "since": trip.at.isoformat(),
            "reason": trip.reason,
            "released_by": ", ".join(trip.released_by),
        }
    show([row], output, title="Breaker")


def standing(trip: Trip | None) -> Trip:
    """
    Return what is to be released, and show why it stands.

    Raises:
        OperatorError: Nothing does.
    """
    if trip is None:
        raise OperatorError("the breaker does not stand open: there is nothing to release")
    typer.echo(f"open since {trip.at:%Y-%m-%d %H:%M:%SZ}: {trip.reason}", err=True)
    return trip


def proof_of(trip: Trip, secret_file: Path | None) -> bytes:
    """Return a supervisor's proof, by the secret of a file or as it is typed."""
    if secret_file is None:
        secret: str = typer.prompt("Secret", hide_input=True)
    else:
        secret = read_private(secret_file)
    return breaker.prove(secret.strip(), trip)


def tell(still: Trip | None) -> None:
    """Say how it stands after a release."""
    typer.echo(
        "released" if still is None else "taken down; another supervisor must release it too"
    )
