"""`mdms optout`: who opted out of a meter's radio."""

from typing import Annotated

import typer

from mdms.cli import options
from mdms.cli.output import Output, show
from mdms.domain.errors import NotFoundError

_SPARE = ("optout_id", "requested_at", "requested_by", "ended_by")

app = typer.Typer(help="Opt-outs from a meter's radio.", no_args_is_help=True)


@app.command()
def enrol(
    meter: Annotated[str, typer.Argument(help="Badge or usage point.")],
    from_: Annotated[
        str | None, typer.Option("--from", help="Instant with its offset; now when left out.")
    ] = None,
    reason: Annotated[str, typer.Option(help="For the record.")] = "",
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Put an opt-out on file; then `mdms command radio-off METER` silences the radio.

    Example: mdms optout enrol E1000001 --reason "form of 2026-11-02"
    """
    with options.client(config) as mdms:
        enrolled = mdms.enrol_optout(meter, from_=from_, reason=reason)
    show([enrolled], output, title="Opt-out", spare=_SPARE)
    if output is Output.TABLE:
        typer.echo(f"now silence its radio: mdms command radio-off {enrolled['meter']}")


@app.command()
def end(
    meter: Annotated[str, typer.Argument(help="Badge, or the opt-out's own id.")],
    field_order: Annotated[
        str, typer.Option(help="The order that switched the radio on at the meter.")
    ] = "",
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    End an opt-out: the customer opted in, or the account closed.

    An electric meter then takes `mdms command radio-on METER`; a battery meter hears nothing while
    its radio is off: name the field order once someone has switched it on.
    """
    with options.client(config) as mdms:
        ids = [
            row["optout_id"]
            for row in mdms.optouts()
            if meter in (row["meter"], row["optout_id"]) and row["ended_at"] is None
        ]
        if not ids:
            raise NotFoundError(f"no opt-out of {meter!r} is in force; see `mdms optout ls`")
        ended = mdms.end_optout(ids[0], field_order=field_order)
    show([ended], output, title="Opt-out", spare=_SPARE)
    if output is Output.TABLE and not field_order:
        typer.echo(
            f"an electric meter's radio comes back by: mdms command radio-on {ended['meter']}"
        )


@app.command("ls")
def list_(config: options.Config = None, output: options.Form = Output.TABLE) -> None:
    """List opt-outs, oldest first."""
    with options.client(config) as mdms:
        show(mdms.optouts(), output, title="Opt-outs", spare=_SPARE)
