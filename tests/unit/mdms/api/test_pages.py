"""Pages go on after the row that the one before ended with, whatever comes and goes meanwhile."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import Request, Response
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AwareDatetime

from mdms.api.pages import Page, Pages
from mdms.domain.errors import UsageError

PAGES = Pages("events", {"at": AwareDatetime, "meter": str, "number": int}, newest_first=True)
NOON = datetime(2026, 11, 3, 20, tzinfo=UTC)


def row(hours: int, meter: str | None, number: int | None) -> dict[str, Any]:
    at = (NOON + timedelta(hours=hours)).isoformat()
    return {"at": at, "meter": meter, "number": number, "more": "anything"}


def asked(limit: int, after: str | None = None) -> tuple[Page, Response]:
    scope = {
        "type": "http", "method": "GET", "path": "/v1/events", "query_string": b"meter=E1",
        "headers": [(b"host", b"mdms")], "scheme": "http", "server": ("mdms", 80),
    }  # fmt: skip
    response = Response()
    return PAGES(Request(scope), response, limit, after), response


rows = st.lists(
    st.builds(
        row, st.integers(-3, 3), st.none() | st.sampled_from(["E1", "E2", "E 3/ü"]),
        st.none() | st.integers(1, 9),
    ),
    unique_by=PAGES.key,
)  # fmt: skip


@given(rows, st.integers(1, 4))
def test_pages_together_are_the_list_in_its_order(listed, limit):
    found, after, more = [], None, True
    while more:
        answer = asked(limit, after)[0].cut(listed)
        found += answer["events"]
        after = answer["next"]
        more = after is not None

    assert found == sorted(listed, key=PAGES.key, reverse=True)


def test_a_row_that_has_gone_and_one_that_came_change_no_other():
    first, second, third = row(3, "E1", 1), row(2, "E1", 1), row(1, "E1", 1)
    after = asked(1)[0].cut([first, second, third])["next"]

    answer = asked(1, after)[0].cut([row(4, "E1", 1), second, third])

    assert answer["events"] == [second]


def test_the_next_page_is_linked_with_what_else_was_asked_for():
    page, response = asked(1)
    answer = page.cut([row(1, "E1", 1), row(0, "E1", 1)])

    link = response.headers["link"]
    assert link.startswith("</v1/events?meter=E1&after=2026-11-03")
    assert link.endswith('>; rel="next"')
    assert answer["next"] == "2026-11-03T21:00:00+00:00~E1~1"


@pytest.mark.parametrize("after", ["", "~E1~1", "soon~E1~1", "2026-11-03T20:00:00+00:00~E1", "1"])
def test_what_is_no_name_of_a_page_is_refused(after):
    with pytest.raises(UsageError, match="no `next`"):
        asked(1, after)
