"""`mdms billing`: from validated reads to what is billed."""

from pathlib import Path
from typing import Annotated

import typer

from mdms.cli import options
from mdms.cli.output import Output, show

app = typer.Typer(help="Bill windows, frozen determinants, files.", no_args_is_help=True)

WindowStart = Annotated[str, typer.Option("--from", help="Day of the read that opens the window.")]
WindowEnd = Annotated[str, typer.Option("--to", help="Day of the read that closes it.")]


@app.command()
def freeze(
    from_: WindowStart,
    to: WindowEnd,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Freeze what each meter used between two read days, at local midnight.

    Estimates of the window become final first. A meter with missing or held intervals is left
    out and listed by `mdms billing status`, and so is a bill that a rule holds until somebody
    accepts its exception; freezing again takes what has become ready and changes nothing that is
    frozen.

    Example: mdms billing freeze --from 2026-11-03 --to 2026-12-03
    """
    with options.client(config) as mdms:
        result = mdms.freeze(from_, to)
    for why in ("blocked_by", "flagged_by"):
        counts = result[why]
        result[why] = ", ".join(f"{reason} {count}" for reason, count in counts.items())
    show([result], output, title="Freeze")


@app.command()
def status(config: options.Config = None, output: options.Form = Output.TABLE) -> None:
    """Show every frozen window and what blocked the rest of its meters."""
    with options.client(config) as mdms:
        show(mdms.billing_windows(), output, title="Bill windows", spare=("window_end",))


@app.command()
def export(
    from_: WindowStart,
    to: WindowEnd,
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder to write to.")],
    config: options.Config = None,
) -> None:
    """Write a frozen window's CSV files; the manifest comes last."""
    with options.client(config) as mdms:
        for path in mdms.export_billing(from_, to, out):
            typer.echo(path)


@app.command()
def events(
    from_: Annotated[str, typer.Option("--from", help="First local day.")],
    to: Annotated[str, typer.Option("--to", help="Last local day, included.")],
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    List the sums that fall due: fees of the opt-out programme, for the customer system to bill.

    Example: mdms billing events --from 2026-11-01 --to 2026-11-30 -o csv
    """
    with options.client(config) as mdms:
        show(mdms.billing_events(from_, to), output, title="Sums to bill", spare=("at", "clause"))
