"""`mdms ingest`: what was received, read again."""

from typing import Annotated

import typer

from mdms.cli import options
from mdms.cli.output import Output, show

app = typer.Typer(help="Raw messages.", no_args_is_help=True)

_DIFFERS = 1


@app.callback()
def _nouns() -> None:
    """Tell Typer that `replay` is a verb of its own."""


@app.command()
def replay(
    *,
    from_: options.FromDay,
    to: options.ToDay,
    check: Annotated[
        bool, typer.Option("--check", "--dry-run", help="Compare only, and write nothing.")
    ] = False,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Put the raw messages that came in a period through today's decoder and registry again.

    What they say and is not stored, is stored; nothing that is stored is changed. With --check it
    only counts, and ends with 1 where messages and rows differ.

    Example: mdms ingest replay --from 2026-11-03 --to 2026-11-09 --check
    """
    with options.client(config) as mdms:
        report = mdms.replay(from_, to, dry_run=check)
    show([report], output, title="Replay")
    if not report["agrees"]:
        raise typer.Exit(_DIFFERS)
