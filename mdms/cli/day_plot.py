"""
A day of a channel on a terminal, an hour a line: values, status letters, and a bar beside them.

The bar is the hour's sum; the mark in it is what like days used in that hour. All of it fits into
80 columns and says the same without colours.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from rich.console import Console, Group, RenderableType
from rich.text import Text

Day = Mapping[str, Any]
"""A day as the daemon's REST interface gives it."""

_STYLE: Final = {
    "S": "bold red", "-": "bold red", "M": "bold red", "E": "yellow", "F": "yellow",
    "Z": "yellow", "D": "cyan", "X": "magenta", "A": "green",
}  # fmt: skip
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"
_VALUES_MAX: Final = 4
"""Values of an hour that a line has room for; a finer channel shows its sum instead."""

_READS_MAX: Final = 3
"""Register reads of a day that a line has room for."""

_LEGEND: Final = {
    "R": "not judged yet", "V": "valid", "A": "accepted", "S": "suspect", "M": "missing",
    "-": "missing", "E": "estimate", "F": "final estimate", "Z": "zero: no power",
    "D": "derived", "X": "edited",
}  # fmt: skip


def day_plot(day: Day, console: Console) -> RenderableType:
    """Return a day as a plot no wider than a terminal, with its registers and what is flagged."""
    return Group(*_hours(day, console.width), *_below(day))


def _hours(day: Day, width: int) -> Iterator[Text]:
    """Yield a heading and a line for each hour."""
    intervals, likes = day["intervals"], _like_means(day)
    per_hour = 3600 // day["interval_s"]
    hours = [
        list(group)
        for _, group in groupby(range(len(intervals)), lambda i: _hour(intervals[i]["start"]))
    ]
    single = per_hour <= _VALUES_MAX
    digits = _digits(day, [] if single else hours)
    named = per_hour if single else 1
    rest = width - (6 + named * (digits + 1) + 1 + per_hour + 2)
    sums = [sum(intervals[i]["value"] or 0 for i in hour) for hour in hours]
    usual = [_sum(likes[i] for i in hour) for hour in hours]
    top = max([1.0, *sums, *(each for each in usual if each is not None)])
    minutes = [f":{60 * n // per_hour:02}" for n in range(per_hour)] if single else ["sum"]
    marked = f"│ {_likes(day)}" if day["like_days"] else "no like day is known"
    yield Text(
        f"{'time':<6}" + "".join(f"{name:>{digits}} " for name in minutes)
        + f" {'st':<{per_hour}}  {day['unit']} per hour, {marked}",
        style="bold", no_wrap=True, overflow="ellipsis",
    )  # fmt: skip
    for hour, total, like in zip(hours, sums, usual, strict=True):
        line = Text(f"{_clock(intervals[hour[0]]['start']):<6}", no_wrap=True)
        for i in hour if single else []:
            value, letter = intervals[i]["value"], intervals[i]["status"]
            text = "-" if value is None else str(value)
            line.append(f"{text:>{digits}} ", style=_STYLE.get(letter, ""))
        if not single:
            line.append(f"{total:>{digits}} ")
        line.append(" ")
        for i in hour:
            letter = intervals[i]["status"]
            line.append(letter, style=_STYLE.get(letter, "dim"))
        line.append(" " * (per_hour - len(hour)) + "  ")
        line.append(_bar(total, like, top, rest))
        yield line
    seen = sorted({each["status"] for each in intervals})
    yield Text("st: " + ", ".join(f"{s} {_LEGEND[s]}" for s in seen), style="dim")


def _bar(total: int, like: float | None, top: float, width: int) -> Text:
    """Return a bar of an hour's sum with a mark at what like days used."""
    eighths = round(max(total, 0) * (width - 1) * 8 / top)
    full, part = divmod(eighths, 8)
    cells = ["█"] * full + ([_EIGHTHS[part]] if part else [])
    cells += [" "] * (width - len(cells))
    if like is not None:
        cells[min(round(like * (width - 1) / top), width - 1)] = "│"
    bar = Text()
    for cell in cells:
        bar.append(cell, style="bold" if cell == "│" else "blue")
    bar.rstrip()
    return bar


def _below(day: Day) -> Iterator[Text]:
    """Yield what registers say and which intervals broke which rule."""
    if day["registers"]:
        reads = [f"{_day_clock(each['at'])} {each['value']}" for each in day["registers"]]
        if len(reads) > _READS_MAX:
            reads = [reads[0], f"{len(reads) - 2} more", reads[-1]]
        yield Text.assemble(("reads     ", "bold"), ", ".join(reads))
    fine = [each for each in day["brackets"] if each["whole"] and each["residual"] == 0]
    if fine:
        stretches = "stretch adds up" if len(fine) == 1 else "stretches add up"
        usage = sum(each["register"] for each in fine)
        yield Text.assemble(
            ("register  ", "bold"), (f"{len(fine)} {stretches} with it: {usage}", "green")
        )
    for bracket in day["brackets"]:
        if bracket not in fine:
            yield _off(bracket)
    if not day["brackets"]:
        yield Text("register  none closes a stretch with this day in it", style="yellow")
    for rule, spans in _flagged(day):
        yield Text.assemble((f"{rule}\n", "bold"), f"          {', '.join(spans)}")


def _off(bracket: Day) -> Text:
    """Return how far a stretch between two registers is off."""
    off, most = bracket["residual"], bracket["tolerance"]
    text = Text.assemble(
        ("register  ", "bold"),
        f"{_day_clock(bracket['from'])} to {_day_clock(bracket['to'])} counted "
        f"{bracket['register']}, intervals {bracket['intervals']}\n          ",
    )
    if not bracket["whole"]:
        return text.append(f"{off} left for what is missing", style="yellow")
    style = "green" if abs(off) <= most else "bold red"
    return text.append(f"{off:+d} apart ({most} allowed)", style=style)


def _flagged(day: Day) -> Iterator[tuple[str, list[str]]]:
    """Yield each rule that intervals broke with the stretches of these."""
    intervals = day["intervals"]
    length = day["interval_s"] // 60
    for rule in dict.fromkeys(rule for each in intervals for rule in each["rules"]):
        spans = []
        broken = [rule in each["rules"] for each in intervals]
        for broke, group in groupby(range(len(intervals)), broken.__getitem__):
            stretch = list(group)
            if broke:
                first, last = intervals[stretch[0]]["start"], intervals[stretch[-1]]["start"]
                spans.append(f"{_clock(first)}-{_later(last, length)} ({len(stretch)})")
        yield rule, spans


def _like_means(day: Day) -> list[float | None]:
    """Return the mean of the like days for each interval; None where none is known."""
    found: list[float | None] = []
    for i in range(len(day["intervals"])):
        known = [like["values"][i] for like in day["like_days"] if like["values"][i] is not None]
        found.append(sum(known) / len(known) if known else None)
    return found


def _sum(values: Iterator[float | None]) -> float | None:
    listed = list(values)
    return None if None in listed else sum(value for value in listed if value is not None)


def _digits(day: Day, hours: Sequence[Sequence[int]]) -> int:
    values = [each["value"] or 0 for each in day["intervals"]]
    values += [sum(values[i] for i in hour) for hour in hours]
    return max(3, *(len(str(value)) for value in values))


def _likes(day: Day) -> str:
    return "like " + ", ".join(like["day"][5:] for like in day["like_days"])


def _hour(start: str) -> str:
    """Return what intervals of one hour have in common: day, hour and offset."""
    return start[:13] + start[19:]


def _clock(start: str) -> str:
    return start[11:16]


def _day_clock(start: str) -> str:
    return f"{start[5:10]} {start[11:16]}"


def _later(start: str, minutes: int) -> str:
    """Return the end of an interval on the clock."""
    whole = int(start[11:13]) * 60 + int(start[14:16]) + minutes
    return f"{whole // 60:02}:{whole % 60:02}"
