"""`mdms vee exception`: what waits for a person, and the answers to it."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.text import Text

from mdms.cli import options
from mdms.cli.day_plot import day_plot
from mdms.cli.output import Output, show, terminal
from mdms.cli.vee_edit import (
    DryRun,
    From,
    OperationArg,
    Override,
    Reason,
    Reference,
    Shift,
    Ticket,
    To,
    Total,
    Values,
    WhyText,
    parse_values,
    print_edit,
)

app = typer.Typer(help="What waits for a person: look, assign, answer.", no_args_is_help=True)

Number = Annotated[
    int, typer.Argument(help="Number of an exception; `mdms vee exception ls` lists them.")
]
_SPARE = ("reading_type", "opened_at", "closed_at", "severity", "answered_by", "answer")
_CLOSED = ("closed_at", "answer", "answered_by")


@app.command("ls")
def list_(
    *,
    meter: Annotated[str | None, typer.Option(help="Badge or usage point.")] = None,
    rule: Annotated[str | None, typer.Option(help="Such as V45 or ACTUAL_VS_EDIT.")] = None,
    severity: Annotated[str | None, typer.Option(help="FAIL, HOLD or WARN.")] = None,
    assigned_to: Annotated[
        str | None, typer.Option(help="A person; - for those that nobody looks into.")
    ] = None,
    older_than: Annotated[int, typer.Option(help="Opened at least so many days ago.", min=0)] = 0,
    answered: Annotated[bool, typer.Option("--answered", help="Closed ones, too.")] = False,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    List open exceptions, the oldest first.

    Example: mdms vee exception ls --severity HOLD --assigned-to - --older-than 3
    """
    with options.client(config) as mdms:
        found = mdms.queue(
            meter=meter,
            rule=rule,
            severity=severity,
            assigned_to=assigned_to,
            older_than_days=older_than,
            answered=answered,
        )
    closed = () if answered or output is not Output.TABLE else _CLOSED
    rows = [{name: each[name] for name in each if name not in closed} for each in found]
    spare = [name for name in _SPARE if name not in closed]
    show(rows, output, title="Exceptions", spare=spare)


@app.command("show")
def show_(
    number: Number, config: options.Config = None, output: options.Form = Output.TABLE
) -> None:
    """
    Show an exception's day: each value, its status, like days, registers, flagged intervals.

    An hour a line. The bar is what was used in it, the mark in the bar what like days used.

    Example: mdms vee exception show 17
    """
    with options.client(config) as mdms:
        found = mdms.exception(number)
    if output is not Output.TABLE:
        show([found], output)
        return
    console, about = terminal(), found["exception"]
    console.width = min(console.width, _WIDE)
    head = Text(f"{about['meter']}  {about['day']}  {about['rule']} {about['severity']}", "bold")
    console.print(head)
    console.print(Text(about["detail"]))
    console.print(Text(_whose(about), style="dim"))
    console.print(day_plot(found["day"], console))
    for edit in found["edits"]:
        by = f"by {edit['editor']}, {edit['reason']}"
        console.print(Text(f"edit      {edit['operation']} {edit['state']} {by}", style="magenta"))
    if about["closed_at"] is None:
        for verb in ("accept", "reject", "edit"):
            console.print(Text(f"          mdms vee exception {verb} {number} …", style="dim"))


_WIDE = 120
"""A plot gets no better beyond."""


@app.command()
def assign(
    number: Number,
    to: Annotated[str, typer.Argument(help="Who looks into it; - gives it back to everybody.")],
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Give an exception to a person.

    Example: mdms vee exception assign 17 ann
    """
    with options.client(config) as mdms:
        _print(mdms.assign_exception(number, to), output)


@app.command()
def accept(
    number: Number,
    *,
    reason: Reason,
    text: WhyText = "",
    ticket: Ticket = "",
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Accept the suspect values of its day (S to A); where there are none, acknowledge and close.

    Example: mdms vee exception accept 17 --reason OTHER --text "customer had a party"
    """
    with options.client(config) as mdms:
        _print(mdms.answer_exception(number, "accept", reason, text=text, ticket=ticket), output)


@app.command()
def reject(
    number: Number,
    *,
    reason: Reason,
    text: WhyText = "",
    ticket: Ticket = "",
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Make the valid values of its day suspect (V to S): no bill uses them until they are set.

    Example: mdms vee exception reject 17 --reason OTHER --text "meter was on the bench"
    """
    with options.client(config) as mdms:
        _print(mdms.answer_exception(number, "reject", reason, text=text, ticket=ticket), output)


@app.command()
def edit(
    number: Number,
    operation: OperationArg,
    *,
    reason: Reason,
    from_: From,
    to: To = None,
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
    Answer an exception with other values; `mdms vee edit new --help` says what needs approval.

    Example: mdms vee exception edit 17 scale --from 2026-11-03T14:00-08:00
    --to 2026-11-03T18:00-08:00 --reason METER_FAULT
    """
    with options.client(config) as mdms:
        made = mdms.edit(
            operation,
            reason,
            from_,
            to,
            exception_id=number,
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


def _print(answer: Mapping[str, Any], output: Output) -> None:
    """Print what an answer became: an edit, or the exception itself."""
    if "edit_id" in answer:
        print_edit(answer, output)
    elif output is not Output.TABLE:
        show([answer], output)
    else:
        about = f"exception {answer['exception_id']} ({answer['meter']} {answer['day']})"
        typer.echo(f"{about}: {_whose(answer)}")


def _whose(about: Mapping[str, Any]) -> str:
    """Return who looks into an exception, or what was answered."""
    if about["answer"]:
        return f"{about['answer']} by {about['answered_by']}"
    if about["closed_at"]:
        return "closed: no longer found"
    who = f"given to {about['assigned_to']}" if about["assigned_to"] else "nobody looks into it"
    return f"open for {about['age_days']} days, {who}"
