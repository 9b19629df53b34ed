"""`mdms gap`: batches that collectors sent and that never arrived."""

from typing import Annotated

import typer

from mdms.cli import options
from mdms.cli.output import Output, show

app = typer.Typer(help="Missing batches.", no_args_is_help=True)


@app.command("ls")
def list_(config: options.Config = None, output: options.Form = Output.TABLE) -> None:
    """
    List missing batches, and those that were given up.

    Example: mdms gap ls
    """
    with options.client(config) as mdms:
        show(mdms.gaps(), output, title="Missing batches")


@app.command()
def backfill(
    collector: Annotated[
        int | None, typer.Option(help="Collector id; every one when left out.")
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", help="Everything closed from this local day or instant.")
    ] = None,
    to: Annotated[str | None, typer.Option("--to", help="Last local day, or an instant.")] = None,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Ask collectors again for missing batches now, also for those that were given up.

    The daemon asks by itself after 30 s, 60 s, 5 min, 30 min, then hourly for 72 hours. A daemon
    without ingest leaves the requests to the one that has it, which makes them within seconds.

    Example: mdms gap backfill --collector 3 --from 2026-11-03 --to 2026-11-04
    """
    with options.client(config) as mdms:
        show([mdms.backfill(collector, from_=from_, to=to)], output, title="Backfill")
