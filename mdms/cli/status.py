"""`mdms status`: how the line is doing."""

import json

import typer

from mdms.cli import options
from mdms.cli.output import Output, show


def status(config: options.Config = None, output: options.Form = Output.TABLE) -> None:
    """Show how far collectors, reads, VEE and billing have come."""
    with options.client(config) as mdms:
        answer = mdms.status()
    if output is Output.JSON:
        typer.echo(json.dumps(answer, indent=2))
        return
    summary = {name: value for name, value in answer.items() if not isinstance(value, list)}
    rows = [{"what": name.replace("_", " "), "value": value} for name, value in summary.items()]
    show(rows, output, title="Status")
    show(answer["collectors"], output, title="Collectors", empty="none has reported yet")
