"""The board in a terminal: what it shows, and that it keeps to its width."""

import io
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from mdms.cli.board_figures import age, is_late
from mdms.cli.board_view import board_view
from tests.boards import BOARD, NOTHING


def shown(board: dict[str, Any], width: int, note: str = "") -> list[str]:
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(board_view(board, width, note=note))
    return console.export_text().splitlines()


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 160])
@pytest.mark.parametrize("board", [BOARD, NOTHING], ids=["a day", "an empty day"])
def test_no_line_is_wider_than_the_window_and_every_frame_is_whole(board, width):
    lines = shown(board, width)

    assert max(map(cell_len, lines)) <= width
    assert sum(line.count("╭") for line in lines) == sum(line.count("╰") for line in lines) == 8
    for line in lines:
        assert line.count("│") % 2 == 0


@pytest.mark.parametrize("width", [80, 120])
def test_it_shows_every_figure_that_the_day_has(width):
    text = "\n".join(shown(BOARD, width))

    for part in (
        "Sunday, 01 November 2026", "96.00 %", "100.00 %", "Mast <1>", "never said", "V08",
        "2026-11-02", "due", "0 of 40", "feeder East", "lasts", "1,200", "unknown, this week",
        "05:25", "batches asked for", "field orders open",
    ):  # fmt: skip
        assert part in text, part


def test_a_wide_window_has_two_columns_and_a_narrow_one_begins_with_trouble():
    wide, narrow = shown(BOARD, 120), shown(NOTHING | {"outages": BOARD["outages"]}, 80)

    assert any("Read rate" in line and "Gaps by collector" in line for line in wide)
    titles = [line for line in narrow if "╭─" in line]
    assert "Outages" in titles[0]


def test_a_narrow_table_spares_columns_and_keeps_what_counts():
    narrow = "\n".join(shown(BOARD, 46))

    assert "by 06:00" in narrow
    assert "by radio" not in narrow
    assert "by radio" in "\n".join(shown(BOARD, 160))


def test_a_long_list_is_counted_where_it_is_cut():
    many = [BOARD["collectors"][1] | {"name": f"Roof {number}"} for number in range(9)]

    assert any("and 2 more" in line for line in shown(BOARD | {"collectors": many}, 80))


def test_what_is_old_says_why():
    assert any("does not answer" in line for line in shown(BOARD, 80, "the daemon does not answer"))


@pytest.mark.parametrize(
    ("finished_at", "now", "late"),
    [
        ("2026-11-02T13:59:00Z", "2026-11-02T17:00:00Z", False),
        ("2026-11-02T14:01:00Z", "2026-11-02T17:00:00Z", True),
        (None, "2026-11-02T13:59:00Z", False),
        (None, "2026-11-02T14:01:00Z", True),
    ],
)
def test_a_night_is_late_after_six_of_the_next_morning(finished_at, now, late):
    nights = [{"finished_at": finished_at}] if finished_at else []

    assert is_late(BOARD | {"nights": nights, "now": now}) is late


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("2026-11-02T16:59:30Z", "30 s"), ("2026-11-02T16:50:00Z", "10 min"),
        ("2026-11-02T12:00:00Z", "5 h"), ("2026-10-30T17:00:00Z", "3 d"),
        ("2026-11-02T18:00:00Z", "0 s"), (None, "never"),
    ],
)  # fmt: skip
def test_an_age_is_said_in_one_unit(at, said):
    assert age(BOARD, at) == said
