"""CSV that every reader reads back and no spreadsheet runs."""

import csv
from io import StringIO

from hypothesis import given
from hypothesis import strategies as st

from mdms.billing.formats.rfc4180 import csv_text, guarded, unguarded

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(st.text("=+-@'\t\rab") | ANY_TEXT)
def test_a_guarded_text_is_no_formula_and_comes_back(text):
    assert not guarded(text).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert unguarded(guarded(text)) == text


def test_an_ordinary_text_is_left_alone():
    assert guarded("E1000001") == unguarded("E1000001") == "E1000001"


@given(st.lists(st.tuples(ANY_TEXT, ANY_TEXT)))
def test_rows_are_read_back_as_they_were(rows):
    text = csv_text(("a", "b"), rows)

    assert [tuple(row) for row in csv.reader(StringIO(text, newline=""))] == [("a", "b"), *rows]


def test_lines_end_in_crlf_and_quotes_appear_only_where_they_must():
    assert csv_text(("a", "b"), [("x,y", 1)]) == 'a,b\r\n"x,y",1\r\n'
