"""`mdms meter`: what is installed."""

from typing import Annotated

import typer

from mdms.cli import options
from mdms.cli.output import Output, show
from mdms.domain.errors import NotFoundError

app = typer.Typer(help="Meters and their channels.", no_args_is_help=True)


_SPARE = ("reading_type", "removed_at", "commodity", "interval_s")


@app.command("ls")
def list_(config: options.Config = None, output: options.Form = Output.TABLE) -> None:
    """List every channel of every meter."""
    with options.client(config) as mdms:
        show(mdms.meters(), output, title="Meters", spare=_SPARE)


@app.command("show")
def show_(
    meter: Annotated[str, typer.Argument(help="Badge or usage point.")],
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """Show one meter's channels and where it was installed when."""
    with options.client(config) as mdms:
        rows = [row for row in mdms.meters() if meter in (row["meter"], row["usage_point"])]
    if not rows:
        raise NotFoundError(f"no meter {meter!r} in the registry; `mdms meter ls` lists them")
    show(rows, output, title=f"Meter {meter}", spare=_SPARE)
