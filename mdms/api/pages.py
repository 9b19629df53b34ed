"""
Lists a page at a time: `limit` rows, those after the `next` of the page before.

A page goes on after the last row that the one before had, not after so many rows: what is added or
goes meanwhile neither repeats a row nor skips one. Link (RFC 8288) names the next page as well.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Query, Request, Response
from pydantic import TypeAdapter, ValidationError

from mdms.domain.errors import UsageError

ROWS_MAX: Final = 10_000
_BETWEEN: Final = "~"

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """
    What a caller asked for of a list.

    Attributes:
        limit: Rows.
        last: Key of the row that the page before ended with, a tuple where the key has several
            members; None: this is the first page.
    """

    limit: int
    last: Any
    _pages: "Pages"
    _next: Callable[[str], None]

    @property
    def rows_max(self) -> int:
        """How many rows to look for: one more than are shown tells that there are more."""
        return self.limit + 1

    def answer(self, rows: Sequence[Row]) -> dict[str, Any]:
        """Return the answer from at most `rows_max` rows after `last`, and name the next page."""
        after = None
        if len(rows) > self.limit:
            after = self._pages.name(rows[self.limit - 1])
            self._next(after)
        return {self._pages.noun: list(rows[: self.limit]), "next": after}

    def cut(self, rows: Sequence[Row]) -> dict[str, Any]:
        """Return the answer from all rows of the list, which are put in the order of their key."""
        key, newest_first = self._pages.key, self._pages.newest_first
        ordered = sorted(rows, key=key, reverse=newest_first)
        if self.last is not None:
            at = self.last if isinstance(self.last, tuple) else (self.last,)
            ordered = [row for row in ordered if (key(row) < at if newest_first else key(row) > at)]
        return self.answer(ordered[: self.rows_max])


class Pages:
    """
    The pages of one list, for `Depends`.

    Args:
        noun: What the list is called in the answer.
        key: What its rows are ordered by, member by member; no two rows share all of it. A member
            that a row has nothing for counts as 0 or "".
        newest_first: From the last key to the first.
    """

    def __init__(self, noun: str, key: Mapping[str, Any], *, newest_first: bool = False) -> None:
        self.noun = noun
        self.newest_first = newest_first
        self._key = {name: TypeAdapter[Any](kind) for name, kind in key.items()}
        self._empty = {name: kind() for name, kind in key.items() if kind in {int, str}}

    def __call__(
        self,
        request: Request,
        response: Response,
        limit: Annotated[int, Query(ge=1, le=ROWS_MAX, description="Rows of a page.")] = 1000,
        after: Annotated[
            str | None, Query(max_length=1000, description="`next` of the page before.")
        ] = None,
    ) -> Page:
        """Return the page that a request asks for."""

        def name_next(text: str) -> None:
            url = request.url.include_query_params(after=text)
            response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'

        return Page(limit, None if after is None else self._last(after), self, name_next)

    def key(self, row: Row) -> tuple[Any, ...]:
        """Return what a row is ordered by."""
        return tuple(
            self._empty[name] if row[name] is None else kind.validate_python(row[name])
            for name, kind in self._key.items()
        )

    def name(self, row: Row) -> str:
        """Return the name of the page after a row."""
        return _BETWEEN.join("" if row[name] is None else str(row[name]) for name in self._key)

    def _last(self, after: str) -> Any:  # noqa: ANN401 - of the key's types
        parts = after.split(_BETWEEN, len(self._key) - 1)
        try:
            found = tuple(
                self._empty[name]
                if part == "" and name in self._empty
                else kind.validate_strings(part)
                for (name, kind), part in zip(self._key.items(), parts, strict=True)
            )
        except (ValidationError, ValueError) as error:
            raise UsageError("after is no `next` of a page of this list") from error
        return found[0] if len(found) == 1 else found
