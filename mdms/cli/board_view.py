"""
The board in a terminal: a day of the utility, and what waits, on one screen.

Two columns of tables where the window is wide; in a narrow one they stand below each other, those
first in which something is red. A table drops the columns it can spare, and no line is wrapped.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Final

from rich import box
from rich.cells import cell_len
from rich.console import Group, JustifyMethod, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from mdms.cli.board_figures import (
    GOAL_ESTIMATED,
    GOAL_RAW,
    GOAL_SETTLED,
    Board,
    Figure,
    age,
    collector_state,
    figures,
    moment,
    newest,
    of_day,
    percent,
)
from mdms.domain.collectors import Condition

_TWO_COLUMNS: Final = 112
_FIGURE_WIDTH: Final = 19
_GAP: Final = 2
_ROWS_MAX: Final = 7
"""Of a table; the rest is counted below it."""
_BARS: Final = " ▁▂▃▄▅▆▇█"
_BAD: Final = "bold red"

Cell = str | Text
Rows = Sequence[Mapping[str, Cell]]


def board_view(board: Board, width: int, *, note: str = "") -> RenderableType:
    """
    Return a board.

    Args:
        board: What `GET /v1/board` answers.
        width: Columns of the window.
        note: Below the title: why the board is older than it looks.
    """
    day = date.fromisoformat(board["day"])
    title = Text(f"{board['utility']}  {day:%A, %d %B %Y}", "bold")
    title.append(f"  as known at {moment(board, board['now']):%Y-%m-%d %H:%M}", "dim")
    title.truncate(width, overflow="ellipsis")
    wide = width >= _TWO_COLUMNS
    inner = (width - _GAP) // 2 if wide else width
    tables = [make(board, inner) for make in _TABLES]
    parts: list[RenderableType] = [title, _figures(figures(board), width)]
    if note:
        parts.insert(1, Text(note, _BAD, overflow="ellipsis", no_wrap=True))
    if not wide:
        return Group(*parts, *sorted(tables, key=lambda panel: panel.border_style != _BAD))
    columns = Table.grid(padding=(0, _GAP, 0, 0), pad_edge=False)
    half = -(-len(tables) // 2)
    columns.add_row(Group(*tables[:half]), Group(*tables[half:]))
    return Group(*parts, columns)


def _figures(figures: Sequence[Figure], width: int) -> Table:
    """Return figures side by side, each above its name, in as many lines as they need."""
    across = max(1, width // _FIGURE_WIDTH)
    grid = Table.grid(padding=(0, 1, 0, 0))
    for _ in range(across):
        grid.add_column(width=_FIGURE_WIDTH - 1, no_wrap=True, overflow="ellipsis")
    for first in range(0, len(figures), across):
        line = figures[first : first + across]
        grid.add_row(
            *(Text(each.value, _BAD if each.is_warning else "bold green") for each in line)
        )
        grid.add_row(*(Text(each.name, "dim") for each in line))
    return grid


def _read_rate(board: Board, width: int) -> Panel:
    settled = {level["commodity"]: level for level in newest(board, "settled")}
    rows: list[Mapping[str, Cell]] = []
    for level in of_day(board, "raw"):
        name = level["commodity"]
        after = settled.get(name, {})
        rows.append(
            {
                "service": name,
                "by radio": percent(level["uplink_ratio"]),
                "by 06:00": _below(level["received_ratio"], GOAL_RAW),
                "at 72 h": _below(after.get("received_ratio"), GOAL_SETTLED),
                "est.": percent(level["estimated_ratio"]),
                "est. 72 h": _above(after.get("estimated_ratio"), GOAL_ESTIMATED),
                "missing": f"{level['missing']:,}",
                "14 days": _days(board, name),
            }
        )
    spare = ("by radio", "est. 72 h", "missing")
    return _panel("Read rate", rows, width, spare=spare, empty="no day was measured yet")


def _days(board: Board, commodity: str) -> str:
    """Return the read rate of each day as a bar from 98 to 100 %."""
    ratios = [
        level["received_ratio"]
        for level in board["levels"]
        if level["mark"] == "raw" and level["commodity"] == commodity
    ]
    steps = [0 if ratio is None else 1 + 7 * (ratio - 0.98) / 0.02 for ratio in ratios]
    return "".join(_BARS[round(min(max(step, 0), 8))] for step in steps)


def _collectors(board: Board, width: int) -> Panel:
    troubled = sorted(
        board["collectors"],
        key=lambda row: (
            row["condition"] == Condition.ONLINE,
            -row["holes_open"],
            -row["batches_lost"],
        ),
    )
    rows = [
        {
            "collector": row["name"],
            "state": Text(said := collector_state(row), "green" if said == "online" else _BAD),
            "last batch": age(board, row["batch_received_at"]),
            "gaps": _count(row["holes_open"]),
            "lost": _count(row["batches_lost"]),
        }
        for row in troubled
    ]
    return _panel("Gaps by collector", rows, width, spare=("last batch", "lost"))


def _exceptions(board: Board, width: int) -> Panel:
    ages = ("below_1_day", "to_3_days", "to_7_days", "older")
    heads = ("< 1 d", "1-3 d", "3-7 d", "older")
    rows = [
        {
            "rule": row["rule"],
            "service": row["commodity"],
            **{
                head: _count(row[name]) if name == "older" else f"{row[name]:,}"
                for head, name in zip(heads, ages, strict=True)
            },
        }
        for row in board["exceptions"]
    ]
    return _panel("Exceptions by age", rows, width)


def _cycles(board: Board, width: int) -> Panel:
    rows = [
        {
            "cycle": f"{row['cycle']}",
            "closes": row["window_end"],
            "state": Text(row["state"], _BAD if row["state"] == "due" else ""),
            "frozen": f"{row['frozen']:,} of {row['services']:,}",
            "left out": _count(row["blocked"]),
            "held": _count(row["exceptions"]),
        }
        for row in board["cycles"]
    ]
    empty = "none within a week"
    return _panel("Cycles closing", rows, width, spare=("held", "left out"), empty=empty)


def _silent(board: Board, width: int) -> Panel:
    open_leaks = {row["commodity"]: row for row in board["leaks_open"]}
    rows = []
    for row in board["silent"]:
        leaks = open_leaks.get(row["commodity"], {"open": 0, "new": 0})
        rows.append(
            {
                "service": row["commodity"],
                "meters": f"{row['meters']:,}",
                "silent for a day": _count(row["silent"]),
                "leaks": f"{leaks['open']:,}",
                "new": _count(leaks["new"]),
            }
        )
    return _panel("Silent meters, leaks", rows, width)


def _outages(board: Board, width: int) -> Panel:
    rows = [
        {
            "what": row["name"] if row["device"] == "service" else f"{row['device']} {row['name']}",
            "since": f"{moment(board, row['began_at']):%m-%d %H:%M}",
            "until": (
                f"{moment(board, row['ended_at']):%m-%d %H:%M}"
                if row["ended_at"]
                else Text("lasts", _BAD)
            ),
            "customers": f"{row['customers']:,}",
        }
        for row in board["outages"]
    ]
    return _panel("Outages", rows, width)


def _commands(board: Board, width: int) -> Panel:
    rows: list[Mapping[str, Cell]] = [
        {
            "command": row["action"],
            "outcome": Text("unknown, this week", _BAD),
            "commands": f"{row['commands']:,}",
            "slowest": age(board, row["oldest"]),
        }
        for row in board["unknown"]
    ]
    rows += [
        {
            "command": row["action"],
            "outcome": row["state"].lower().replace("_", " "),
            "commands": f"{row['commands']:,}",
            "slowest": "" if row["slowest_s"] is None else f"{row['slowest_s']:,.0f} s",
        }
        for row in board["commands"]
        if row["state"] != "UNKNOWN"
    ]
    return _panel("Commands", rows, width, spare=("slowest",))


def _backlog(board: Board, width: int) -> Panel:
    (backlog,) = board["backlog"]
    orders = sum(row["orders"] for row in board["orders"])
    rows: list[Mapping[str, Cell]] = [
        {"what": "newest batch", "how much": f"{age(board, backlog['newest_batch_at'])} ago"},
        {"what": "batches asked for", "how much": _count(backlog["batches_missing"])},
        {"what": "dead letters since that day", "how much": f"{backlog['dead_letters']:,}"},
        {"what": "field orders open", "how much": f"{orders:,}"},
    ]
    return _panel("Backlog", rows, width)


_TABLES: Final[tuple[Callable[[Board, int], Panel], ...]] = (
    _read_rate,
    _exceptions,
    _cycles,
    _silent,
    _collectors,
    _outages,
    _commands,
    _backlog,
)


def _panel(
    title: str, rows: Rows, width: int, *, spare: Iterable[str] = (), empty: str = "none"
) -> Panel:
    """Return rows in a frame of a width, without the spare columns for which there is no room."""
    room = width - 4
    body: RenderableType = Text(empty, "dim")
    if rows:
        names = list(rows[0])
        for name in spare:
            if _taken(rows, names) > room:
                names.remove(name)
        table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="dim")
        for name in names:
            is_number = all(str(row[name])[:1].isdigit() for row in rows)
            justify: JustifyMethod = "right" if is_number and name != names[0] else "left"
            table.add_column(name, no_wrap=True, overflow="ellipsis", justify=justify)
        for row in rows[:_ROWS_MAX]:
            table.add_row(*(_text(row[name]) for name in names))
        body = table
        if len(rows) > _ROWS_MAX:
            body = Group(table, Text(f"and {len(rows) - _ROWS_MAX} more", "dim"))
    is_bad = any(
        isinstance(cell, Text) and cell.style == _BAD for row in rows for cell in row.values()
    )
    return Panel(
        body,
        title=Text(title, "bold"),
        title_align="left",
        box=box.ROUNDED,
        width=width,
        border_style=_BAD if is_bad else "dim",
    )


def _taken(rows: Rows, names: Sequence[str]) -> int:
    return (
        sum(
            max(cell_len(name), *(cell_len(str(row[name])) for row in rows)) + _GAP
            for name in names
        )
        - _GAP
    )


def _text(cell: Cell) -> Text:
    """Return a cell as text: square brackets are no mark-up here."""
    return cell if isinstance(cell, Text) else Text(cell)


def _count(count: int) -> Text:
    return Text(f"{count:,}", _BAD if count else "")


def _below(ratio: float | None, goal: float) -> Text:
    return Text(percent(ratio), _BAD if ratio is None or ratio < goal else "green")


def _above(ratio: float | None, goal: float) -> Text:
    return Text(percent(ratio), _BAD if ratio is not None and ratio > goal else "")
