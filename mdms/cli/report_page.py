"""One day of the utility as one HTML file that needs nothing else."""

import math
from collections.abc import Container, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from html import escape
from zoneinfo import ZoneInfo

from mdms.cli.board_figures import (
    GOAL_RAW,
    Board,
    collector_state,
    figures,
    finished,
    newest,
    of_day,
    percent,
)
from mdms.cli.plots import bars, lines
from mdms.cli.report_style import STYLE
from mdms.domain.time import days_between


def page(board: Board) -> str:
    """Return the page of a board."""
    zone = ZoneInfo(board["zone"])
    day = date.fromisoformat(board["day"])
    made = datetime.fromisoformat(board["now"]).astimezone(zone)
    sections = (
        _read_rate(board, zone),
        _collectors(board, zone),
        _exceptions(board),
        _silent(board),
        _cycles(board),
        _leaks(board, zone),
        _outages(board, zone),
        _commands(board),
        _orders(board, zone),
    )
    title = f"{board['utility']}: {day:%A, %d %B %Y}"
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><header>"
        f"<h1>{escape(title)}</h1><p>As known at {made:%Y-%m-%d %H:%M} ({escape(board['zone'])})."
        "</p></header><main>"
        f'<section class="wide">{_figures(board)}</section>{"".join(sections)}</main></body></html>'
    )


def _figures(board: Board) -> str:
    """Return the day in a few large numbers, each plain or a warning."""
    cells = (
        f'<div class="figure{" warn" if each.is_warning else ""}"><b>{each.value}</b>'
        f"<span>{each.name}</span></div>"
        for each in figures(board)
    )
    return f'<div class="figures">{"".join(cells)}</div>'


def _read_rate(board: Board, zone: ZoneInfo) -> str:
    day = date.fromisoformat(board["day"])
    raw = {
        (level["commodity"], level["local_day"]): 100 * level["received_ratio"]
        for level in board["levels"]
        if level["mark"] == "raw" and level["received_ratio"] is not None
    }
    first = date.fromisoformat(min((each for _, each in raw), default=board["day"]))
    days = [each.isoformat() for each in days_between(first, day)]
    services = sorted({commodity for commodity, _ in raw})
    rates: dict[str, Sequence[float | None]] = {
        name: [raw.get((name, each)) for each in days] for name in services
    }
    plots = (
        lines(
            rates,
            [each[5:] for each in days],
            low=_floor(rates, 98),
            high=100,
            goal=100 * GOAL_RAW,
            unit=" %",
        )
        if rates
        else _nothing("No day was measured yet: that happens at 06:00.")
    )
    settled = {level["commodity"]: level for level in newest(board, "settled")}
    rows = [
        {
            "service": level["commodity"],
            "expected": f"{level['expected']:,}",
            "by radio": percent(level["uplink_ratio"]),
            "received": percent(level["received_ratio"]),
            "after 72 h": percent(settled.get(level["commodity"], {}).get("received_ratio")),
            "estimated": percent(level["estimated_ratio"]),
            "held": f"{level['held']:,}",
            "missing": f"{level['missing']:,}",
        }
        for level in of_day(board, "raw")
    ]
    done = finished(board)
    night = f"Validated by {done:%H:%M} of {done:%Y-%m-%d}." if done else "Not validated yet."
    return _section(
        "Read rate",
        "Intervals received over expected ones by 06:00 of the next day; dashed: the goal. "
        + night,
        plots + _table(rows, {"expected", "by radio", "estimated", "held"}) + _hours(board, zone),
    )


def _hours(board: Board, zone: ZoneInfo) -> str:
    """Return what came of each hour of the day, over its share of what was expected."""
    start, end = (datetime.fromisoformat(board[name]).astimezone(UTC) for name in ("start", "end"))
    count = int((end - start) / timedelta(hours=1))
    instants = [start + timedelta(hours=hour) for hour in range(count)]
    expected = {level["commodity"]: level["expected"] / count for level in of_day(board, "raw")}
    received = {
        (row["commodity"], datetime.fromisoformat(row["at"])): row["received"]
        for row in board["hours"]
    }
    rates: dict[str, Sequence[float | None]] = {
        name: [100 * received.get((name, at), 0) / share for at in instants]
        for name, share in sorted(expected.items())
        if share
    }
    if not rates:
        return ""
    labels = [f"{at.astimezone(zone):%H}" for at in instants]
    return "<h3>By hour of the day</h3>" + lines(
        rates, labels, low=_floor(rates, 90), high=100, unit=" %"
    )


def _floor(rates: Mapping[str, Sequence[float | None]], most: float) -> float:
    """Return where a plot of rates begins, so that the lowest is seen."""
    known = (rate for values in rates.values() for rate in values if rate is not None)
    return math.floor(min([most, *known]))


def _collectors(board: Board, zone: ZoneInfo) -> str:
    rows = [
        {
            "collector": row["name"],
            "state": collector_state(row),
            "last batch": _time(row["batch_received_at"], zone),
            "holes": f"{row['holes_open']:,}",
            "batches lost": f"{row['batches_lost']:,}",
        }
        for row in board["collectors"]
    ]
    holes = {row["name"]: float(row["holes_open"]) for row in board["collectors"]}
    plot = bars(holes) if any(holes.values()) else ""
    return _section(
        "Gaps by collector",
        "Holes in the numbers of each collector's batches that touch the day.",
        plot + _table(rows, {"batches lost"}),
    )


def _exceptions(board: Board) -> str:
    rows = [
        {
            "rule": row["rule"],
            "service": row["commodity"],
            "waiting": f"{row['waiting']:,}",
            "< 1 day": f"{row['below_1_day']:,}",
            "1-3 days": f"{row['to_3_days']:,}",
            "3-7 days": f"{row['to_7_days']:,}",
            "older": f"{row['older']:,}",
            "oldest day": row["oldest_day"],
        }
        for row in board["exceptions"]
    ]
    waiting = {
        f"{row['rule']} {row['commodity']}": float(row["waiting"])
        for row in board["exceptions"][:10]
    }
    return _section(
        "Exceptions",
        "Channel-days that wait for a person; `mdms vee exception ls` names the meters.",
        bars(waiting) + _table(rows, {"waiting", "< 1 day", "oldest day"}),
    )


def _cycles(board: Board) -> str:
    rows = [
        {
            "cycle": str(row["cycle"]),
            "closes": row["window_end"],
            "state": row["state"],
            "frozen": f"{row['frozen']:,} of {row['services']:,}",
            "left out": f"{row['blocked']:,}",
            "held": f"{row['exceptions']:,}",
        }
        for row in board["cycles"]
    ]
    return _section(
        "Billing cycles",
        "Those that close within a week; `mdms billing blocking` says what is in their way.",
        _table(rows, {"left out", "held"}),
    )


def _silent(board: Board) -> str:
    rows = [
        {
            "service": row["commodity"],
            "meters": f"{row['meters']:,}",
            "silent": f"{row['silent']:,}",
        }
        for row in board["silent"]
    ]
    return _section("Silent meters", "Those that sent no register for a day.", _table(rows))


def _leaks(board: Board, zone: ZoneInfo) -> str:
    rows = [
        {
            "service": row["commodity"],
            "kind": row["kind"],
            "state": row["state"].lower().replace("_", " "),
            "severity": str(row["severity"]),
            "rate": f"{row['rate']:.1f} {row['unit']}/h",
            "lost": f"{row['lost']:,.0f} {row['unit']}",
            "since": _time(row["began_at"], zone),
        }
        for row in board["leaks"]
    ]
    return _section(
        "Leaks",
        "Open ones, the worst first; `mdms leak ls` names the meters.",
        _table(rows, {"kind", "severity", "lost"}),
    )


def _outages(board: Board, zone: ZoneInfo) -> str:
    rows = [
        {
            "what": row["name"] if row["device"] == "service" else f"{row['device']} {row['name']}",
            "from": _time(row["began_at"], zone),
            "until": _time(row["ended_at"], zone) if row["ended_at"] else "lasts",
            "customers": f"{row['customers']:,}",
        }
        for row in board["outages"]
    ]
    indices = "".join(
        f"<p>SAIDI {row['saidi_min']:.2f} min, SAIFI {row['saifi']:.4f}, MAIFI {row['maifi']:.4f}"
        f" of {row['customers']:,} customers.</p>"
        for row in board["reliability"]
    )
    return _section("Outages", "Those that touch the day.", _table(rows) + indices)


def _commands(board: Board) -> str:
    rows = [
        {
            "command": row["action"],
            "outcome": row["state"].lower().replace("_", " "),
            "commands": f"{row['commands']:,}",
            "slowest": "" if row["slowest_s"] is None else f"{row['slowest_s']:,.0f} s",
        }
        for row in board["commands"]
    ]
    refused = [
        {"refused by": row["code"], "clause": row["clause"], "commands": f"{row['commands']:,}"}
        for row in board["refusals"]
    ]
    return _section(
        "Commands",
        "Those asked for on the day; `mdms policy ls` explains each code.",
        _table(rows) + (_table(refused) if refused else ""),
    )


def _orders(board: Board, zone: ZoneInfo) -> str:
    rows = [
        {
            "order": row["reason"],
            "safety": "yes" if row["is_safety"] else "",
            "open": f"{row['orders']:,}",
            "oldest": _time(row["oldest"], zone),
        }
        for row in board["orders"]
    ]
    return _section(
        "Field orders", "Work for crews; `mdms command orders` names the meters.", _table(rows)
    )


def _section(title: str, about: str, inside: str) -> str:
    return f"<section><h2>{escape(title)}</h2><p>{_code(about)}</p>{inside}</section>"


def _code(text: str) -> str:
    """Return a text in which what stands between backticks is code."""
    parts = escape(text).split("`")
    return "".join(
        f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts)
    )


def _table(rows: Sequence[Mapping[str, str]], spare: Container[str] = ()) -> str:
    """Return rows as a table; a phone does without the spare columns."""
    if not rows:
        return _nothing("Nothing.")
    head = "".join(
        f"<th{_class('spare' if name in spare else '')}>{escape(name)}</th>" for name in rows[0]
    )
    body = "".join(f"<tr>{_cells(row, spare)}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody>'
        "</table></div>"
    )


def _cells(row: Mapping[str, str], spare: Container[str]) -> str:
    kinds = {
        name: " ".join(["number"] * value[:1].isdigit() + ["spare"] * (name in spare))
        for name, value in row.items()
    }
    return "".join(f"<td{_class(kinds[name])}>{escape(value)}</td>" for name, value in row.items())


def _class(names: str) -> str:
    return f' class="{names}"' if names else ""


def _nothing(text: str) -> str:
    return f'<p class="nothing">{escape(text)}</p>'


def _time(text: str | None, zone: ZoneInfo) -> str:
    if text is None:
        return "never"
    return f"{datetime.fromisoformat(text).astimezone(zone):%m-%d %H:%M}"
