"""`mdms quarantine`: frames of meters that the registry does not know yet."""

import typer

from mdms.cli import options
from mdms.cli.output import Output, show

app = typer.Typer(help="What waits for the registry.", no_args_is_help=True)


@app.command("ls")
def list_(config: options.Config = None, output: options.Form = Output.TABLE) -> None:
    """
    List what waits until the registry knows who sent it, by radio and reason.

    Example: mdms quarantine ls
    """
    with options.client(config) as mdms:
        show(mdms.quarantine(), output, title="Quarantine")


@app.command()
def replay(config: options.Config = None, output: options.Form = Output.TABLE) -> None:
    """
    Read again now what the registry knows the sender of.

    The daemon does so by itself after `mdms registry import`.

    Example: mdms quarantine replay
    """
    with options.client(config) as mdms:
        show([mdms.replay_quarantine()], output, title="Replayed")
