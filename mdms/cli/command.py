"""`mdms command`: switch a meter, silence its radio, ask it something; and what became of it."""

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.console import Console

from mdms.cli import batch, command_follow, field_order, options
from mdms.cli.command_find import named
from mdms.cli.command_view import (
    SPARE,
    allowed,
    hint,
    progress,
    record,
    row,
    short,
    summary,
    waits,
)
from mdms.cli.output import Output, show, terminal
from mdms.client import Client
from mdms.domain.controls import Action, ControlState, Result
from mdms.domain.errors import UnavailableError
from mdms.policy.reasons import PATHS

app = typer.Typer(help="Commands to meters.", no_args_is_help=True)

FAILED, REFUSED, WAITS, UNKNOWN = 1, 4, 5, 6
"""Exit statuses: not done; refused by policy, be it at the last moment; waits for somebody;
outcome unknown."""

_WATCH = "mdms command watch"
_ID_HELP = "Id, or enough of its end, as `mdms command ls` shows it, or of its beginning."
ControlId = Annotated[str, typer.Argument(help=_ID_HELP, metavar="ID")]


@dataclass(frozen=True, slots=True)
class _Verb:
    """One command of the command line."""

    action: Action
    help: str
    cause: str | None = None
    """What is meant when none is named; None where it must be."""
    question: str = ""
    """Asked before anything is sent; nothing is asked where it is empty."""
    causes: str = "Why, for the record."
    """Which causes there are."""


VERBS = {
    "disconnect": _Verb(
        Action.DISCONNECT,
        "Open a meter's service switch: the customer loses power.",
        question="Cut the power of {}?",
        causes=f"Why: {', '.join(PATHS)}.",
    ),
    "reconnect": _Verb(Action.RECONNECT, "Close a meter's service switch.", "RESTORE"),
    "arm": _Verb(Action.ARM, "Let the person at the meter close the switch.", "RESTORE"),
    "radio-off": _Verb(
        Action.RADIO_OFF,
        "Silence the radio of a meter that opted out; three quiet transmit periods prove it.",
        "OPT_OUT",
        "Silence the radio of {}?",
    ),
    "radio-on": _Verb(Action.RADIO_ON, "Let a silent radio transmit again.", "OPT_IN"),
    "read": _Verb(Action.READ, "Read a meter now.", "CHECK"),
    "ping": _Verb(Action.PING, "Ask whether a meter hears, and how its switch stands.", "CHECK"),
}


def verb_command(verb: _Verb, noun: str = "command") -> Callable[..., None]:
    """Return the function of one verb, called under a noun; all take the same options."""
    default = ... if verb.cause is None else verb.cause

    def run(
        meter: Annotated[str, typer.Argument(help="Badge or usage point.")],
        *,
        cause: Annotated[str, typer.Option(help=verb.causes)] = default,  # type: ignore[assignment] # Typer's way to say required
        order: Annotated[str, typer.Option(help="An order in another system.")] = "",
        at: Annotated[
            str | None,
            typer.Option(help="Not before this instant, such as 2026-11-03T10:00-08:00."),
        ] = None,
        reason: Annotated[str, typer.Option(help="For the record.")] = "",
        evidence: Annotated[str, typer.Option(help="Record that proves a hazard or theft.")] = "",
        item: Annotated[str, typer.Option(help="Item of Rule 9.D, such as R9.D.3.")] = "",
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only ask the rules.")] = False,
        yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask if sure.")] = False,
        no_wait: Annotated[bool, typer.Option("--no-wait", help="Return at once.")] = False,
        config: options.Config = None,
        output: options.Form = Output.TABLE,
    ) -> None:
        if verb.question and not (yes or dry_run):
            typer.confirm(verb.question.format(meter), abort=True)
        with options.client(config) as mdms:
            control = mdms.command(
                verb.action,
                meter,
                cause.upper(),
                order=order,
                reason=reason,
                evidence=evidence,
                item=item,
                not_before=at,
                dry_run=dry_run,
            )
            if dry_run:
                typer.echo(allowed(control))
                return
            if not (no_wait or waits(control)):
                control = _follow(mdms, control)
        if output is Output.TABLE:
            typer.echo(summary(control))
        else:
            show([control], output)
        if waits(control):
            typer.echo(hint(control), err=True)
        elif no_wait:
            typer.echo(f"see what becomes of it: {_WATCH} {short(control['control_id'])}", err=True)
        sys.exit(0 if no_wait and not waits(control) else _status(control))

    required = "" if verb.cause else " --cause MOVE_OUT --dry-run"
    run.__doc__ = f"""{verb.help}

    Waits for the outcome and shows every step on the way: most meters answer within seconds, some
    take a minute; those on battery hear only after they have talked, every few hours. Ctrl-C ends
    the waiting, not the command.

    Exit status 1: the meter did not do it. 4: the rules forbid it, and every reason is printed
    with its clause and its cure. 5: it waits for another person's approval, or for its turn.
    6: sent, but nobody knows whether the meter acted.

    Example: mdms {noun} {verb.action.replace("_", "-")} E1000001{required}
    """
    return run


for _name, _each in VERBS.items():
    app.command(_name)(verb_command(_each))


batch.register(app)


@app.command("ls")
def list_(
    meter: Annotated[str | None, typer.Option(help="Badge; every meter when left out.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 50,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    List commands, the newest first.

    Example: mdms command ls --meter E1000001
    """
    with options.client(config) as mdms:
        found = mdms.controls(meter=meter, limit=limit)
    columns = row if output is Output.TABLE else progress
    show([columns(control) for control in found], output, title="Commands", spare=SPARE)


@app.command("show")
def show_(
    control_id: ControlId, config: options.Config = None, output: options.Form = Output.TABLE
) -> None:
    """
    Show one command: why, who, when, which clause, what the meter said.

    Example: mdms command show 4f21c09a
    """
    with options.client(config) as mdms:
        control = mdms.control(named(mdms, control_id))
    if output is Output.TABLE:
        console = terminal()
        console.print(record(control, console))
    else:
        show([control], output)


@app.command()
def watch(
    control_id: Annotated[
        str | None, typer.Argument(help=f"{_ID_HELP} The newest ones when left out.", metavar="ID")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many.")] = 20,
    config: options.Config = None,
) -> None:
    """
    Watch one command until it has ended, or the newest ones until Ctrl-C.

    The exit status of one is that of the command that made it.

    Example: mdms command watch 4f21c09a
    """
    with options.client(config) as mdms:
        if control_id is None:
            with suppress(KeyboardInterrupt):
                command_follow.watch(lambda: mdms.controls(limit=limit), terminal(), time.sleep)
            return
        control = _follow(mdms, mdms.control(named(mdms, control_id)))
    typer.echo(summary(control))
    sys.exit(_status(control))


@app.command()
def approve(
    control_id: ControlId,
    *,
    list_hash: Annotated[
        str, typer.Option("--hash", help="Of the list that was looked at: approves a batch.")
    ] = "",
    reason: Annotated[str, typer.Option(help="For the record.")] = "",
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Return at once.")] = False,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Approve a command that another person has asked for, and wait for its outcome.

    It is judged again. The exit status is that of the command that made it. With --hash it is a
    batch that is approved, if its list is the one with this hash; nothing is waited for.

    Example: mdms command approve 4f21c09a
    """
    with options.client(config) as mdms:
        if list_hash:
            batch.approve(mdms, control_id, list_hash, reason)
            return
        control = mdms.approve(named(mdms, control_id), reason)
        if not (no_wait or waits(control)):
            control = _follow(mdms, control)
    if output is Output.TABLE:
        typer.echo(summary(control))
    else:
        show([control], output)
    if waits(control):
        typer.echo(hint(control), err=True)
    sys.exit(0 if no_wait and not waits(control) else _status(control))


@app.command()
def cancel(
    control_id: ControlId,
    reason: Annotated[str, typer.Option(help="For the record.")] = "",
    config: options.Config = None,
) -> None:
    """
    Take back a command that nobody has sent yet.

    Example: mdms command cancel 4f21c09a --reason "has paid"
    """
    with options.client(config) as mdms:
        typer.echo(summary(mdms.cancel(named(mdms, control_id), reason)))


app.command("orders")(field_order.orders)
app.command("close")(field_order.close)


def _follow(mdms: Client, control: dict[str, Any]) -> dict[str, Any]:
    """Show a command on standard error until it has ended, or waits for a radio's silence."""
    control_id = control["control_id"]
    left = f"the command goes on without us: `{_WATCH} {short(control_id)}`"
    try:
        last = command_follow.follow(
            lambda: mdms.control(control_id), Console(stderr=True), time.sleep
        )
    except KeyboardInterrupt:
        typer.echo(left, err=True)
        raise
    except UnavailableError as error:
        typer.echo(f"mdms: {error}\n  {left}", err=True)
        sys.exit(UNKNOWN)
    return dict(last)


def _status(control: dict[str, Any]) -> int:
    if control["state"] == ControlState.UNKNOWN:
        return UNKNOWN
    if control["result"] == Result.POLICY_CHANGED:
        return REFUSED
    if waits(control):
        return WAITS
    done = control["result"] == Result.OK or control["state"] == ControlState.METER_ACK
    return 0 if done else FAILED
