"""`mdms report`: a day of the utility as a page."""

from pathlib import Path
from typing import Annotated

import typer

from mdms.cli import options
from mdms.cli.report_page import page


def report(
    *,
    out: Annotated[
        Path, typer.Option("--out", help="Where the page is written: one HTML file, no others.")
    ],
    day: Annotated[
        str | None, typer.Option("--day", help="Local day, 2026-11-03; yesterday when left out.")
    ] = None,
    config: options.Config = None,
) -> None:
    """
    Write one day as a page: read rate, gaps, exceptions, leaks, outages, commands.

    It needs no server and shows no meter and no customer: send it to whom you like.

    Example: mdms report --out yesterday.html
    """
    with options.client(config) as mdms:
        text = page(mdms.board(day))
    aside = out.with_name(f"{out.name}.part")
    aside.write_text(text, encoding="utf-8")
    aside.replace(out)
    typer.echo(f"{out}")
