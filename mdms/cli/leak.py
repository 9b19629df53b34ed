"""`mdms leak`: water and gas that run where they should not."""

from typing import Annotated, Any

import typer

from mdms.cli import options
from mdms.cli.output import Output, show

app = typer.Typer(help="Leaks of water and gas.", no_args_is_help=True)

_SPARE = ("meter", "rate_error", "raised_at", "updated_at", "confirmed_at", "ended_at", "kind",
          "severity")  # fmt: skip
_STEP_SPARE = ("recorded_at", "send_at", "kind", "severity", "by", "reason")
_Name = Annotated[str, typer.Argument(help="A leak, as `mdms leak ls` names it.")]


@app.command("ls")
def list_(
    meter: Annotated[
        str | None, typer.Option(help="Badge or usage point; all if left out.")
    ] = None,
    *,
    open_: Annotated[bool, typer.Option("--open", help="Only those that have not ended.")] = False,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    List open leaks and those that ended within 35 days, the newest first.

    Example: mdms leak ls --open
    """
    with options.client(config) as mdms:
        leaks = mdms.leaks(meter=meter)
    if open_:
        leaks = [each for each in leaks if each["ended_at"] is None]
    show(leaks, output, title="Leaks", spare=_SPARE)


@app.command("show")
def show_(leak: _Name, config: options.Config = None, output: options.Form = Output.TABLE) -> None:
    """
    Show one leak with every step of it and every notice.

    Example: mdms leak show W1000012-1
    """
    with options.client(config) as mdms:
        found = mdms.leak(leak)
    if output is not Output.TABLE:
        show([found], output)
        return
    steps = found.pop("steps")
    show([found], output, title=f"Leak {leak}", spare=_SPARE)
    show(steps, output, title="What happened", spare=_STEP_SPARE)


@app.command()
def ack(
    leak: Annotated[str, typer.Argument(help="A leak; with the options below a badge.")],
    *,
    reason: Annotated[str, typer.Option(help="For the record.")] = "",
    pool_fill: Annotated[
        bool, typer.Option("--pool-fill", help="A pool is filled: 72 hours of silence.")
    ] = False,
    normal: Annotated[
        float | None, typer.Option(help="Flow that is normal at this meter [gal/h].")
    ] = None,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Take the customer's word that a flow is normal; for 180 days only half as much more counts.

    Example: mdms leak ack W1000012-1 --reason "water-cooled machine, call of 2026-11-12"
    Example: mdms leak ack W1000012 --pool-fill
    """
    with options.client(config) as mdms:
        if pool_fill or normal is not None:
            told = mdms.announce_water(leak, pool_fill=pool_fill, normal_gal_h=normal)
            show([told], output, title="Announcement")
        else:
            show([mdms.acknowledge_leak(leak, reason)], output, title="Leak", spare=_SPARE)


@app.command()
def credit(
    leak: _Name,
    *,
    tier1_rate: Annotated[str, typer.Option(help="Rate of the first tier [$ per ccf].")],
    asked_on: Annotated[str | None, typer.Option(help="Day; today when left out.")] = None,
    issued_on: Annotated[
        str | None, typer.Option(help="Day of the last bill; its window's end when left out.")
    ] = None,
    last_credit_on: Annotated[str | None, typer.Option(help="Day of an earlier credit.")] = None,
    repair: Annotated[
        str | None, typer.Option(help="repaired, shut_off or not_repaired; else the meter tells.")
    ] = None,
    cause_determined: Annotated[
        bool | None, typer.Option(help="Whether somebody knows which leak it was.")
    ] = None,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Work out a leak credit (Rule 11.L) from frozen bills, with its evidence; a person decides.

    Example: mdms leak credit W1000012-1 --tier1-rate 7.00 -o json
    """
    stated: dict[str, Any] = {
        "tier1_rate": tier1_rate,
        "asked_on": asked_on,
        "issued_on": issued_on,
        "last_credit_on": last_credit_on,
        "repair": repair,
        "cause_determined": cause_determined,
    }
    with options.client(config) as mdms:
        found = mdms.leak_credit(leak, stated)
    if output is not Output.TABLE:
        show([found], output)
        return
    evidence, findings = found.pop("evidence"), found.pop("findings")
    show([{name: _text(value) for name, value in found.items()}], output, title="Leak credit")
    show(findings, output, title="Why not, or not yet")
    show(
        evidence.pop("bills") + evidence.pop("history"),
        output,
        title="Bills",
        spare=("content_hash",),
    )
    show([{name: _text(value) for name, value in evidence.items()}], output, title="Evidence")


def _text(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, list) else value
