"""`mdms db`: make, upgrade and find the database."""

import asyncio
from dataclasses import asdict
from typing import Annotated

import typer

from mdms.app.clock import SystemClock
from mdms.cli import options
from mdms.cli.output import Output, show
from mdms.storage import fingerprint as content
from mdms.storage import migrate as runner
from mdms.storage.migrate import Phase

app = typer.Typer(help="The database.", no_args_is_help=True)


@app.command()
def migrate(
    phase: Annotated[
        Phase | None,
        typer.Option(help="pre: before the new program starts; post: after the old one is gone."),
    ] = None,
    config: options.Config = None,
) -> None:
    """
    Make the tables, or bring them up to date.

    Needs an administrator's DSN, best by MDMS_DATABASE__DSN: it makes the roles of daemon, signer
    and dashboards, and gives them what is theirs. TimescaleDB is used where it is installed; which
    of the two is decided here, once.

    Example: mdms db migrate --phase pre --config /etc/mdms/mdms.toml
    """
    settings = options.load(config)
    applied = asyncio.run(
        runner.migrate(
            settings.database.dsn.get_secret_value(),
            at=SystemClock().now(),
            zone=settings.utility.zone,
            phases=tuple(Phase) if phase is None else (phase,),
        )
    )
    for migration in applied:
        typer.echo(f"applied {migration}")
    if not applied:
        typer.echo("nothing to apply")


@app.command()
def status(config: options.Config = None, output: options.Form = Output.TABLE) -> None:
    """
    List the migrations and when each was applied.

    Example: mdms db status -o csv
    """
    dsn = options.load(config).database.dsn.get_secret_value()
    rows = [
        {"migration": str(each.migration), "applied_at": each.applied_at or "pending"}
        for each in asyncio.run(runner.status(dsn))
    ]
    show(rows, output, title="Migrations")


@app.command()
def url(config: options.Config = None) -> None:
    """
    Print the DSN that the settings name, password included.

    Example: psql "$(mdms db url)"
    """
    typer.echo(options.load(config).database.dsn.get_secret_value())


@app.command()
def fingerprint(config: options.Config = None, output: options.Form = Output.TABLE) -> None:
    """
    Count and hash the rows of every table, to compare a restored database with its original.

    Reads everything: an administrator's DSN, and time. What is written meanwhile is not seen.

    Example: mdms db fingerprint -o csv > before.csv
    """
    found = asyncio.run(content.fingerprints(options.load(config).database.dsn.get_secret_value()))
    show([asdict(each) for each in found], output, title="What the database holds")
