"""`mdms vee`: validation, estimation, and what waits for a person."""

from pathlib import Path
from typing import Annotated

import typer

from mdms.cli import options, vee_edit, vee_exception
from mdms.cli.lineage import print_explanation
from mdms.cli.output import Output, show, terminal
from mdms.client.files import read_text_file
from mdms.domain.errors import UsageError

app = typer.Typer(help="Validation and estimation.", no_args_is_help=True)
ruleset = typer.Typer(help="What reads are judged by.", no_args_is_help=True)
app.add_typer(vee_exception.app, name="exception")
app.add_typer(vee_edit.app, name="edit")
app.add_typer(ruleset, name="ruleset")

RulesetFile = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, help="Rule set (TOML).", show_default=False)
]


@app.command()
def run(
    from_: options.FromDay,
    to: options.ToDay,
    *,
    meter: Annotated[str | None, typer.Option(help="Badge; every meter when left out.")] = None,
    shadow: Annotated[
        bool, typer.Option("--shadow", help="Only say what a candidate would change.")
    ] = False,
    candidate: Annotated[
        Path | None,
        typer.Option("--ruleset", exists=True, dir_okay=False, help="The candidate (TOML)."),
    ] = None,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Judge and estimate local days again; running it twice changes nothing.

    The daemon does this every night by itself (`[vee] nightly_at`). With --shadow a candidate rule
    set judges the same days beside the rules in force: how rules, statuses, energy and the bills
    of that window would differ; nothing is written.

    Example: mdms vee run --shadow --ruleset city.toml --from 2026-11-03 --to 2026-12-02
    """
    if shadow != (candidate is not None):
        raise UsageError("--shadow and --ruleset go together")
    if candidate is not None:
        with options.client(config) as mdms:
            rows = mdms.shadow_vee(from_, to, read_text_file(candidate), meter=meter)
        show(rows, output, title="What would change")
        return
    with options.client(config) as mdms:
        show([mdms.run_vee(from_, to, meter=meter)], output, title="VEE run")


@app.command()
def explain(
    meter: Annotated[str, typer.Argument(help="Badge or usage point.")],
    at: options.At,
    reading_type: options.ReadingTypeName = None,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Say why a value is what it is, and make it again with today's code.

    Status, method and rules in words; the values that an estimate was made from, with weights,
    and the numbers it was multiplied from; the registers around it; the rule set by its hash; who
    edited it and who agreed.

    Example: mdms vee explain E1000001 --at 2026-11-03T14:00-08:00
    """
    with options.client(config) as mdms:
        why = mdms.explanation(meter, at, reading_type=reading_type)
    if output is Output.TABLE:
        print_explanation(why, terminal())
    else:
        show([why], output)


@app.command()
def incidents(
    *,
    from_: options.FromDay,
    to: options.ToDay,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    List days on which so many meters were silent that it is one incident.

    What is missing then is estimated when registers come back, when fewer are silent, or when
    bills close; no meter of them is in the queue. Collectors that brought less than half of their
    frames that day are named.

    Example: mdms vee incidents --from 2026-11-03 --to 2026-12-02
    """
    with options.client(config) as mdms:
        show(mdms.incidents(from_, to), output, title="Incidents")


@ruleset.command("ls")
def list_rulesets(config: options.Config = None, output: options.Form = Output.TABLE) -> None:
    """
    List the rule sets and the days that each judges.

    Example: mdms vee ruleset ls
    """
    with options.client(config) as mdms:
        show(mdms.rulesets(), output, title="Rule sets")


@ruleset.command()
def diff(
    file: RulesetFile, config: options.Config = None, output: options.Form = Output.TABLE
) -> None:
    """
    Compare a candidate with the rules in force, key by key.

    Example: mdms vee ruleset diff city.toml
    """
    with options.client(config) as mdms:
        show(mdms.compare_ruleset(read_text_file(file)), output, title="Differences")


@ruleset.command("test")
def try_out(
    file: RulesetFile, config: options.Config = None, output: options.Form = Output.TABLE
) -> None:
    """
    Try a candidate on worked examples: which rules speak, beside the rules in force.

    Example: mdms vee ruleset test city.toml
    """
    with options.client(config) as mdms:
        show(mdms.test_ruleset(read_text_file(file)), output, title="Examples")


@ruleset.command()
def promote(
    file: RulesetFile, config: options.Config = None, output: options.Form = Output.TABLE
) -> None:
    """
    Put a rule set in force from its `edition.effective` on, tomorrow at the earliest.

    Days that have begun are judged by the rules they began with, whenever they are judged again.

    Example: mdms vee ruleset promote city.toml
    """
    with options.client(config) as mdms:
        show([mdms.promote_ruleset(read_text_file(file))], output, title="Promoted")
