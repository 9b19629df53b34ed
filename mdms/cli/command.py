"""`mdms command`: switch a meter, silence its radio, ask it something; and what became of it."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live

from mdms.cli import options
from mdms.cli.command_view import board, progress, record, summary
from mdms.cli.output import Output, show
from mdms.client import Client
from mdms.domain.controls import ENDED, Action, ControlState, Result

app = typer.Typer(help="Commands to meters.", no_args_is_help=True)

FAILED, UNKNOWN = 1, 6
"""Exit statuses: not done; outcome unknown."""

_POLL_S = 0.5

ControlId = Annotated[str, typer.Argument(help="As `mdms command ls` shows it.")]


@dataclass(frozen=True, slots=True)
class _Verb:
    """One command of the command line."""

    action: Action
    help: str
    cause: str | None = None
    """What is meant when none is named; None where it must be."""
    question: str = ""
    """Asked before anything is sent; nothing is asked where it is empty."""


_VERBS = {
    "disconnect": _Verb(
        Action.DISCONNECT,
        "Open a meter's service switch: the customer loses power.",
        question="Cut the power of {}?",
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


def _verb_command(verb: _Verb) -> Callable[..., None]:
    """Return the function of one verb; all take the same options."""
    default = ... if verb.cause is None else verb.cause

    def run(
        meter: Annotated[str, typer.Argument(help="Badge or usage point.")],
        *,
        cause: Annotated[str, typer.Option(help="Why, such as MOVE_OUT.")] = default,  # type: ignore[assignment] # Typer's way to say required
        order: Annotated[str, typer.Option(help="An order in another system.")] = "",
        at: Annotated[
            str | None,
            typer.Option(help="Not before this instant, such as 2026-11-03T10:00-08:00."),
        ] = None,
        reason: Annotated[str, typer.Option(help="For the record.")] = "",
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
                not_before=at,
                dry_run=dry_run,
            )
            if dry_run:
                typer.echo(f"the rules allow it: {verb.action} {control['meter']}")
                return
            if not no_wait:
                control = _wait(mdms, control)
        if output is Output.TABLE:
            typer.echo(summary(control))
        else:
            show([control], output)
        sys.exit(0 if no_wait else _status(control))

    run.__doc__ = f"""{verb.help}

    Waits for the outcome. Exit status 4: the rules forbid it, and every reason is printed with
    its clause and its cure. 6: sent, but nobody knows whether the meter acted.
    """
    return run


for _name, _each in _VERBS.items():
    app.command(_name)(_verb_command(_each))


@app.command("ls")
def list_(
    meter: Annotated[str | None, typer.Option(help="Badge; every meter when left out.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 50,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """List commands, the newest first."""
    with options.client(config) as mdms:
        rows = mdms.controls(meter=meter, limit=limit)
    show([progress(row) for row in rows], output, title="Commands")


@app.command("show")
def show_(
    control_id: ControlId, config: options.Config = None, output: options.Form = Output.TABLE
) -> None:
    """Show one command: why, who, when, which clause, what the meter said."""
    with options.client(config) as mdms:
        control = mdms.control(control_id)
    if output is Output.TABLE:
        Console().print(record(control))
    else:
        show([control], output)


@app.command()
def watch(
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many.")] = 20,
    config: options.Config = None,
) -> None:
    """Watch the newest commands until Ctrl-C."""
    with options.client(config) as mdms, Live(board([]), auto_refresh=False) as live:
        try:
            while True:
                live.update(board(mdms.controls(limit=limit)), refresh=True)
                time.sleep(2 * _POLL_S)
        except KeyboardInterrupt:
            return


@app.command()
def cancel(
    control_id: ControlId,
    reason: Annotated[str, typer.Option(help="For the record.")] = "",
    config: options.Config = None,
) -> None:
    """Take back a command that nobody has sent yet."""
    with options.client(config) as mdms:
        typer.echo(summary(mdms.cancel(control_id, reason)))


def _wait(mdms: Client, control: dict[str, Any]) -> dict[str, Any]:
    """Poll until the command has ended, or waits for a radio's silence; a line shows how far."""
    console = Console(stderr=True)
    with console.status(summary(control)) as status:
        while not _settled(control):
            time.sleep(_POLL_S)
            control = mdms.control(control["control_id"])
            status.update(summary(control))
    return control


def _settled(control: dict[str, Any]) -> bool:
    """An acknowledged radio_off counts: its silence takes hours to prove."""
    return control["state"] in {*ENDED, ControlState.METER_ACK}


def _status(control: dict[str, Any]) -> int:
    if control["state"] == ControlState.UNKNOWN:
        return UNKNOWN
    done = control["result"] == Result.OK or control["state"] == ControlState.METER_ACK
    return 0 if done else FAILED
