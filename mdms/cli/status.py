"""`mdms status`: how the line is doing."""

import json
import time
from contextlib import suppress
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live

from mdms.cli import options
from mdms.cli.board_figures import figures
from mdms.cli.board_view import board_view
from mdms.cli.output import Output, fitting, show, terminal
from mdms.client import Client
from mdms.domain.errors import UnavailableError

_WIDE = 160
"""A board gets no better beyond."""
_REDRAW_S = 10.0
"""The figures of a city cost its database a second."""

Answer = dict[str, Any]
"""The daemon's status: figures, and a list of collectors."""


def status(
    *,
    watch: Annotated[
        bool, typer.Option("--watch", help="The board, again and again, until Ctrl-C.")
    ] = False,
    board: Annotated[
        bool, typer.Option("--board", help="The board of yesterday and of what waits, once.")
    ] = False,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Show how far collectors, reads, VEE and billing have come.

    The board is a screen: read rates, gaps, the night of VEE, exceptions by age, silent meters,
    leaks, outages, commands, billing cycles, backlog, each against its goal. For programs it is
    JSON (-o json). Watched where there is no terminal, the plain status is printed again.

    Example: mdms status --watch
    """
    with options.client(config) as mdms:
        if not watch:
            if board:
                _print_board(mdms.board(by_hour=False), output)
            else:
                _print(mdms.status(), output)
            return
        with suppress(KeyboardInterrupt):
            _watch(mdms, output)


def _watch(mdms: Client, output: Output) -> None:
    """Redraw the board on a terminal; elsewhere, and in a form for programs, print again."""
    console = terminal()
    if output is not Output.TABLE or not console.is_terminal:
        while True:
            _print(mdms.status(), output)
            time.sleep(_REDRAW_S)
    answer = mdms.board(by_hour=False)
    note = ""
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            live.update(board_view(answer, console.width, note=note), refresh=True)
            time.sleep(_REDRAW_S)
            try:
                answer, note = mdms.board(by_hour=False), ""
            except UnavailableError:  # it is shown, and asked again
                note = "the daemon does not answer"


def _print_board(answer: Answer, output: Output) -> None:
    if output is Output.JSON:
        typer.echo(json.dumps(answer, indent=2))
        return
    if output is Output.CSV:
        show([asdict(figure) for figure in figures(answer)], output)
        return
    console = terminal()
    console.print(board_view(answer, min(console.width, _WIDE)))


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
    tables: list[RenderableType] = [fitting(_figures(answer), console, title="Status")]
    if answer["taken_by"]:
        tables.append(fitting(answer["taken_by"], console, title="Reads are taken by"))
    if answer["collectors"]:
        tables.append(fitting(answer["collectors"], console, title="Collectors"))
    else:
        tables.append("Collectors: none has reported yet")
    return Group(*tables)


def _figures(answer: Answer) -> list[dict[str, object]]:
    return [
        {"what": name.replace("_", " "), "value": value}
        for name, value in answer.items()
        if not isinstance(value, list)
    ]
