"""`mdms collector`: the towers, as they say they are."""

import typer

from mdms.cli import options
from mdms.cli.output import Output, show

app = typer.Typer(help="Collectors.", no_args_is_help=True)


@app.callback()
def _nouns() -> None:
    """Tell Typer that `ls` is a verb of its own."""


@app.command("ls")
def list_(config: options.Config = None, output: options.Form = Output.TABLE) -> None:
    """
    List collectors: online, stale, offline or unheard; clock, firmware, frames that wait.

    Example: mdms collector ls
    """
    with options.client(config) as mdms:
        show(
            mdms.collectors(), output, title="Collectors",
            spare=("boot_id", "batch_at", "temperature_c", "gps"),
        )  # fmt: skip
