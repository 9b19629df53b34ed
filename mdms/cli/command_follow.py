"""Commands as they happen: one of them until it has ended, or the newest until Ctrl-C."""

from collections.abc import Callable, Sequence

from rich.console import Console
from rich.live import Live
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from mdms.cli.command_view import Control, board, step_line, summary, waiting
from mdms.domain.controls import ENDED, ControlState

_POLL_S = 0.5
_REDRAW_S = 1.0

Pause = Callable[[float], None]
"""Waits so many seconds."""


def follow(read: Callable[[], Control], console: Console, pause: Pause) -> Control:
    """
    Show every step of a command until it has ended, or waits for a radio's silence.

    Args:
        read: Returns the command with its steps as they are now.
        console: Where to. On a terminal a line below the steps says what is waited for; elsewhere
            that line is printed whenever it changes.
        pause: Waits between two reads.

    Returns:
        The command as it was read last.
    """
    shown, awaited = 0, ""
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    task = progress.add_task("")
    with progress:
        while True:
            control = read()
            for step in control["steps"][shown:]:
                _say(console, step_line(step))
            shown = len(control["steps"])
            if is_settled(control):
                return control
            if awaited != (awaited := waiting(control)):
                progress.update(task, description=awaited)
                if progress.disable:
                    _say(console, awaited)
            pause(_POLL_S)


def watch(read: Callable[[], Sequence[Control]], console: Console, pause: Pause) -> None:
    """
    Show the newest commands until interrupted.

    Args:
        read: Returns them, the newest first.
        console: Where to: a table that is redrawn on a terminal; elsewhere a line whenever
            something has changed.
        pause: Waits between two reads; ends it all by raising KeyboardInterrupt.
    """
    if not console.is_terminal:
        _print_changes(read, console, pause)
    with Live(console=console, auto_refresh=False) as live:
        while True:
            live.update(board(read(), console), refresh=True)
            pause(_REDRAW_S)


def is_settled(control: Control) -> bool:
    """An acknowledged radio_off counts: its silence takes hours to prove."""
    return control["state"] in {*ENDED, ControlState.METER_ACK}


def _print_changes(read: Callable[[], Sequence[Control]], console: Console, pause: Pause) -> None:
    printed: dict[str, str] = {}
    while True:
        for control in reversed(read()):
            line = summary(control)
            if printed.get(control["control_id"]) != line:
                printed[control["control_id"]] = line
                _say(console, line)
        pause(_REDRAW_S)


def _say(console: Console, line: str) -> None:
    """Print a line as it is: nothing in it is mark-up, and nothing is cut off."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)
