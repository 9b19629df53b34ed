"""`mdms conflict`: raw values that differ from the one that is stored."""

from typing import Annotated

import typer

from mdms.cli import options
from mdms.cli.output import Output, show

app = typer.Typer(help="Values that came twice and differ.", no_args_is_help=True)


@app.callback()
def _nouns() -> None:
    """Tell Typer that `ls` is a verb of its own."""


@app.command("ls")
def list_(
    *,
    from_: options.FromDay,
    to: options.ToDay,
    meter: Annotated[str | None, typer.Option(help="Badge; every meter when left out.")] = None,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    List conflicts about a period: the first value is stored, the other one kept here.

    Example: mdms conflict ls --from 2026-11-03 --to 2026-11-30
    """
    with options.client(config) as mdms:
        show(mdms.conflicts(from_, to, meter=meter), output, title="Conflicts")
