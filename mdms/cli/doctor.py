"""`mdms doctor`: what is wrong with this set-up, and what to do about it."""

import asyncio
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mdms.app.clock import SystemClock
from mdms.cli import options
from mdms.cli.output import Output, show
from mdms.doctor.examination import examine_set_up
from mdms.doctor.findings import Finding, Level

_STYLES = {Level.OK: "green", Level.WARNING: "yellow", Level.PROBLEM: "bold red"}


def doctor(config: options.Config = None, output: options.Form = Output.TABLE) -> None:
    """
    Look for the likeliest mistakes of a set-up; each finding says what to do.

    It sends some test messages through the broker, changes nothing, and needs no running daemon.
    Exit status 1 when there is a problem.

    Example: mdms doctor --config /etc/mdms/mdms.toml
    """
    findings = asyncio.run(_findings(options.found(config), live=output is Output.TABLE))
    if output is not Output.TABLE:
        show(
            [
                {"check": each.check, "level": each.level.value, "sentence": each.sentence}
                for each in findings
            ],
            output,
        )
    if any(each.level is Level.PROBLEM for each in findings):
        raise typer.Exit(1)


async def _findings(config: Path | None, *, live: bool) -> list[Finding]:
    """Gather every finding; print each as it comes, for checks take seconds."""
    console, findings = Console(), []
    async for finding in examine_set_up(config, SystemClock()):
        findings.append(finding)
        if live:
            console.print(_line(finding))
    return findings


def _line(finding: Finding) -> Table:
    line = Table.grid(padding=(0, 2))
    line.add_column(width=7, style=_STYLES[finding.level])
    line.add_column(width=13)
    line.add_column(overflow="fold")
    # As text: [database] is a section of the settings here, no mark-up.
    line.add_row(finding.level.value, finding.check, Text(finding.sentence))
    return line
