"""`mdms meter`: what is installed."""

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

import typer

from mdms.cli import options
from mdms.cli.output import Output, show
from mdms.domain.errors import NotFoundError, UsageError
from mdms.domain.reading_types import READING_TYPES
from mdms.domain.registry import Radio

app = typer.Typer(help="Meters and their channels.", no_args_is_help=True)


_SPARE = ("reading_type", "removed_at", "installed_at", "commodity", "interval_s", "usage_point")
_CHANNELS = {0: "delivered", 1: "received", 3: "reactive", 4: "voltage"}


@app.command("ls")
def list_(config: options.Config = None, output: options.Form = Output.TABLE) -> None:
    """
    List every channel of every meter.

    Example: mdms meter ls -o csv > meters.csv
    """
    with options.client(config) as mdms:
        rows = mdms.meters()
    show(_rows(rows, output), output, title="Meters", spare=_SPARE)


@app.command("show")
def show_(
    meter: Annotated[str, typer.Argument(help="Badge or usage point.")],
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Show one meter's channels and where it was installed when.

    Example: mdms meter show E1000001
    """
    with options.client(config) as mdms:
        rows = [row for row in mdms.meters() if meter in (row["meter"], row["usage_point"])]
    if not rows:
        raise NotFoundError(f"no meter {meter!r} in the registry; `mdms meter ls` lists them")
    show(_rows(rows, output), output, title=f"Meter {meter}", spare=_SPARE)


@app.command()
def exchange(
    meter: Annotated[str, typer.Argument(help="Badge of the old meter, or usage point.")],
    *,
    new: Annotated[str, typer.Option("--new", help="Badge of the new meter.")],
    radio_id: Annotated[int, typer.Option("--radio-id", min=0, help="Its radio.")],
    at: Annotated[
        str, typer.Option("--at", help="When the old one was taken out: 2026-11-03T10:00-08:00.")
    ],
    installed_at: Annotated[
        str | None, typer.Option("--installed-at", help="When the new one was put in; at once.")
    ] = None,
    final: Annotated[
        list[str] | None,
        typer.Option(help="What the old register showed, 48211.5, or received=17 (kWh, ccf)."),
    ] = None,
    initial: Annotated[
        list[str] | None, typer.Option(help="What the new register showed, likewise.")
    ] = None,
    channel: Annotated[
        list[str] | None,
        typer.Option(help="Reading type of a channel of the new one; as the old one's."),
    ] = None,
    serial: Annotated[str | None, typer.Option(help="Of the new one.")] = None,
    model: Annotated[str | None, typer.Option(help="As the old one's.")] = None,
    switch: Annotated[
        bool | None, typer.Option("--switch/--no-switch", help="As the old one.")
    ] = None,
    dials: Annotated[int | None, typer.Option(min=1, max=18, help="As the old one's.")] = None,
    resolution: Annotated[
        int | None, typer.Option(min=1, help="Quanta per unit of the last digit; as the old one's.")
    ] = None,
    multiplier: Annotated[int | None, typer.Option(min=1, help="As at the old one.")] = None,
    key_id: Annotated[int | None, typer.Option("--key-id", min=0, help="As the old one's.")] = None,
    radio: Annotated[
        Radio | None, typer.Option(help="Whether it transmits; as the old one.")
    ] = None,
    reason: Annotated[str, typer.Option(help="For the record.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything, change nothing.")
    ] = False,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Put a meter in the place of another, with the registers that both showed.

    Bills then have a part of either meter, from its first to its last register. Leave out a
    register that nobody read: the last or first one that came by radio counts.

    Example: mdms meter exchange E1000001 --new E2000001 --radio-id 4711 --dry-run
    --at 2026-11-20T10:00-08:00 --final 48211 --initial 0
    """
    with options.client(config) as mdms:
        done = mdms.exchange_meter(
            meter,
            new,
            radio_id=radio_id,
            removed_at=at,
            installed_at=installed_at,
            final=_shown(final),
            initial=_shown(initial),
            dry_run=dry_run,
            serial=serial,
            model=model,
            has_switch=switch,
            register_dials=dials,
            register_resolution=resolution,
            multiplier=multiplier,
            key_id=key_id,
            radio=radio,
            reading_types=channel,
            reason=reason,
        )
    if output is not Output.TABLE:
        show([done], output)
        return
    rows = [
        {**done[which], "registers": " ".join(f"{k}={v}" for k, v in shown.items()) or "by radio"}
        | {"channels": len(done[which].get("channels", ())) or ""}
        for which in ("old", "new")
        for shown in [done[which]["registers"]]
    ]
    title = "Exchanged" if done["done"] else "Would be exchanged"
    show(rows, output, title=title, spare=("radio", "channels"))


def _shown(registers: list[str] | None) -> dict[str, Decimal]:
    """Return what registers showed by the name of their channel."""
    found: dict[str, Decimal] = {}
    for each in registers or ():
        name, _, text = each.rpartition("=")
        name = name or "delivered"
        try:
            value = Decimal(text)
        except InvalidOperation as error:
            raise UsageError(f"{each!r} is no register; write 48211.5, or received=17") from error
        if not value.is_finite() or value < 0:
            raise UsageError(f"{each!r} is no register: it shows a number from 0 on")
        if name in found:
            raise UsageError(f"the register {name!r} was told twice")
        found[name] = value
    return found


def _rows(rows: list[dict[str, Any]], output: Output) -> list[dict[str, Any]]:
    """Return what a table shows: a name for each channel, which otherwise only its code tells."""
    if output is not Output.TABLE:
        return rows
    return [
        {"meter": row["meter"], "channel": _CHANNELS[READING_TYPES[row["reading_type"]].channel]}
        | row
        for row in rows
    ]
