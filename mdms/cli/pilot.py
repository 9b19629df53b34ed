"""`mdms pilot`: the meters that may be switched off from afar."""

from typing import Annotated

import typer

from mdms.cli import options
from mdms.cli.output import Output, show

app = typer.Typer(help="The pilot of remote switching.", no_args_is_help=True)

Which = Annotated[str, typer.Argument(help="Badge or usage point.", metavar="METER")]
Reason = Annotated[str, typer.Option(help="Why, for the record.")]


@app.command()
def enrol(
    meter: Which,
    reason: Reason = "",
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Let a meter join, as a supervisor; the rules say how many have room.

    Its place joins: a meter that is exchanged there is in the pilot too, and no later import of
    the registry undoes it.

    Example: mdms pilot enrol E1000042 --reason "three accounts in 36 months"
    """
    with options.client(config) as mdms:
        show([mdms.enrol_in_pilot(meter, reason=reason)], output, title="Pilot")


@app.command()
def leave(
    meter: Which,
    reason: Reason = "",
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Take a meter out, as a supervisor; one whose switch may stand open is reconnected first.

    Example: mdms pilot leave E1000042
    """
    with options.client(config) as mdms:
        show([mdms.leave_pilot(meter, reason=reason)], output, title="Pilot")


@app.command("ls")
def list_(config: options.Config = None, output: options.Form = Output.TABLE) -> None:
    """
    List the meters of the pilot: since when, by whose word.

    Example: mdms pilot ls
    """
    with options.client(config) as mdms:
        show(mdms.pilot(), output, title="Pilot", spare=("usage_point", "has_switch"))
