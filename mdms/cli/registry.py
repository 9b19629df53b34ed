"""`mdms registry`: who is metered where."""

from pathlib import Path
from typing import Annotated

import typer

from mdms.cli import options
from mdms.cli.output import Output, show

app = typer.Typer(help="Premises, meters, channels, accounts, collectors.", no_args_is_help=True)


@app.command("import")
def import_(
    directory: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="Folder with the CSV files.")
    ],
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Take a registry directory: all of its rows, or none of them.

    The files and their columns are listed in docs/reference/registry.md. Importing the same
    directory again changes nothing.

    Example: mdms registry import town/
    """
    with options.client(config) as mdms:
        result = mdms.import_registry(directory)
    rows = [
        {"file": name, **{what: result[what].get(name, 0) for what in result}}
        for name in result["added"]
    ]
    show(rows, output, title="Registry import")


@app.command()
def export(
    directory: Annotated[Path, typer.Argument(file_okay=False, help="Folder to write to.")],
    config: options.Config = None,
) -> None:
    """
    Write the registry as the CSV files that `import` reads.

    Example: mdms registry export town/
    """
    with options.client(config) as mdms:
        for path in mdms.export_registry(directory):
            typer.echo(path)
