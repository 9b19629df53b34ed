"""How the history of one value looks on a terminal: why it is so, and where it came from."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mdms.cli.output import fitting, instant, quanta

Answer = Mapping[str, Any]
"""An explanation or a trace as the daemon's REST interface gives it."""

_HASH = 12
"""Digits of a rule set's hash that people compare."""

_METERS_MAX = 3
"""So many meters of a class are named on a terminal; the JSON form names all."""


def print_explanation(why: Answer, console: Console) -> None:
    """Print why a value is what it is."""
    grid = Table.grid(padding=(0, 1))
    for name, text in _sentences(why):
        grid.add_row(Text(name, "bold"), Text(text))
    console.print(grid)
    if why["sources"]:
        lighter = f", and {why['lighter']} that weigh less" if why["lighter"] else ""
        console.print(_table(why["sources"], console, f"Estimated from{lighter}"))
    if why["factors"]:
        rows = [dict(each) | {"meters": _few(each["meters"])} for each in why["factors"]]
        console.print(_table(rows, console, "Multiplied from", "meters"))
    if len(why["versions"]) > 1:
        console.print(_versions(why["versions"], console))


def print_trace(trace: Answer, console: Console) -> None:
    """Print every version of a value and the frames that brought it."""
    head = f"{trace['meter']}  {_when(trace)}"
    console.print(Text(head, "bold"))
    if trace["versions"]:
        console.print(_versions(trace["versions"], console))
    else:
        console.print("nothing is stored of this interval")
    if trace["frames"]:
        rows = [{k: v for k, v in each.items() if k != "kind"} for each in trace["frames"]]
        console.print(
            _table(rows, console, "Frames", "register_at", "register", "boot", "heard_at")
        )
    if trace["same"] is not None:
        words = {True: "every frame says what was stored", False: "frames say something else"}
        console.print(words[trace["same"]])
    if trace["note"]:
        console.print(Text(trace["note"], "yellow"))


def _sentences(why: Answer) -> Iterator[tuple[str, str]]:
    """Yield the parts of an explanation, each with its name."""
    yield "value", f"{quanta(why['value'], why.get('unit', ''))}  {why['meter']}  {_when(why)}"
    yield "status", f"{why['status']}: {why['status_words']}"
    yield "method", f"{why['method']}: {why['method_words']}"
    if codes := why.get("iec"):  # a daemon of before does not say
        yield "quality", f"{', '.join(codes)} in IEC 61968-9"
    for rule in why["rules"]:
        yield "rule", rule
    if bracket := why["bracket"]:
        yield "bracket", f"{_clock(bracket['from'])} to {_clock(bracket['to'])}"
        registers = f"{bracket['register_from']} to {bracket['register_to']}"
        yield "registers", f"{registers}: {bracket['usage']} used"
        yield "residual", f"{bracket['residual']} for {bracket['missing']} missing intervals"
    if why["alpha"] is not None:
        yield "alpha", f"{why['alpha']}: the pattern was scaled by it to meet the register"
    if why["p10"] is not None:
        yield "band", f"{why['p10']} to {why['p90']}: where four of five windows lie (P10, P90)"
    yield from _people(why)
    yield from _verdict(why)


def _people(why: Answer) -> Iterator[tuple[str, str]]:
    for edit in why["edits"]:
        decided = f", {edit['state']} by {edit['decided_by']}" if edit["decided_by"] else ""
        words = f"{edit['operation']} by {edit['editor']}{decided}: {edit['reason']} {edit['text']}"
        yield "edit", words.rstrip()
        if edit["override_sum"]:
            yield "override", edit["override_sum"]


def _verdict(why: Answer) -> Iterator[tuple[str, str]]:
    if outcome := why["outcome"]:
        by = f", version {outcome['ruleset']}, approved by {outcome['approved_by']}"
        yield "judged", f"{instant(outcome['judged_at'])} (time {outcome['times_judged']})"
        known = by if outcome["ruleset"] else ", not kept here"
        yield "rule set", f"{outcome['ruleset_hash'][:_HASH]}{known}"
    match why["same"]:
        case True:
            yield "again", f"as known {_at(why)}, today's code makes the same bits of it"
        case False:
            words = f"as known {_at(why)}, today's code makes something else of it: "
            yield "again", words + "; ".join(why["differs"])
        case _:
            yield "again", "; ".join(why["differs"])
    if since := why.get("received_since"):  # a daemon of before says neither this nor the unit
        yield "since", f"a read was received {instant(since)}: the next run looks at it"


def _at(why: Answer) -> str:
    return instant(why["known_at"])


def _versions(versions: Sequence[Answer], console: Console) -> Table:
    rows = [dict(each) | {"rules": "; ".join(each["rules"])} for each in versions]
    if not any(each.get("file") for each in versions):
        rows = [{name: cell for name, cell in row.items() if name != "file"} for row in rows]
    return _table(rows, console, "Versions", "rules")


def _few(meters: Sequence[str]) -> str:
    """Name some meters and say how many more there are."""
    more = len(meters) - _METERS_MAX
    return ", ".join(meters[:_METERS_MAX]) + (f" and {more} more" if more > 0 else "")


def _table(rows: Sequence[Answer], console: Console, title: str, *spare: str) -> Table:
    return fitting(rows, console, title=title, spare=spare)


def _when(answer: Answer) -> str:
    return f"{_clock(answer['start'])} to {answer['end'][11:16]}"


def _clock(start: str) -> str:
    return start[:16].replace("T", " ")
