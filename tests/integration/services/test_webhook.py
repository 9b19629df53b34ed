"""The outbox to a portal's own server: tried again until taken, and checked as the page says."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from mdms.app.alerts import HttpWebhook, deliver_alerts_forever
from mdms.domain.alerts import CustomerAlert
from mdms.domain.controls import new_id
from mdms.services.alert_delivery import AlertDelivery
from tests.fakes import FakeClock
from tests.integration.mdms.api.test_own_data import TOWN

pytestmark = pytest.mark.db

NOW = datetime(2026, 12, 1, 18, tzinfo=UTC)
SECRET = b"a key of the portal's"
PAGE = Path(__file__).parents[3] / "docs" / "customers.md"


class Portal(ThreadingHTTPServer):
    """Answers 503 so many times, then takes everything."""

    def __init__(self, refusals: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.refusals = refusals
        self.posts: list[tuple[dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/alerts"


class _Handler(BaseHTTPRequestHandler):
    server: Portal

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.posts.append(({k.lower(): v for k, v in self.headers.items()}, body))
        self.send_response(503 if len(self.server.posts) <= self.server.refusals else 204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def answering(refusals: int) -> Iterator[Portal]:
    with Portal(refusals) as portal:
        thread = Thread(target=portal.serve_forever)
        thread.start()
        try:
            yield portal
        finally:
            portal.shutdown()
            thread.join()


def recipe() -> Any:
    """Return what the page lets a portal check with."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    found: dict[str, Any] = {}
    exec(code, found)
    return found["is_ours"]


async def test_an_alert_reaches_a_portal_that_was_away_and_is_known_to_be_ours(store):
    alert = CustomerAlert(
        alert_id=new_id(NOW), account_id="A1", usage_point_id="U1", kind="leak", subject="W1-1",
        figures={"lost_gal": "310"}, made_at=NOW, due_at=NOW,
    )  # fmt: skip
    async with store() as work:
        await work.registry.merge(TOWN)
        await work.alerts.put([alert])
    clock = FakeClock(NOW)

    with answering(refusals=2) as portal:
        delivery = AlertDelivery(store, clock, HttpWebhook(portal.url), SECRET, attempts_max=9)
        running = asyncio.create_task(deliver_alerts_forever(delivery, clock))
        async with asyncio.timeout(60):
            while await waiting(store):
                await asyncio.wait([running], timeout=0.02)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    is_ours = recipe()
    (first, body), *others = portal.posts
    sent_s = int(first["webhook-timestamp"])
    assert len(portal.posts) == 3
    assert {each["webhook-id"] for each, _ in portal.posts} == {str(alert.alert_id)}
    assert [int(each["webhook-timestamp"]) - sent_s for each, _ in others] == [30, 90]
    assert all(
        is_ours(each, content, SECRET, int(each["webhook-timestamp"]) + 9)
        for each, content in portal.posts
    )
    assert not is_ours(first, body.replace(b"310", b"999"), SECRET, sent_s)
    assert not is_ours(first, body, b"another key", sent_s)
    assert not is_ours(first, body, SECRET, sent_s + 301)


async def waiting(store: Any) -> bool:
    async with store() as work:
        return bool(await work.alerts.due(datetime(2030, 1, 1, tzinfo=UTC), 9))
