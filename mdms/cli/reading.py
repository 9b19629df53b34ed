"""`mdms reading`: what meters measured."""

from pathlib import Path
from typing import Annotated

import typer

from mdms.cli import options
from mdms.cli.lineage import print_trace
from mdms.cli.output import Output, show, terminal

app = typer.Typer(help="Interval and register reads.", no_args_is_help=True)


@app.command()
def get(
    meter: Annotated[str, typer.Argument(help="Badge or usage point.")],
    *,
    from_: options.FromDay,
    to: options.ToDay,
    as_of: Annotated[
        str | None, typer.Option(help="What was known at this instant, with its offset.")
    ] = None,
    versions: Annotated[bool, typer.Option("--versions", help="Every version.")] = False,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Print a meter's reads, one row an interval and channel.

    Values are whole quanta of the reading type: 1 Wh, 0.1 gal, 0.01 ccf.

    Example: mdms reading get E1000001 --from 2026-11-03 --to 2026-11-04
    """
    with options.client(config) as mdms:
        frame = mdms.readings(meter, from_, to, as_of=as_of, versions=versions)
    rows = [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
    several = len({row["reading_type"] for row in rows}) > 1
    spare = ("meter", "recorded_at", "flags", "method", "version")
    show(
        rows,
        output,
        title=f"Reads of {meter}",
        empty="no reads",
        spare=spare if several else ("reading_type", *spare),
    )


@app.command()
def export(
    *,
    from_: options.FromDay,
    to: options.ToDay,
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder to write to.")],
    versions: Annotated[
        bool,
        typer.Option(
            "--versions", help="Every version, as readings.parquet and registers.parquet."
        ),
    ] = False,
    form: Annotated[
        str, typer.Option("--format", help="csv or parquet; --versions always writes parquet.")
    ] = "csv",
    config: options.Config = None,
) -> None:
    """Write the reads of every meter to files."""
    with options.client(config) as mdms:
        kind = "parquet" if versions else form
        for path in mdms.export_readings(from_, to, out, form=kind):
            typer.echo(path)


@app.command()
def trace(
    meter: Annotated[str, typer.Argument(help="Badge or usage point.")],
    at: options.At,
    reading_type: options.ReadingTypeName = None,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Follow a value back: every version, and the raw frames that carried it, decoded again.

    A frame is named by its collector, boot, batch and place; raw messages are kept for 90 days.

    Example: mdms reading trace E1000001 --at 2026-11-03T14:00-08:00
    """
    with options.client(config) as mdms:
        found = mdms.trace(meter, at, reading_type=reading_type)
    if output is Output.TABLE:
        print_trace(found, terminal())
    else:
        show([found], output)
