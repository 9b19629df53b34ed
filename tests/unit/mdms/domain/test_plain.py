"""Text that does nothing to a terminal."""

import pytest

from mdms.domain.plain import control_in, plain


@pytest.mark.parametrize("text", ["\x00", "\x1b[2J", "a\rb", "\x7f", "\x9b31m", "\x0c"])
def test_what_a_terminal_obeys_is_found_and_marked(text):
    found = control_in(text)

    assert found is not None
    assert plain(text) == text.replace(found, "\N{REPLACEMENT CHARACTER}")


@pytest.mark.parametrize("text", ["", "a\tb\nc\r\nd", "Straße, 北京", "\xa0"])
def test_ends_of_lines_and_letters_are_plain(text):
    assert control_in(text) is None
    assert plain(text) == text
