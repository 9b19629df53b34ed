"""`mdms fact`: what the customer system knows and the rules ask for."""

from pathlib import Path
from typing import Annotated

import typer

from mdms.cli import options
from mdms.cli.output import Output, show

app = typer.Typer(help="Facts of the customer system, which the rules read.", no_args_is_help=True)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV file.")],
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Take a file of facts: all of its rows, or none and a list of every bad one.

    Columns: subject (account, premise, meter, utility), subject_id, fact, value, effective_at,
    known_at (empty: now), evidence; times UTC like 2026-11-03T08:00:00Z. `mdms fact kinds` lists
    the facts and how their values are written. Importing a file that names known_at again changes
    nothing.

    Example: mdms fact import facts.csv
    """
    with options.client(config) as mdms:
        new = mdms.import_facts(file)
    if output is Output.TABLE:
        typer.echo(f"{new} new facts")
    else:
        show([{"new": new}], output)


@app.command("ls")
def list_(
    subject: Annotated[str, typer.Argument(help="Account, premise, badge, or the utility.")],
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    List everything that was stated about one subject, oldest first.

    Example: mdms fact ls AC000012
    """
    with options.client(config) as mdms:
        show(mdms.facts(subject), output, title="Facts", spare=("subject", "subject_id"))


@app.command()
def kinds(config: options.Config = None, output: options.Form = Output.TABLE) -> None:
    """
    List every fact that a rule reads: about what, in which form, for which rows.

    Example: mdms fact kinds
    """
    with options.client(config) as mdms:
        show(mdms.fact_kinds(), output, title="Facts that rules read", spare=("rows",))
