"""`mdms billing diff, correct, …`: what reads have overtaken after a freeze."""

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

import typer

from mdms.cli import options
from mdms.cli.output import Output, show
from mdms.domain.errors import UsageError

WindowStart = Annotated[str, typer.Option("--from", help="Day of the read that opens the window.")]
WindowEnd = Annotated[str, typer.Option("--to", help="Day of the read that closes it.")]


def diff(
    from_: WindowStart,
    to: WindowEnd,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="By the reads known at an instant, not now.")
    ] = None,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Add a frozen window up again and show every quantity that differs, in whole units.

    Nothing is changed: `mdms billing correct` does what the treatment says. LOCKED waits for a
    dispute to be closed, NONE_TOO_OLD for a person, NEXT_BILL for the next bill's own register.

    Example: mdms billing diff --from 2026-11-03 --to 2026-12-03
    """
    with options.client(config) as mdms:
        rows = mdms.billing_diff(from_, to, as_of=as_of)
    if output is Output.TABLE:
        rows = [_joined(row, "causes", "flags") for row in rows]
    show(
        rows,
        output,
        title="Frozen against the reads",
        empty="nothing differs",
        spare=("period", "obstacle", "account", "revision"),
    )


def correct(
    from_: WindowStart,
    to: WindowEnd,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="As `mdms billing diff`: change nothing.")
    ] = False,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Keep every difference as a correction with cause and limits, and replace what may be replaced.

    So does what each night proposes (`proposed`). A replaced bill is a higher revision beside the
    first. Every correction has a last day to tell
    the customer. Correct earlier windows first: a bill opens with what the one before ended with.

    Example: mdms billing correct --from 2026-11-03 --to 2026-12-03
    """
    if dry_run:
        diff(from_, to, config=config, output=output)
        return
    with options.client(config) as mdms:
        made = mdms.correct_billing(from_, to)
    _show_corrections(made, output, "Corrections made")


def corrections(
    *,
    untold: Annotated[
        bool, typer.Option("--untold", help="Only those whose customer was not told yet.")
    ] = False,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    List corrections, those first whose customers must be told soonest (30 days, Rule 10).

    Example: mdms billing corrections --untold
    """
    with options.client(config) as mdms:
        _show_corrections(mdms.billing_corrections(untold=untold), output, "Corrections")


def told(
    number: Annotated[int, typer.Argument(help="Of the correction.")],
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Keep that the customer was told of a correction.

    Example: mdms billing told 17
    """
    with options.client(config) as mdms:
        _show_corrections([mdms.told_of_correction(number)], output, "Told")


def limits(
    amounts: Annotated[
        list[str], typer.Argument(help="NUMBER=DOLLARS for each correction of the incident.")
    ],
    established: Annotated[
        bool | None,
        typer.Option("--established/--not-established", help="Cause and date are known."),
    ] = None,
    approved: Annotated[
        bool | None,
        typer.Option("--approved/--waived", help="What the General Manager or a delegate decided."),
    ] = None,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Say what of the money Rule 11.I lets be billed, or returns, for corrections of one account.

    Example: mdms billing limits 17=74.20 18=81.00 --established --approved
    """
    pairs = [each.partition("=") for each in amounts]
    try:
        by_number = {int(number): Decimal(usd) for number, _, usd in pairs}
    except (ValueError, InvalidOperation) as error:
        raise UsageError(f"write amounts as 17=74.20, not {' '.join(amounts)}") from error
    with options.client(config) as mdms:
        answer = mdms.correction_limits(by_number, established=established, approved=approved)
    if output is Output.TABLE:
        codes = ", ".join(each["code"] for each in answer.pop("findings"))
        answer |= {"findings": codes} | answer.pop("figures")
    show([answer], output, title="Limits of Rule 11.I")


def metertest(
    meter: Annotated[str, typer.Argument(help="Badge or usage point.")],
    error: Annotated[
        str | None,
        typer.Option(help="Share it shows too much, -0.04 for too little; left out: it is dead."),
    ] = None,
    tested_on: Annotated[str | None, typer.Option("--tested-on", help="Today if left out.")] = None,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Say what follows from the test of a meter, by the limits of Rule 11.I.

    That is, since when its bills are corrected, and what a good meter would have had billed.

    Example: mdms billing metertest E100 --error -0.04
    """
    share = None if error is None else _share(error)
    with options.client(config) as mdms:
        found = mdms.meter_test(meter, share, tested_on)
    if output is not Output.TABLE:
        show([found], output)
        return
    typer.echo(f"{found['code']}, bills are corrected from {found['correct_from']} on")
    show(found["bills"], output, title=f"Bills of {found['meter']}", empty="none")


def _share(text: str) -> Decimal:
    """Return by what share of the truth a meter is wrong."""
    try:
        share = Decimal(text)
    except InvalidOperation as wrong:
        raise UsageError(f"{text!r} is no share; write 4 % too little as -0.04") from wrong
    if not (share.is_finite() and -1 < share < 1):
        raise UsageError(
            f"no meter is wrong by a share of {text}: write 4 % too little as -0.04, and leave "
            "--error out for a meter that stands still"
        )
    return share


def _show_corrections(rows: list[dict[str, Any]], output: Output, title: str) -> None:
    if output is Output.TABLE:
        rows = [_correction_row(row) for row in rows]
    spare = ("noticed_by", "found_by", "found_at", "revision")
    show(rows, output, title=title, empty="nothing to correct", spare=spare)


def _correction_row(row: dict[str, Any]) -> dict[str, Any]:
    changes = (f"{name} {each['change']:+}" for name, each in row["changes"].items())
    return _joined(row, "causes", "flags") | {"changes": ", ".join(changes)}


def _joined(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return row | {name: " ".join(row[name]) for name in names}
