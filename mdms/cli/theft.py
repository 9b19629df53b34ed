"""`mdms theft`: direct signs of tampering."""

import typer

from mdms.cli import options
from mdms.cli.output import Output, show

app = typer.Typer(help="Direct signs of theft and tampering.", no_args_is_help=True)


@app.callback()
def _nouns() -> None:
    """Tell Typer that `ls` is a verb of its own."""


@app.command("ls")
def list_(
    *,
    from_: options.FromDay,
    to: options.ToDay,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    List meters with signs of tampering on local days, the most points first; a case is 5 points.

    Evidence for a person: nothing follows from it by itself.

    Example: mdms theft ls --from 2026-11-03 --to 2026-11-30
    """
    with options.client(config) as mdms:
        show(mdms.theft(from_, to), output, title="Signs of tampering")
