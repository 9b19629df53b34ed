"""`mdms billing`: from validated reads to what is billed."""

import json
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from mdms.cli import options
from mdms.cli.billing_corrections import (
    WindowEnd,
    WindowStart,
    correct,
    corrections,
    diff,
    limits,
    metertest,
    told,
)
from mdms.cli.output import Output, show
from mdms.client.files import read_text_file
from mdms.domain.errors import UsageError
from mdms.policy.reading import EstimateReason

app = typer.Typer(help="Bill windows, frozen determinants, files.", no_args_is_help=True)

for _command in (diff, correct, corrections, told, limits, metertest):
    app.command()(_command)

_DIFFERS: Final = 5


@app.command()
def freeze(
    from_: WindowStart,
    to: WindowEnd,
    *,
    cycle: Annotated[int | None, typer.Option(help="Services of this billing cycle only.")] = None,
    any_length: Annotated[
        bool, typer.Option("--any-length", help="Also where it is no 27 to 33 days: prorates.")
    ] = False,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Freeze what each service used between two read days, at local midnight.

    Estimates of the window become final first. A service with missing or held intervals is left
    out and listed by `mdms billing status`, and so is a bill that a rule holds until somebody
    accepts its exception; freezing again takes what has become ready and changes nothing that is
    frozen. Where people moved or a meter was exchanged, each account and meter has its part.

    Example: mdms billing freeze --from 2026-11-03 --to 2026-12-03
    """
    with options.client(config) as mdms:
        result = mdms.freeze(from_, to, cycle=cycle, any_length=any_length)
    for why in ("blocked_by", "flagged_by"):
        counts = result[why]
        result[why] = ", ".join(f"{reason} {count}" for reason, count in counts.items())
    show([result], output, title="Freeze")


@app.command()
def status(config: options.Config = None, output: options.Form = Output.TABLE) -> None:
    """
    Show every frozen window and what blocked the rest of its meters.

    Example: mdms billing status
    """
    with options.client(config) as mdms:
        show(mdms.billing_windows(), output, title="Bill windows", spare=("window_end",))


@app.command()
def export(
    from_: WindowStart,
    to: WindowEnd,
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder to write to.")],
    form: Annotated[
        str,
        typer.Option("--format", help="csv, parquet, arrow: tables; cmep, nem12, espi: the reads."),
    ] = "csv",
    config: options.Config = None,
) -> None:
    """
    Write a frozen window's files; the manifest comes last.

    csv, parquet and arrow are its tables; cmep, nem12 and espi the reads that it was billed by, in
    the very versions, whatever has become known since.

    Example: mdms billing export --from 2026-11-03 --to 2026-12-03 --format parquet --out bills
    """
    with options.client(config) as mdms:
        for path in mdms.export_billing(from_, to, out, form=form):
            typer.echo(path)


@app.command()
def estimate(
    meter: Annotated[str, typer.Argument(help="Badge.")],
    from_: WindowStart,
    to: WindowEnd,
    *,
    reason: Annotated[EstimateReason, typer.Option(help="Why there is no read.")],
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Estimate the register of a meter that could not be read, so that the window can be frozen.

    By Rule 10.A: what was billed at the premises in the same period last year, times this year's
    trend; else the period before; else what such customers are billed in this window, which
    somebody reviews. A faulty meter, or a second estimate in a row, opens a field order.

    Example: mdms billing estimate E100 --from 2026-11-03 --to 2026-12-03 --reason network
    """
    with options.client(config) as mdms:
        made = mdms.estimate_billing(meter, from_, to, reason.value)
    show(made, output, title="Estimated", spare=("reading_type", "code"))


@app.command()
def ack(
    manifest: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The manifest.")],
    reference: Annotated[str, typer.Option(help="What the customer system calls it.")] = "",
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Acknowledge that billing has taken a window's files, by the manifest that came with them.

    Refused where the window says something else by now: it has grown, or was corrected.

    Example: mdms billing ack out/manifest_v1_2026-11-03_2026-12-03.json --reference RUN-17
    """
    start, end, services_sha256 = _window_of(manifest)
    with options.client(config) as mdms:
        answer = mdms.acknowledge_billing(start, end, services_sha256, reference)
    show([answer], output, title="Acknowledged")


@app.command("show")
def show_(
    meter: Annotated[str, typer.Argument(help="Badge or usage point.")],
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="As it was billed at an instant with its offset.")
    ] = None,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Show every bill of a meter's place as it was frozen: each revision, in whole units.

    What it would come to by the reads of an instant says `mdms billing diff --as-of`.

    Example: mdms billing show E100 --as-of 2026-12-10T00:00-08:00
    """
    with options.client(config) as mdms:
        bills = mdms.bills_of(meter, as_of=as_of)
    if output is Output.TABLE:
        bills = [_bill_row(each) for each in bills]
    show(bills, output, title=f"Bills of {meter}", spare=("hash", "frozen_at"))


@app.command()
def compare(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV file.")],
    from_: WindowStart,
    to: WindowEnd,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Set another system's reads and bills beside a frozen window and list every difference.

    Columns: meter_badge, direction (delivered, received, reactive), read_on, value, usage; the last
    three may be empty. A register is compared to as many places as the file states. Ends with 5
    when anything differs.

    Example: mdms billing compare old_system.csv --from 2026-11-03 --to 2026-12-03
    """
    with options.client(config) as mdms:
        found = mdms.compare_billing(from_, to, file)
    if output is Output.TABLE:
        typer.echo(f"{found['rows']} rows, {found['equal']} registers without a difference")
    show(found["differences"], output, title="Differences", empty="nothing differs")
    if found["differences"]:
        raise typer.Exit(_DIFFERS)


@app.command()
def cycles(config: options.Config = None, output: options.Form = Output.TABLE) -> None:
    """
    List the windows of every billing cycle: frozen, due, running or to come.

    Example: mdms billing cycles
    """
    with options.client(config) as mdms:
        show(mdms.billing_cycles(), output, title="Windows by billing cycle", spare=("days",))


@app.command()
def blocking(
    cycle: Annotated[int, typer.Argument(help="Number of the billing cycle.", min=0)],
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Show what keeps a billing cycle from being billed: its windows, then meter by meter why.

    A due window of which nothing is frozen was not tried yet: freeze it. A meter stands here
    because the last freeze left it out, or because an exception on a day of the window holds.

    Example: mdms billing blocking 14
    """
    with options.client(config) as mdms:
        found = mdms.billing_cycle(cycle)
    if output is not Output.TABLE:
        show(found["blocking"], output)
        return
    show(found["windows"], output, title=f"Cycle {cycle}", spare=("days",))
    show(found["blocking"], output, title="In its way", empty="nothing", spare=("local_day",))


@app.command()
def schedule(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV file.")],
    config: options.Config = None,
) -> None:
    """
    Take the read days of billing cycles; of each cycle those from the file's first one on.

    Columns: billing_cycle, read_on. Two read days of a cycle lie 27 to 33 days apart, or nothing is
    taken.

    Example: mdms billing schedule read_days.csv
    """
    with options.client(config) as mdms:
        typer.echo(f"{mdms.import_read_days(file)} read days")


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


def _bill_row(bill: dict[str, Any]) -> dict[str, Any]:
    return {
        "from_on": bill["from_on"],
        "to_on": bill["to_on"],
        "account": bill["account"],
        "revision": bill["revision"],
        "quantities": ", ".join(f"{name} {units}" for name, units in bill["quantities"].items()),
        "quality": bill["quality"],
        "flags": " ".join(bill["flags"]),
        "frozen_at": bill["frozen_at"],
        "hash": bill["content_hash"][:12],
    }


def _window_of(manifest: Path) -> tuple[str, str, str]:
    """Return first day, end and services of the window that a manifest is about."""
    try:
        said = json.loads(read_text_file(manifest))
        return said["window_start"], said["window_end"], said["services_sha256"]
    except (ValueError, TypeError, KeyError) as error:
        raise UsageError(
            f"{manifest} is no manifest of a window: name the one that "
            "`mdms billing export` wrote beside its files"
        ) from error
