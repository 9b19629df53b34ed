"""`mdms outage`: what meters say of their power."""

import typer

from mdms.cli import options
from mdms.cli.output import Output, show

app = typer.Typer(help="Outages.", no_args_is_help=True)


@app.callback()
def _nouns() -> None:
    """Tell Typer that `ls` is a verb of its own."""


@app.command("ls")
def list_(
    *,
    from_: options.FromDay,
    to: options.ToDay,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    List what failed in a period, with SAIDI, SAIFI, CAIDI and MAIFI.

    Example: mdms outage ls --from 2026-11-03 --to 2026-11-30
    """
    with options.client(config) as mdms:
        found = mdms.outages(from_, to)
    if output is not Output.TABLE:
        show(found["outages"], output)
        return
    rows = [
        row | {name: ", ".join(row[name]) for name in ("transformers", "unheard")}
        for row in found["outages"]
    ]
    show(rows, output, title="Outages", spare=("transformers", "reported"))
    if found["indices"] is not None:
        indices = {
            name: round(value, 5) if isinstance(value, float) else value
            for name, value in found["indices"].items()
        }
        show([indices], output, title="Reliability")
