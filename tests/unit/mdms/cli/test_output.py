"""Tables fit their terminal and never break what one copies from them."""

import csv
import io
import json
from collections.abc import Sequence

from rich.console import Console

from mdms.cli.output import Output, Rows, fitting, instant, show

BADGE = "E1000123456"
KIND = "0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.0.72.0"
ROW = {
    "meter": BADGE,
    "reading_type": KIND,
    "usage_point": "UP000042",
    "reason": "asked for at the counter, by letter and by telephone",
    "interval_s": 900,
    "installed_at": "2026-11-03T07:55:00+00:00",
    "removed_at": None,
}


def lines(rows: Rows, width: int, spare: Sequence[str] = ()) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(fitting(rows, console, title="Meters", spare=spare))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_a_wide_terminal_shows_every_column_on_one_line():
    shown = lines([ROW], 240)

    (row,) = [line for line in shown if BADGE in line]
    assert all(str(value) in row for value in (KIND, ROW["reason"], 900))
    assert "2026-11-03 07:55:00Z" in row
    assert "in a wider window" not in "".join(shown)


def test_a_column_that_a_table_does_not_have_is_no_trouble_to_spare():
    assert lines([ROW], 80, spare=("due_at", "reading_type"))


def test_a_narrow_one_leaves_out_what_can_be_spared_and_says_so():
    shown = lines([ROW], 80, spare=("reading_type", "removed_at"))
    text = "\n".join(shown)

    assert max(map(len, shown)) <= 80
    assert KIND not in text
    assert "in a wider window, or with -o csv: reading type" in text
    for part in (BADGE, "UP000042", "telephone", "2026-11-03 07:55:00Z"):
        assert part in text


def test_without_a_word_of_what_can_be_spared_the_last_columns_go():
    text = "\n".join(lines([ROW], 60))

    assert BADGE in text
    assert KIND in text
    assert "removed at" in text.split("csv:")[1]


def test_the_first_column_stays_whole_on_any_terminal():
    assert any(BADGE in line for line in lines([ROW], 20))


def test_a_heading_of_two_words_is_folded_not_cut():
    shown = lines([{"usage_point": "UP000042", "reason": "word " * 40}], 30)

    assert any("usage" in line and "point" not in line for line in shown)
    assert any("point" in line for line in shown)


def test_square_brackets_are_text():
    assert any(
        "[commands] remote_open" in line
        for line in lines([{"clause": "[commands] remote_open"}], 80)
    )


def test_an_instant_is_shown_to_the_second_and_other_text_as_it_is():
    assert instant("2026-11-05T18:00:11.250000+00:00") == "2026-11-05 18:00:11Z"
    assert instant("2026-11-05 18:00:11+00:00") == "2026-11-05 18:00:11Z"
    assert instant("UP000042") == "UP000042"


def test_a_pipe_is_never_too_narrow_unless_it_says_so(capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    show([ROW], Output.TABLE)
    piped = capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", "80")
    show([ROW], Output.TABLE)
    narrow = capsys.readouterr().out

    assert KIND in piped
    assert any(BADGE in line and "telephone" in line for line in piped.splitlines())
    assert max(map(len, narrow.splitlines())) <= 80


def test_nothing_is_said_in_a_word(capsys):
    show([], Output.TABLE, title="Opt-outs")
    show([], Output.CSV)
    show([], Output.JSON)

    assert capsys.readouterr().out == "Opt-outs: none\n[]\n"


def test_a_spreadsheet_finds_no_formula_and_numbers_stay_numbers(capsys):
    formulas = ["=1+1", "+cmd", "-2+3", "@sum", "\t=1"]
    numbers = ["-0.210", "-17", "+4", "1e-5", -3]
    rows = [
        {"text": text, "number": number} for text, number in zip(formulas, numbers, strict=True)
    ]
    show(rows, Output.CSV)

    written = list(csv.DictReader(io.StringIO(capsys.readouterr().out, newline="")))
    assert [row["text"] for row in written] == [f"'{text}" for text in formulas]
    assert [row["number"] for row in written] == [str(number) for number in numbers]


def test_what_a_terminal_would_obey_is_shown_as_a_mark(capsys):
    show([{"reason": "\x1b[2J\x9b31mpaid\x07"}], Output.TABLE)

    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}31mpaid" in printed


def test_lists_and_tables_in_a_cell_are_words_to_people_and_json_to_programs(capsys):
    row = {"radios": {"E1": {"state": "ready"}}, "nouns": ["controls", "facts"]}
    show([row], Output.TABLE)
    table = capsys.readouterr().out
    show([row], Output.CSV)
    (written,) = csv.DictReader(io.StringIO(capsys.readouterr().out, newline=""))

    assert "E1: state: ready" in table
    assert "controls, facts" in table
    assert {name: json.loads(cell) for name, cell in written.items()} == row
