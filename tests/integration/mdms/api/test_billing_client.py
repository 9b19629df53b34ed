"""The page on the client is run from top to bottom, against the routes themselves."""

import asyncio
import functools
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from mdms.domain.people import Role
from tests.integration.mdms.api.test_billing_routes import http

__all__ = ["http"]

pytestmark = pytest.mark.db

PAGE = Path(__file__).parents[4] / "docs" / "billing-client.md"


class Bridge(httpx.BaseTransport):
    """Takes requests of a thread to an application on the event loop."""

    def __init__(self, client: httpx.AsyncClient, loop: asyncio.AbstractEventLoop) -> None:
        self._client = client
        self._loop = loop

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answering = self._client.request(
            request.method,
            request.url.raw_path.decode(),
            content=request.read(),
            headers={**request.headers, "accept-encoding": "identity"},
        )
        answer = asyncio.run_coroutine_threadsafe(answering, self._loop).result(30)
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


async def test_the_page_on_the_client_does_what_it_says(http, monkeypatch):
    bridge = Bridge(http, asyncio.get_running_loop())
    client = functools.partial(httpx.Client, transport=bridge)
    monkeypatch.setattr("mdms.client.transport.httpx.Client", client)
    monkeypatch.setenv("MDMS_CLIENT__TOKEN", Role.BILLING.value)
    page = "\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL))
    names: dict[str, Any] = {}

    await asyncio.to_thread(exec, compile(page, PAGE.name, "exec"), names)

    assert len(names["bills"]) == 4
    assert set(names["bills"]["commodity"]) >= {"electric"}
    assert names["receipt"]["new"] is True
    assert set(names["reads"]["meter"]) <= {"E1"}
    assert [bill["revision"] for bill in names["revisions"]] == [1]
    assert "27" in names["refused"]
