"""`mdms command batch` and what follows: many commands as one list that two people have seen."""

import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.live import Live

from mdms.cli import breaker, options
from mdms.cli.batch_view import SPARE, board, head, rows, summary
from mdms.cli.command_find import one_of
from mdms.cli.command_view import short
from mdms.cli.output import Output, show
from mdms.client import Client

REFUSED, PARTLY = 4, 5
_ID_LENGTH: Final = 36
_POLL_S: Final = 1.0
_SEARCHED_MAX: Final = 1000

_ID_HELP = "Id of a batch, or enough of its end, as `mdms command batches ls` shows it."
BatchId = Annotated[str, typer.Argument(help=_ID_HELP, metavar="BATCH")]
Reason = Annotated[str, typer.Option(help="For the record.")]

batches = typer.Typer(help="Batches of commands.", no_args_is_help=True)


def propose(
    file: Annotated[
        Path,
        typer.Argument(
            exists=True, dir_okay=False, help="CSV: action,meter,cause,order,evidence,item."
        ),
    ],
    *,
    every: Annotated[int, typer.Option(min=0, help="Seconds between two commands.")] = 0,
    stop_after: Annotated[
        int, typer.Option(min=1, help="So many that fail or stay silent pause it.")
    ] = 3,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Ask for every command of a file as one batch.

    Each row is judged; those that the rules forbid are refused and kept, the rest waits until
    another person approves exactly this list, by its hash. Then they go one by one, in an order of
    their own, as fast as budgets allow.

    Exit status 0: every row waits; 4: every row was refused; 5: some were.

    Example: mdms command batch moves.csv --every 30 --stop-after 3
    """
    with options.client(config) as mdms:
        made = mdms.propose_batch(file, every_s=every, stop_after=stop_after)
    if output is Output.TABLE:
        _print(made)
        typer.echo(_how_to_approve(made), err=True)
    else:
        show(made["rows"], output)
    refused = made["counts"].get("POLICY_DENIED", 0)
    if refused:
        sys.exit(REFUSED if refused == len(made["rows"]) else PARTLY)


@batches.command("ls")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 50,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    List batches, the newest first.

    Example: mdms command batches ls
    """
    with options.client(config) as mdms:
        found = mdms.batches(limit=limit)
    show([summary(each) for each in found], output, title="Batches", spare=SPARE)


@batches.command("show")
def show_(
    batch: BatchId,
    *,
    watch: Annotated[
        bool, typer.Option("--watch", help="Until nothing of it moves any more, or Ctrl-C.")
    ] = False,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Show a batch: its hash, the list as it was judged, and what became of each row.

    Example: mdms command batches show 4f21c09a --watch
    """
    with options.client(config) as mdms:
        batch_id = batch_named(mdms, batch)
        found = mdms.batch(batch_id)
        if watch:
            found = _watched(mdms, found)
    if output is Output.TABLE:
        _print(found)
    else:
        show(found["rows"], output)


def pause(batch: BatchId, reason: Reason = "", config: options.Config = None) -> None:
    """
    Let nothing more of a batch go until a supervisor resumes it.

    Example: mdms command pause 4f21c09a --reason "storm"
    """
    _steer(batch, "pause", reason, config)


def resume(batch: BatchId, reason: Reason = "", config: options.Config = None) -> None:
    """
    Let a paused batch go on, as a supervisor.

    Example: mdms command resume 4f21c09a
    """
    _steer(batch, "resume", reason, config)


def undo(
    batch: BatchId,
    reason: Reason = "",
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Stop a batch for good, reconnect at once all that it opened, take back what has not gone.

    No budget holds a reconnect up. Exit status 5: some need a person; their codes say why.

    Example: mdms command undo 4f21c09a --reason "wrong list"
    """
    with options.client(config) as mdms:
        undone = mdms.steer_batch(batch_named(mdms, batch), "undo", reason)
    reconnected = [
        {"meter": meter, "outcome": "reconnect asked for", "command": control_id}
        for meter, control_id in undone["reconnected"].items()
    ]
    refused = [
        {"meter": meter, "outcome": f"see to it: {' '.join(codes)}", "command": ""}
        for meter, codes in undone["refused"].items()
    ]
    show([*reconnected, *refused], output, title="Undone", empty="nothing had been opened")
    typer.echo(f"{len(undone['cancelled'])} taken back before anything was sent", err=True)
    if refused:
        sys.exit(PARTLY)


def approve(mdms: Client, batch: str, sha256: str, reason: str) -> None:
    """Approve a batch, and say how it goes on."""
    approved = mdms.approve_batch(batch_named(mdms, batch), sha256, reason)
    typer.echo(head(approved))
    typer.echo(f"see what becomes of it: {_show(approved)} --watch", err=True)


def register(app: typer.Typer) -> None:
    """Add these verbs to those of `mdms command`."""
    app.command("batch")(propose)
    app.add_typer(batches, name="batches")
    app.command("pause")(pause)
    app.command("resume")(resume)
    app.command("undo")(undo)
    app.command("breaker")(breaker.status)
    app.command("release")(breaker.release)


def batch_named(mdms: Client, part: str) -> str:
    """Return the id of the batch of which this is the beginning, the end, or all."""
    if len(part) == _ID_LENGTH:
        return part
    ids = (each["batch_id"] for each in mdms.batches(limit=_SEARCHED_MAX))
    return one_of(ids, part, "batch", "mdms command batches ls")


def _steer(batch: str, verb: str, reason: str, config: Path | None) -> None:
    with options.client(config) as mdms:
        typer.echo(head(mdms.steer_batch(batch_named(mdms, batch), verb, reason)))


def _watched(mdms: Client, found: dict[str, Any]) -> dict[str, Any]:
    console = Console(stderr=True)
    with (
        Live(console=console, auto_refresh=False, transient=True) as live,
        suppress(KeyboardInterrupt),
    ):
        while not found["is_over"]:
            live.update(board(found, console), refresh=True)
            time.sleep(_POLL_S)
            found = mdms.batch(found["batch_id"])
    return found


def _print(batch: Mapping[str, Any]) -> None:
    typer.echo(head(batch))
    show(rows(batch), Output.TABLE, title=f"List {batch['sha256']}", spare=SPARE)


def _how_to_approve(batch: Mapping[str, Any]) -> str:
    return (
        "another person looks at the same list and approves it:\n"
        f"  {_show(batch)}\n"
        f"  mdms command approve {short(batch['batch_id'])} --hash {batch['sha256']}"
    )


def _show(batch: Mapping[str, Any]) -> str:
    return f"mdms command batches show {short(batch['batch_id'])}"
