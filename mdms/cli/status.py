"""`mdms status`: how the line is doing."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, Any

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live

from mdms.cli import options
from mdms.cli.output import Output, fitting, show, terminal

_REDRAW_S = 2.0

Answer = dict[str, Any]
"""The daemon's status: figures, and a list of collectors."""


def status(
    *,
    watch: Annotated[
        bool, typer.Option("--watch", help="Again every two seconds, until Ctrl-C.")
    ] = False,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Show how far collectors, reads, VEE and billing have come.

    Example: mdms status --watch
    """
    with options.client(config) as mdms:
        if not watch:
            _print(mdms.status(), output)
            return
        with suppress(KeyboardInterrupt):
            _watch(mdms.status, output)


def _watch(read: Callable[[], Answer], output: Output) -> None:
    """Redraw on a terminal; elsewhere, and in a form for programs, print again."""
    console = terminal()
    if output is not Output.TABLE or not console.is_terminal:
        while True:
            _print(read(), output)
            time.sleep(_REDRAW_S)
    with Live(console=console, auto_refresh=False) as live:
        while True:
            live.update(_tables(read(), console), refresh=True)
            time.sleep(_REDRAW_S)


def _print(answer: Answer, output: Output) -> None:
    match output:
        case Output.JSON:
            typer.echo(json.dumps(answer, indent=2))
        case Output.CSV:
            show(_figures(answer), output)
        case Output.TABLE:
            console = terminal()
            console.print(_tables(answer, console))


def _tables(answer: Answer, console: Console) -> RenderableType:
    figures = fitting(_figures(answer), console, title="Status")
    if not answer["collectors"]:
        return Group(figures, "Collectors: none has reported yet")
    return Group(figures, fitting(answer["collectors"], console, title="Collectors"))


def _figures(answer: Answer) -> list[dict[str, object]]:
    return [
        {"what": name.replace("_", " "), "value": value}
        for name, value in answer.items()
        if not isinstance(value, list)
    ]
