"""What a person sees: progress while five weeks pass, then the figures that matter."""

import sys
from collections import Counter
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from mdms.domain.controls import READY

_STATUS_NAMES = {
    "V": "validated",
    "A": "accepted",
    "R": "raw",
    "D": "derived",
    "E": "estimated",
    "F": "final estimate",
    "Z": "zero by outage",
    "S": "held",
    "M": "missing",
}


class Screen:
    """Shows a demo on a terminal; a context manager, so that the cursor always comes back."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            console=console,
        )
        self._task = self._progress.add_task("starting", total=None, note="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def stage(self, name: str) -> None:
        """Say what is being done now."""
        self._progress.update(self._task, description=name, total=None, note="")

    def weeks(self, report: dict[str, Any]) -> None:
        """Move the bar to where the simulated time is."""
        if not report:
            return
        at = datetime.fromisoformat(report["at"]).strftime("%a %d %b %H:%M")
        self._progress.update(
            self._task,
            description="letting the weeks pass",
            total=report["steps"],
            completed=report["step"],
            note=f"{at}  {report['frames']:,} frames",
        )

    def served(self, report: dict[str, Any], config: Path) -> None:
        """Print the summary while the processes stay up."""
        self._progress.stop()
        show(report, config.parent, self._console)
        program = Path(sys.argv[0])
        mdms = program if program.name == "mdms" else "mdms"
        # Lines to copy: each stays one line, however narrow the window is.
        self._console.print(
            "\nStill running; Ctrl-C ends it. In another terminal:\n\n"
            f"    export MDMS_CONFIG={config}\n"
            f"    {mdms} --help\n"
            f"    {mdms} command ls\n"
            f"{_walk(mdms, report, config.parent)}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


def _walk(mdms: Path | str, report: dict[str, Any], directory: Path) -> str:
    """Return the lines that cut somebody off lawfully; nothing where nobody may be."""
    if not report["lawful"]:
        return ""
    named = ", ".join(report["lawful"])
    return (
        f"\nBills of {named} are long past due, and every notice ran out: until 15:00 local they "
        "may be disconnected,\nif another person approves. Whoever pays is reconnected at once.\n\n"
        f"    {mdms} command disconnect {report['lawful'][0]} --cause NONPAY\n"
        f"    {mdms} command approve ID --config {directory / 'approver.toml'}\n"
    )


def show(report: dict[str, Any], directory: Path, console: Console) -> None:
    """Print a demo's summary."""
    reads, billing = report["reads"], report["billing"]
    console.print(
        f"\n[bold]{report['meters']:,} meters, {report['days']} days, "
        f"{report['frames']:,} frames in {report['messages']:,} messages[/bold]\n"
    )
    console.print(_proof(reads, report["events"]))
    console.print(_quality(reads["quality"]))
    console.print()
    if "frozen" in billing:
        console.print(
            f"Billed {billing['window_start']} to {billing['window_end']}: "
            f"[bold]{billing['frozen']:,}[/bold] channels frozen, "
            f"{billing['blocked']:,} blocked and on a person's list."
        )
    else:
        console.print(f"Billing: {billing['note']}.")
    for outage in report["outages"]:
        console.print(_outage(outage))
    console.print(_leaks(report["leaks"]))
    if report["controls"]:
        console.print(_controls(report["controls"]))
    for optout in report["optouts"]:
        console.print(_optout(optout, report["fees"]))
    console.print(
        f"Dead letters: {report['dead_letters']:,}. Open exceptions: {report['exceptions_open']:,}."
    )
    spent = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in report["timings_s"].items())
    console.print(f"Time: {sum(report['timings_s'].values()):.0f} s ({spent}).")
    files = ("report.json", "billing", "readings.parquet", "events.parquet", "truth")
    named = ", ".join(name for name in files if (directory / name).exists())
    console.print(f"Files: [bold]{directory}[/bold] ({named})")


def _proof(reads: dict[str, Any], events: dict[str, Any]) -> Table:
    table = Table(title="Against the city's own ledger", title_justify="left")
    table.add_column("interval reads")
    table.add_column("", justify="right")
    brackets = reads["estimated_brackets"]
    for name, value, fault in (
        ("happened", reads["happened"], False),
        ("sent and acknowledged", reads["sent"], False),
        ("stored", reads["stored"], False),
        ("lost", reads["lost"], True),
        ("doubled", reads["doubled"], True),
        ("stored with another value", reads["wrong"], True),
        ("register brackets with estimates", brackets["checked"], False),
        ("of these not exact to the unit", brackets["inexact"], True),
        ("meters' events sent", events["sent"], False),
        ("lost, doubled or invented", _faults(events), True),
    ):
        colour = ("red" if value else "green") if fault else "default"
        table.add_row(name, f"[{colour}]{value:,}[/{colour}]")
    return table


def _faults(events: dict[str, Any]) -> int:
    return int(events["lost"] + events["doubled"] + events["invented"])


def _outage(outage: dict[str, Any]) -> str:
    """Say who was without power, and who of them was heard."""
    start = datetime.fromisoformat(outage["from"])
    length = "since then"
    if outage["to"] is not None:
        minutes = (datetime.fromisoformat(outage["to"]) - start).total_seconds() / 60
        length = f"for {minutes:.0f} min"
    gasps, back = outage["last_gasps"], outage["restorations"]
    return (
        f"Outage: transformer {outage['transformer']} without power {length} "
        f"from {start:%a %d %b %H:%M} UTC, [bold]{outage['meters']}[/bold] meters; "
        f"last gasps {gasps['sent']} sent, [bold]{gasps['stored']}[/bold] stored; "
        f"restorations {back['sent']} sent, [bold]{back['stored']}[/bold] stored."
    )


def _optout(optout: dict[str, Any], fees: list[dict[str, Any]]) -> str:
    """Say what became of a request to opt out: radios, and what it costs."""
    silent = [badge for badge, is_silent in optout["silent"].items() if is_silent]
    due = [fee for fee in fees if fee["account"] == optout["account"]]
    named = ", ".join(f"{fee['kind'].removeprefix('optout_')} ${fee['amount_usd']}" for fee in due)
    return (
        f"Opt-out: account {optout['account']} {optout['state'].replace('_', ' ')}, "
        f"[bold]{len(silent)}[/bold] of {len(optout['meters'])} radios silent; "
        f"fees: {named or 'none'}."
    )


def _leaks(leaks: dict[str, Any]) -> str:
    """Say which leaks were found, how soon, and what was called one and was none."""
    parts = []
    for kind, one in leaks["kinds"].items():
        found = f"{one['confirmed']} confirmed"
        if one["confirmed"]:
            found += f" after {one['confirmed_delay_h']:.0f} h"
        named = f"{one['due']} {kind} leaks"
        parts.append(f"of {named} {one['suspected']} suspected, {found}")
    listed = "; ".join(parts) or "none ran"
    wrong = leaks["false_confirmed"]
    colour = "red" if wrong else "green"
    return f"Leaks: {listed}; [{colour}]{wrong}[/{colour}] confirmed where nothing leaked."


def _controls(controls: list[dict[str, Any]]) -> Table:
    """Show what became of each command, oldest first."""
    table = Table(title="Commands", title_justify="left")
    for name in ("command", "meter", "what became of it"):
        table.add_column(name)
    for control in reversed(controls):
        table.add_row(control["action"], control["meter"], _outcome(control))
    return table


def _outcome(control: dict[str, Any]) -> str:
    if control["codes"]:
        reasons = "; ".join(f"{each['code']} ({each['clause']})" for each in control["codes"])
        waits = control["state"] in READY
        return f"[yellow]{'waits' if waits else 'refused'}: {reasons}[/yellow]"
    if control["state"] == "RECONCILED":
        return "[yellow]unknown at first, settled by a later word of the meter[/yellow]"
    if control["verified_at"] is None:
        return f"[red]{control['state']}: {control['result']}[/red]"
    took = datetime.fromisoformat(control["verified_at"]) - datetime.fromisoformat(
        control["requested_at"]
    )
    switch = f", switch {control['switch']}" if control["switch"] not in (None, "none") else ""
    return f"[green]verified[/green] after {took}{switch}"


def _quality(quality: dict[str, dict[str, Any]]) -> Table:
    table = Table(
        title="What became of every interval", title_justify="left", caption_justify="left"
    )
    table.add_column("service")
    table.add_column("intervals", justify="right")
    seen = {status for row in quality.values() for status in row["statuses"]}
    statuses = [status for status in _STATUS_NAMES if status in seen]
    for status in statuses:
        table.add_column(_STATUS_NAMES[status], justify="right")
    for service, row in quality.items():
        counts = [f"{row['statuses'].get(status, 0):,}" for status in statuses]
        table.add_row(service, f"{row['intervals']:,}", *counts)
    methods = Counter[str]()
    for row in quality.values():
        methods.update(row["methods"])
    named = ", ".join(f"{name} {count:,}" for name, count in sorted(methods.items()))
    table.caption = f"by method: {named}" if named else None
    return table
