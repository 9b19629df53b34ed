"""`mdms reading`: what meters measured."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

import typer

from mdms.cli import options
from mdms.cli.command import VERBS, verb_command
from mdms.cli.lineage import print_trace
from mdms.cli.output import Output, show, terminal
from mdms.domain.readings import Status

_FAILED: Final = 1
_PARTLY_DONE: Final = 5
_IMPORT_SPARE: Final = ("zone", "rounded", "not_read", "no_value", "disputed")

_ESTIMATED: Final = (Status.ESTIMATED, Status.FINAL_ESTIMATE, Status.DERIVED)

app = typer.Typer(help="Interval and register reads.", no_args_is_help=True)

# Who looks for reads asks here whether their meter hears at all.
app.command("ping")(verb_command(VERBS["ping"], "reading"))


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
    estimated: Annotated[
        bool, typer.Option("--estimated", help="Only what was estimated: status E, F or D.")
    ] = False,
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
    if estimated:
        frame = frame[frame["status"].isin(_ESTIMATED)]
    rows = [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
    several = len({row["reading_type"] for row in rows}) > 1
    spare = ("meter", "recorded_at", "flags", "method", "version")
    show(
        rows,
        output,
        title=f"Reads of {meter}",
        empty="none estimated" if estimated else "no reads",
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
        str,
        typer.Option("--format", help="csv, parquet (always every version), cmep, nem12 or espi."),
    ] = "csv",
    meter: Annotated[
        str | None, typer.Option(help="Badge or usage point; every meter when left out.")
    ] = None,
    config: options.Config = None,
) -> None:
    """
    Write reads to files, and a manifest that names each with its SHA-256.

    Example: mdms reading export --from 2026-11-03 --to 2026-11-09 --format espi --out week
    """
    with options.client(config) as mdms:
        kind = "parquet" if versions else form
        for path in mdms.export_readings(from_, to, out, form=kind, meter=meter):
            typer.echo(path)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="File of reads.")],
    form: Annotated[
        str | None,
        typer.Option("--format", help="cmep, nem12, espi or csv; told by its beginning."),
    ] = None,
    zone: Annotated[
        str,
        typer.Option(help="Of its times: UTC, America/Los_Angeles, +10:00; as its format rules."),
    ] = "",
    meter: Annotated[str, typer.Option(help="Whose reads all of it are; else the file says.")] = "",
    *,
    skip_refused: Annotated[
        bool, typer.Option("--skip-refused", help="Take the other rows when some are refused.")
    ] = False,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Take a file of reads: all of it, or nothing and a list of every refused row.

    The same file again changes nothing. What its sender estimated or edited is no reading: it is
    counted and left out. docs/files.md says how each format is read.

    Example: mdms reading import day.cmep --zone America/Los_Angeles
    """
    with options.client(config) as mdms:
        made = mdms.import_readings(
            file, form=form, zone=zone, meter=meter, skip_refused=skip_refused
        )
        refused = list(mdms.refused_readings(made["reading_import_id"]))
    if output is Output.TABLE:
        show([_import_row(made)], output, title=file.name, spare=_IMPORT_SPARE)
        if refused:
            show(refused, output, title="Refused rows")
    else:
        show(refused if output is Output.CSV else [made | {"refused": refused}], output)
    if made["state"] != "stored":
        raise typer.Exit(_PARTLY_DONE if made["state"] == "partial" else _FAILED)


@app.command()
def imported(
    from_: Annotated[
        str, typer.Option("--from", help="Local day, 2026-11-03, or an instant with its offset.")
    ],
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    List the files of reads that were handed in since an instant, the newest first.

    Example: mdms reading imported --from 2026-11-03
    """
    with options.client(config) as mdms:
        rows = mdms.reading_imports(from_)
    if output is not Output.JSON:
        rows = [_import_row(row) for row in rows]
    show(rows, output, title="Files of reads", spare=_IMPORT_SPARE)


@app.command()
def refused(
    reading_import_id: Annotated[UUID, typer.Argument(help="As `reading imported` has it.")],
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    List every row of a file that was refused, with its line and what is wrong with it.

    Example: mdms reading refused 019a6c1e-3f7a-7c55-9d2b-4f21c09a7e10 -o csv
    """
    with options.client(config) as mdms:
        show(list(mdms.refused_readings(str(reading_import_id))), output, title="Refused rows")


def _import_row(made: Mapping[str, Any]) -> dict[str, Any]:
    """Return what people look at first."""
    counts = {
        name: made[f"{name}_count"]
        for name in (
            "interval", "register", "new", "disputed", "refused", "no_value", "not_read", "rounded",
        )
    }  # fmt: skip
    totals = ", ".join(f"{total} {unit}" for unit, total in made["totals"].items())
    named = {name: made[name] for name in ("name", "format", "zone", "state")}
    return named | counts | {"totals": totals, "id": made["reading_import_id"]}


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
