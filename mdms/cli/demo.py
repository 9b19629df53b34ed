"""`mdms demo`: a small city on this machine, from radio frames to the bill."""

import signal
import tempfile
from contextlib import suppress
from datetime import date, datetime
from itertools import count
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from mdms.demo import summary
from mdms.demo.story import Plan, play
from mdms.domain.errors import OperatorError, UsageError
from mdms.embedded.processes import ChildFailedError

Faults = Literal["none", "normal", "storm"]

_FIRST_DAY, _LAST_DAY = datetime(2000, 1, 1), datetime(2099, 1, 1)  # noqa: DTZ001 - as Typer's


def demo(
    *,
    meters: Annotated[int, typer.Option(min=3, help="Meters of all services together.")] = 300,
    days: Annotated[int, typer.Option(min=1, max=400, help="Days that pass.")] = 35,
    start: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="First local day.")
    ] = datetime(2026, 11, 3),  # noqa: DTZ001 - Typer knows days as naive datetimes
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same city, same bytes.")] = 1,
    faults: Annotated[
        Faults, typer.Option(help="Radio and backhaul: perfect, as in a real network, or breaking.")
    ] = "normal",
    profiles: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Replay the household series in a folder."),
    ] = None,
    script: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="What people do and what breaks, instead of ours."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="Folder for the files; a fresh one when left out."),
    ] = None,
    serve: Annotated[bool, typer.Option("--serve", help="Keep everything up at the end.")] = False,
) -> None:
    """
    Run a small city through weeks in a minute, on an embedded database and broker.

    Real processes: database, broker, daemon and simulator. At the end one bill window is frozen
    and exported, and the database is compared with what the city knows to have happened.

    Example: mdms demo --meters 40 --days 30 --serve --out city
    """
    if not _FIRST_DAY <= start <= _LAST_DAY:
        raise UsageError(f"--start must lie between {_FIRST_DAY:%Y-%m-%d} and {_LAST_DAY:%Y-%m-%d}")
    directory = _fresh(out)
    plan = Plan(
        meters=meters,
        days=days,
        start=date(start.year, start.month, start.day),
        seed=seed,
        faults=faults,
        profiles=profiles.resolve() if profiles else None,
        script=script,
        directory=directory.resolve(),
        serve=serve,
    )
    console = Console()
    console.print(f"Files go to [bold]{directory}[/bold]")
    # SIGINT too: a shell may have us ignore it.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        with summary.Screen(console) as screen:
            report = play(plan, screen)
    except ChildFailedError as error:
        raise OperatorError(str(error)) from error
    except KeyboardInterrupt:
        console.print("interrupted; every process has been stopped")
        raise typer.Exit(130) from None
    if not serve:
        summary.show(report, directory, console)


def _fresh(out: Path | None) -> Path:
    """Return an empty folder that can be written to, made if need be."""
    try:
        if out is None:
            return _numbered()
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise UsageError(f"{out} is not empty; name a fresh folder with --out")
        with tempfile.TemporaryFile(dir=out):
            return out
    except OSError as error:
        raise UsageError(
            f"{error.filename or out}: {error.strerror}; name a folder you may write to with --out"
        ) from error


def _numbered() -> Path:
    for number in count(1):
        with suppress(FileExistsError):
            path = Path(f"demo-{number}")
            path.mkdir()
            return path
    raise AssertionError("numbers do not end")


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt
