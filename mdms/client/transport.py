"""Requests to the daemon, and its refusals as errors."""

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Self
from uuid import UUID

import httpx

from mdms.client.params import given
from mdms.domain.controls import Refusal
from mdms.domain.errors import (
    ForbiddenError,
    NotFoundError,
    OperatorError,
    UnavailableError,
    UsageError,
)
from mdms.domain.plain import plain
from mdms.policy.refusals import PolicyRefusedError
from mdms.storage.files import DirectorySink

_PAGE_ROWS: Final = 1_000

_ERROR_OF = {
    HTTPStatus.FORBIDDEN: ForbiddenError,
    HTTPStatus.NOT_FOUND: NotFoundError,
    HTTPStatus.UNPROCESSABLE_ENTITY: UsageError,
    HTTPStatus.SERVICE_UNAVAILABLE: UnavailableError,
}


class Transport:
    """
    Calls the daemon; every refusal becomes an error of `mdms.domain.errors`.

    Args:
        url: Where the daemon answers.
        token: Bearer token; its roles decide what may be called.
        purpose: Case or order, where a single customer's data is looked at.

    Raises:
        UsageError: Token or purpose cannot be sent.
    """

    def __init__(self, url: str, token: str = "", purpose: str = "") -> None:
        for name, text in (("token", token), ("purpose", purpose)):
            if not (text.isascii() and text.isprintable()):
                raise UsageError(f"[client] {name} has a letter beyond ASCII: no header carries it")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if purpose:
            headers["Purpose"] = purpose
        timeout = httpx.Timeout(10.0, read=None)  # a freeze of a city takes its time
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def _json(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | bool] | None = None,
        json: Mapping[str, object] | None = None,
        content: Iterable[bytes] | None = None,
    ) -> dict[str, Any]:
        with self._answer(method, path, params=params, json=json, content=content) as answer:
            answer.read()
            body = _plain(answer.json())
        assert isinstance(body, dict), "every JSON answer of the daemon is an object"
        return body

    def _pages(
        self,
        path: str,
        params: Mapping[str, str | bool] | None = None,
        *,
        limit: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield a list's answers, page after page, to its end or until they have `limit` rows."""
        left, after = limit, None
        while left is None or left > 0:
            rows = _PAGE_ROWS if left is None else min(left, _PAGE_ROWS)
            asked = {**(params or {}), **given(limit=rows, after=after)}
            page = self._json("GET", path, params=asked)
            yield page
            after = page["next"]
            if after is None:
                return
            left = None if left is None else left - rows

    def _rows(
        self,
        path: str,
        noun: str,
        params: Mapping[str, str | bool] | None = None,
        *,
        limit: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield the rows of a list, loading a page when it is needed; at most `limit` of them."""
        for page in self._pages(path, params, limit=limit):
            yield from page[noun]

    def _download(
        self, path: str, target: Path, params: Mapping[str, str | bool] | None = None
    ) -> Path:
        with self._answer("GET", path, params=params) as answer:
            return DirectorySink(target.parent).write_parts(target.name, _whole(answer))

    @contextmanager
    def _answer(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | bool] | None = None,
        json: Mapping[str, object] | None = None,
        content: Iterable[bytes] | None = None,
    ) -> Iterator[httpx.Response]:
        try:
            with self._http.stream(
                method, path, params=params, json=json, content=content
            ) as answer:
                if answer.is_error:
                    answer.read()
                    raise _refusal(answer)
                yield answer
        except httpx.InvalidURL as error:
            raise UsageError(f"nothing is called so: {error}") from error
        except httpx.TransportError as error:
            raise UnavailableError(
                f"the daemon does not answer at {self._http.base_url}: {error}; "
                "is `mdms serve` running, and does [client] url name it?"
            ) from error


def _whole(answer: httpx.Response) -> Iterator[bytes]:
    """Yield an answer's content; raise at its end where it is not what its digest names."""
    digest = hashlib.sha256()
    for chunk in answer.iter_bytes():
        digest.update(chunk)
        yield chunk
    named = answer.headers.get("Unencoded-Digest") or answer.headers.get("Repr-Digest")
    if named is not None and named != f"sha-256=:{b64encode(digest.digest()).decode()}:":
        raise UnavailableError("what arrived is not what the daemon sent; try again")


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return JSON whose texts do nothing to a terminal, whoever wrote them."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {_plain(name): _plain(each) for name, each in value.items()}
    return value


def _refusal(answer: httpx.Response) -> Exception:
    try:
        problem = _plain(answer.json())
        detail = str(problem["detail"])
    except (ValueError, KeyError, TypeError):
        problem, detail = {}, f"the daemon answered {answer.status_code} without a reason"
    if codes := problem.get("codes"):
        control_id = problem.get("control_id")
        return PolicyRefusedError(
            [_refusal_of(code) for code in codes], UUID(control_id) if control_id else None
        )
    return _ERROR_OF.get(HTTPStatus(answer.status_code), OperatorError)(detail)


def _refusal_of(code: Mapping[str, str | None]) -> Refusal:
    at = code["next_possible_at"]
    return Refusal(
        code=str(code["code"]),
        clause=str(code["clause"]),
        cure=str(code["cure"]),
        next_possible_at=None if at is None else datetime.fromisoformat(at),
    )
