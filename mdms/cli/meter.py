"""`mdms meter`: what is installed."""

from typing import Annotated, Any

import typer

from mdms.cli import options
from mdms.cli.output import Output, show
from mdms.domain.errors import NotFoundError
from mdms.domain.reading_types import READING_TYPES

app = typer.Typer(help="Meters and their channels.", no_args_is_help=True)


_SPARE = ("reading_type", "removed_at", "installed_at", "commodity", "interval_s", "usage_point")
_CHANNELS = {0: "delivered", 1: "received", 3: "reactive", 4: "voltage"}


@app.command("ls")
def list_(config: options.Config = None, output: options.Form = Output.TABLE) -> None:
    """
    List every channel of every meter.

    Example: mdms meter ls -o csv > meters.csv
    """
    with options.client(config) as mdms:
        rows = mdms.meters()
    show(_rows(rows, output), output, title="Meters", spare=_SPARE)


@app.command("show")
def show_(
    meter: Annotated[str, typer.Argument(help="Badge or usage point.")],
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Show one meter's channels and where it was installed when.

    Example: mdms meter show E1000001
    """
    with options.client(config) as mdms:
        rows = [row for row in mdms.meters() if meter in (row["meter"], row["usage_point"])]
    if not rows:
        raise NotFoundError(f"no meter {meter!r} in the registry; `mdms meter ls` lists them")
    show(_rows(rows, output), output, title=f"Meter {meter}", spare=_SPARE)


def _rows(rows: list[dict[str, Any]], output: Output) -> list[dict[str, Any]]:
    """Return what a table shows: a name for each channel, which otherwise only its code tells."""
    if output is not Output.TABLE:
        return rows
    return [
        {"meter": row["meter"], "channel": _CHANNELS[READING_TYPES[row["reading_type"]].channel]}
        | row
        for row in rows
    ]
