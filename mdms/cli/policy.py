"""`mdms policy`: the rules that commands are judged by, before somebody puts a name under them."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from mdms.app.clock import SystemClock
from mdms.app.rules import read_rules, rules_folder
from mdms.cli import options, policy_view
from mdms.cli.command import VERBS
from mdms.cli.command_find import named
from mdms.cli.output import Output, show, terminal
from mdms.domain.controls import Action
from mdms.domain.errors import UsageError
from mdms.domain.time import local_day
from mdms.policy import examples, review
from mdms.policy.calendars import Calendar
from mdms.policy.reasons import PATHS
from mdms.policy.rulebook import Rulebook
from mdms.services.holidays import known_holidays
from mdms.settings import Settings

_FAILED, _REFUSED = 1, 4
_CAUSE_MEANT = {verb.action: verb.cause for verb in VERBS.values()}

app = typer.Typer(help="The rules that commands are judged by.", no_args_is_help=True)

On = Annotated[str | None, typer.Option("--on", help="Local day, 2026-12-10; today if left out.")]
Rules = Annotated[
    Path | None,
    typer.Option(exists=True, file_okay=False, help="Folder of rules instead of the daemon's."),
]


@app.command()
def check(
    action: Annotated[Action, typer.Argument(help="What would be asked of the meter.")],
    meter: Annotated[str, typer.Argument(help="Badge or usage point.")],
    *,
    cause: Annotated[
        str | None,
        typer.Option(
            help=f"Why; a disconnect needs one: {', '.join(PATHS)}. Others are asked for by the "
            "cause that `mdms command` means when none is named."
        ),
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="An instant ahead, 2026-12-10T10:05-08:00; now if left out.")
    ] = None,
    evidence: Annotated[str, typer.Option(help="Record that proves a hazard or theft.")] = "",
    item: Annotated[str, typer.Option(help="Item of Rule 9.D, such as R9.D.3.")] = "",
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Ask what the rules would say to a command; nothing is sent, and nothing stored.

    Exit status 0: it would be done, at once or after what is named, such as an approval; 4: the
    rules forbid it. Every reason is printed with its clause, its cure and when it would be cured.

    Example: mdms policy check disconnect E1000001 --cause NONPAY
    """
    meant = cause or _CAUSE_MEANT.get(action)
    if meant is None:
        raise UsageError(f"name the cause of a {action}: --cause {' | '.join(PATHS)}")
    with options.client(config) as mdms:
        said = mdms.check_policy(action, meter, meant.upper(), evidence=evidence, item=item, at=at)
    if output is Output.TABLE:
        console = terminal()
        console.print(policy_view.answer(said, console))
    else:
        show([said], output)
    if said["outlook"] == "over":
        raise typer.Exit(_REFUSED)


@app.command()
def explain(
    decision: Annotated[
        str, typer.Argument(help="Id of a command, or enough of its end.", metavar="DECISION")
    ],
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Reprint every judgement of a command from the audit.

    By what it was judged and since when that was known, what was found, by which clause, what
    would have cured it, and by which edition of the rules.

    Example: mdms policy explain 4f21c09a
    """
    with options.client(config) as mdms:
        told = mdms.explain_decision(named(mdms, decision))
    if output is not Output.TABLE:
        show(told["judgements"], output)
        return
    console = terminal()
    for judgement in told["judgements"]:
        console.print(policy_view.reprint(judgement, console))
    if not told["judgements"]:
        typer.echo("nothing was judged")


@app.command("ls")
def list_(
    on: On = None,
    rules: Rules = None,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    List every table of every edition and every signed year, and which of them hold.

    Example: mdms policy ls --on 2027-01-01
    """
    book, calendar, day = _read(rules, on, config)
    rows = [
        {
            "table": entry.name,
            "version": entry.version,
            "effective_on": entry.effective_on,
            "in_force": "yes" if entry.in_force else "",
            "approved_by": entry.approved_by or "nobody",
            "source": entry.source,
        }
        for entry in review.entries(book, calendar, day)
    ]
    show(rows, output, title=f"Rules on {day}", spare=("source",))


@app.command()
def diff(
    other: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Another folder.")],
    on: On = None,
    rules: Rules = None,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Show every value that another folder of rules would change on a day.

    Example: mdms policy diff proposal/ --on 2027-01-01
    """
    book, calendar, day = _read(rules, on, config)
    new_book, new_calendar, _ = _read(other, on, config)
    changes = review.changes(review.held(book, day), review.held(new_book, day))
    changes += review.changes(calendar.years, new_calendar.years)
    rows = [
        {"value": change.name, "now": change.before or "", "then": change.after or ""}
        for change in changes
    ]
    show(rows, output, title=f"Changes on {day}")


@app.command("test")
def play(
    on: On = None,
    rules: Rules = None,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Play the worked examples by the rules, and say what would stop commands.

    Exit status 0: every example ends as the policy says and nothing stands in the way; 1: not so.
    Holidays that others know and nobody signed only warn. An example that fails may be right: then
    the rules have changed what it shows, and whoever approves them knows why.

    Example: mdms policy test --rules proposal/
    """
    book, calendar, day = _read(rules, on, config)
    outcomes = examples.play(book.at(day), calendar)
    rows = [
        {
            "example": outcome.example.example_id,
            "about": outcome.example.words,
            "holds": "yes" if outcome.holds else "NO",
            "verdict": outcome.decision.verdict.value,
            "codes": " ".join(outcome.decision.codes),
        }
        for outcome in outcomes
    ]
    show(rows, output, title="Worked examples", spare=("verdict",))
    problems = review.problems(book, calendar, day)
    for problem in problems:
        typer.echo(f"problem: {problem}", err=True)
    for warning in review.unlisted(calendar, known_holidays("US", "CA", calendar.years)):
        typer.echo(f"warning: {warning}", err=True)
    if problems or not all(outcome.holds for outcome in outcomes):
        raise typer.Exit(_FAILED)


def _read(
    folder: Path | None, on: str | None, config: Path | None
) -> tuple[Rulebook, Calendar, date]:
    settings = options.load(config)
    book, calendar = read_rules(folder or rules_folder(settings), settings.zone)
    return book, calendar, _day(on) if on else local_day(_now(settings, config), settings.zone)


def _now(settings: Settings, config: Path | None) -> datetime:
    """Return what time it is where commands are judged: in a simulation the daemon knows."""
    if settings.clock.source != "simulation":
        return SystemClock().now()
    with options.client(config) as mdms:
        return datetime.fromisoformat(mdms.status()["now"])


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is not a day; write it as 2026-12-10") from error
