"""`mdms transformer`: what transformers carry."""

from typing import Annotated

import typer

from mdms.cli import options
from mdms.cli.output import Output, show

app = typer.Typer(help="Load and voltage of transformers.", no_args_is_help=True)

_Transformer = Annotated[str | None, typer.Option(help="Its id; all when left out.")]
_SPARE = ("feeder", "hours", "scaled_hours", "coverage_percent")


@app.command()
def load(
    *,
    from_: options.FromDay,
    to: options.ToDay,
    transformer: _Transformer = None,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    List the load of transformers on local days from the energy of their meters, highest first.

    Example: mdms transformer load --from 2026-11-03 --to 2026-11-30
    """
    with options.client(config) as mdms:
        rows = mdms.transformer_load(from_, to, transformer=transformer)
    show(rows, output, title="Load of transformers", spare=_SPARE)


@app.command()
def voltage(
    *,
    from_: options.FromDay,
    to: options.ToDay,
    transformer: _Transformer = None,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    List the voltage of transformers on local days: the median of their meters that measure it.

    Example: mdms transformer voltage --from 2026-11-03 --to 2026-11-30
    """
    with options.client(config) as mdms:
        rows = mdms.transformer_voltage(from_, to, transformer=transformer)
    show(rows, output, title="Voltage of transformers", spare=_SPARE)
