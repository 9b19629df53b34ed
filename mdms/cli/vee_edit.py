"""`mdms vee edit`: change reads, and decide about changes that others ask for."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

import typer

from mdms.cli import options
from mdms.cli.output import Output, instant, quanta, show
from mdms.domain.edits import EditOperation, EditReason, EditState
from mdms.domain.errors import UsageError

app = typer.Typer(
    help="Changes of reads by people: ask, look, approve, refuse.", no_args_is_help=True
)

OperationArg = Annotated[
    EditOperation,
    typer.Argument(
        help="set (--values), scale (--total, or to the register), copy (--reference), "
        "interpolate, zero, shift (--by), accept (S to A), reject (V to S), "
        "register (--values, no --to).",
        show_default=False,
    ),
]
From = Annotated[
    str, typer.Option("--from", help="Start of the first interval: 2026-11-03T14:00-08:00.")
]
To = Annotated[str | None, typer.Option("--to", help="End of the last interval.")]
Values = Annotated[
    str | None, typer.Option(help="Quanta with blanks between: one each, or one for all.")
]
Total = Annotated[int | None, typer.Option(help="Quanta to scale to; else what the register says.")]
Reference = Annotated[str | None, typer.Option(help="Start of the stretch to copy from.")]
Shift = Annotated[
    int, typer.Option("--by", help="Intervals to shift by; -4: an hour earlier, of 15 minutes.")
]
Reason = Annotated[
    EditReason, typer.Option(help="Why; `mdms vee edit reasons` explains.", show_default=False)
]
WhyText = Annotated[str, typer.Option("--text", help="In words; reason OTHER needs it.")]
Ticket = Annotated[str, typer.Option(help="Reference in another system.")]
Override = Annotated[
    str, typer.Option("--override-sum", help="Why intervals and register need not add up.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what it would do.")]
EditId = Annotated[UUID, typer.Argument(help="Id of an edit; `mdms vee edit ls` lists them.")]

_LISTED = (
    "edit_id", "meter", "state", "operation", "from", "to", "reason", "change", "unit", "editor",
    "decided_by", "four_eyes",
)  # fmt: skip
_SPARE = ("unit", "to", "four_eyes", "reason", "change")
_SHOWN_MAX = 12
"""Values of a long edit that a terminal shows; JSON has them all."""


@app.command()
def new(
    meter: Annotated[str, typer.Argument(help="Badge or usage point.")],
    operation: OperationArg,
    *,
    reason: Reason,
    from_: From,
    to: To = None,
    reading_type: Annotated[
        str | None, typer.Option(help="Which channel; the delivered one when left out.")
    ] = None,
    values: Values = None,
    total: Total = None,
    reference: Reference = None,
    shift: Shift = 0,
    text: WhyText = "",
    ticket: Ticket = "",
    override_sum: Override = "",
    dry_run: DryRun = False,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Change a meter's reads, or add or correct one of its registers.

    What changes usage by more than 100 kWh, 10 therms or 5 ccf, concerns a frozen bill, or is for
    THEFT_EST or TEST_ADJ waits for a second person; anything else is in force at once. Values are
    whole quanta: Wh, 0.1 gal, 0.01 ccf.

    Example: mdms vee edit new E1000001 scale --from 2026-11-03T14:00-08:00
    --to 2026-11-03T18:00-08:00 --reason METER_FAULT
    """
    with options.client(config) as mdms:
        made = mdms.edit(
            operation,
            reason,
            from_,
            to,
            meter=meter,
            reading_type=reading_type,
            values=parse_values(values),
            total=total,
            reference=reference,
            shift=shift,
            text=text,
            ticket=ticket,
            override_sum=override_sum,
            dry_run=dry_run,
        )
    print_edit(made, output, dry_run=dry_run)


@app.command("ls")
def list_(
    state: Annotated[
        EditState | None, typer.Option(help="waiting, approved, refused; all when left out.")
    ] = None,
    meter: Annotated[str | None, typer.Option(help="Badge or usage point.")] = None,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    List edits, the newest first.

    Example: mdms vee edit ls --state waiting
    """
    with options.client(config) as mdms:
        found = mdms.edits(state=state, meter=meter)
    if output is not Output.JSON:
        found = [{name: edit[name] for name in _LISTED} for edit in found]
        for edit in found:
            edit["four_eyes"] = "; ".join(edit["four_eyes"])
    show(found, output, title="Edits", spare=_SPARE)


@app.command("show")
def show_(edit: EditId, config: options.Config = None, output: options.Form = Output.TABLE) -> None:
    """
    Show an edit: values and status before and after, how registers add up, who said what.

    Example: mdms vee edit show 019a6c1e-3f7a-7c55-9d2b-4f21c09a7e10
    """
    with options.client(config) as mdms:
        print_edit(mdms.edit_shown(str(edit)), output)


@app.command()
def approve(
    edit: EditId,
    text: Annotated[str, typer.Option("--text", help="For the record.")] = "",
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Put an edit in force that somebody else asked for; a supervisor or another analyst may.

    Example: mdms vee edit approve 019a6c1e-3f7a-7c55-9d2b-4f21c09a7e10
    """
    with options.client(config) as mdms:
        print_edit(mdms.decide_edit(str(edit), approve=True, text=text), output)


@app.command()
def refuse(
    edit: EditId,
    text: Annotated[str, typer.Option("--text", help="For the record.")] = "",
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Refuse an edit, or take your own back; nothing of it was ever in force.

    Example: mdms vee edit refuse 019a6c1e-3f7a-7c55-9d2b-4f21c09a7e10 --text "wrong day"
    """
    with options.client(config) as mdms:
        print_edit(mdms.decide_edit(str(edit), approve=False, text=text), output)


@app.command()
def reasons(config: options.Config = None, output: options.Form = Output.TABLE) -> None:
    """
    List the reasons for which something may be edited.

    Example: mdms vee edit reasons
    """
    with options.client(config) as mdms:
        show(mdms.edit_reasons(), output, title="Reasons")


def parse_values(text: str | None) -> list[int]:
    """
    Read quanta with blanks or commas between them.

    Raises:
        UsageError: One is no whole number.
    """
    try:
        return [int(word) for word in (text or "").replace(",", " ").split()]
    except ValueError as error:
        raise UsageError(f"--values takes whole quanta with blanks between: {error}") from error


def print_edit(edit: Mapping[str, Any], output: Output, *, dry_run: bool = False) -> None:
    """Print one edit; on a terminal, as sentences."""
    if output is not Output.TABLE:
        show([edit], output)
        return
    count = len(edit["before"])
    head = "would be asked for" if dry_run else edit["state"]
    typer.echo(f"{edit['operation']} on {edit['meter']}: {head}  ({edit['edit_id']})")
    typer.echo(f"  from      {instant(edit['from'])} to {instant(edit['to'])}, {count} values")
    for name in ("before", "after"):
        typer.echo(f"  {name:<9} {_values(edit[name], edit[f'{name}_status'])}")
    before, after = (" ".join(map(str, edit[f"residual_{n}"])) for n in ("before", "after"))
    typer.echo(f"  usage     changes by {quanta(edit['change'], edit['unit'], signed=True)}")
    typer.echo(f"  register  less intervals: {before or 'none'} before, {after or 'none'} after")
    if edit["override_sum"]:
        typer.echo(f"  override  {edit['override_sum']}")
    typer.echo(f"  reason    {edit['reason']} {edit['text']} {edit['ticket']}".rstrip())
    typer.echo(f"  asked by  {edit['editor']} ({edit['editor_role']})")
    if edit["state"] != "waiting":
        said = f": {edit['decision_text']}" if edit["decision_text"] else ""
        typer.echo(f"  {edit['state']:<9} by {edit['decided_by']} ({edit['decided_role']}){said}")
    elif edit["four_eyes"]:
        needs = "; ".join(edit["four_eyes"])
        typer.echo(f"  waits for a second person, because {needs}:")
        typer.echo(f"            mdms vee edit approve {edit['edit_id']}")


def _values(values: list[int | None], letters: str) -> str:
    """Return values with their status letters; the middle of many is left out."""
    words = [
        "-" if value is None else f"{value}{letter}"
        for value, letter in zip(values, letters, strict=True)
    ]
    if len(words) > _SHOWN_MAX:
        half = _SHOWN_MAX // 2
        words = [*words[:half], f"… {len(words) - 2 * half} more …", *words[-half:]]
    return " ".join(words)
