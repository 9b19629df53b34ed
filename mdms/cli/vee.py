"""`mdms vee`: validation, estimation, and what waits for a person."""

from typing import Annotated

import typer

from mdms.cli import options
from mdms.cli.output import Output, show

app = typer.Typer(help="Validation and estimation.", no_args_is_help=True)
exception = typer.Typer(help="What waits for a person.", no_args_is_help=True)
app.add_typer(exception, name="exception")

_SPARE = ("reading_type", "opened_at")


@app.command()
def run(
    from_: options.FromDay,
    to: options.ToDay,
    meter: Annotated[str | None, typer.Option(help="Badge; every meter when left out.")] = None,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Judge and estimate local days again; running it twice changes nothing.

    The daemon does this every night by itself (`[vee] nightly_at`).
    """
    with options.client(config) as mdms:
        show([mdms.run_vee(from_, to, meter=meter)], output, title="VEE run")


@exception.command("ls")
def list_(config: options.Config = None, output: options.Form = Output.TABLE) -> None:
    """List open exceptions, newest day first."""
    with options.client(config) as mdms:
        show(mdms.exceptions(), output, title="Open exceptions", spare=_SPARE)
