"""`mdms selfread`: Customer Reads Own Meter."""

from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from mdms.cli import options
from mdms.cli.output import Output, show

_SPARE = ("received_by", "received_at", "evidence", "verifies")

app = typer.Typer(help="Registers that customers read on their own meters.", no_args_is_help=True)


@app.command()
def add(
    meter: Annotated[str, typer.Argument(help="Badge or usage point.")],
    register: Annotated[str, typer.Option(help="What the display shows: kWh, ccf.")],
    at: Annotated[
        str | None, typer.Option(help="Instant with its offset; now when left out.")
    ] = None,
    evidence: Annotated[str, typer.Option(help="Photo, letter, web form.")] = "",
    *,
    verifies: Annotated[
        bool, typer.Option("--verifies", help="The utility read it: the yearly verification.")
    ] = False,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Take what a customer read on their own meter, and judge it.

    What is plausible is billed. What is not is kept, and answered with what to ask the customer;
    `mdms selfread accept` bills it all the same, once somebody has made sure.

    Example: mdms selfread add E1000012 --register 48211 --evidence photo-77
    """
    with options.client(config) as mdms:
        read = mdms.add_self_read(meter, register, at=at, evidence=evidence, verifies=verifies)
    show([read], output, title="Self read", spare=_SPARE)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV file.")],
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Take a file of self reads: all of its rows, or none and a list of every bad one.

    Columns: meter, register, at (empty: now; else UTC like 2026-11-30T20:00:00Z), evidence.

    Example: mdms selfread import cards.csv
    """
    with options.client(config) as mdms:
        show(mdms.import_self_reads(file), output, title="Self reads", spare=_SPARE)


@app.command()
def due(config: options.Config = None, output: options.Form = Output.TABLE) -> None:
    """
    List every meter that its customer reads: what is due when, what is missing in a row.

    Example: mdms selfread due
    """
    with options.client(config) as mdms:
        show(mdms.self_reads_due(), output, title="Self reads due", spare=("unit", "account"))


@app.command("ls")
def list_(
    from_: Annotated[
        str, typer.Option("--from", help="Local day, 2026-11-03, or an instant with its offset.")
    ],
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    List what was received since an instant, with what was found.

    Example: mdms selfread ls --from 2026-11-03
    """
    with options.client(config) as mdms:
        rows = mdms.self_reads(from_)
    if output is not Output.JSON:
        rows = [row | {"codes": " ".join(row["codes"])} for row in rows]
    show(rows, output, title="Self reads", spare=_SPARE)


@app.command()
def accept(
    self_read_id: Annotated[UUID, typer.Argument(help="Of the reading, as `selfread ls` has it.")],
    reason: Annotated[str, typer.Option(help="How somebody made sure of it.")],
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Bill a reading that the rules did not accept: a supervisor made sure of it.

    Example: mdms selfread accept 019a6c1e-3f7a-7c55-9d2b-4f21c09a7e10 --reason "photo shows it"
    """
    with options.client(config) as mdms:
        read = mdms.accept_self_read(str(self_read_id), reason)
    show([read], output, title="Self read", spare=_SPARE)
