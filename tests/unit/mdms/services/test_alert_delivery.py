"""The outbox: signed, at least once, with growing pauses, given up in the end."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast
from uuid import UUID

from mdms.domain.alerts import CustomerAlert
from mdms.domain.errors import UnavailableError
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.alert_delivery import AlertDelivery
from tests.fakes import FakeClock

NOW = datetime(2026, 12, 1, 18, tzinfo=UTC)
SECRET = b"a key of the portal's"
ALERT = CustomerAlert(
    alert_id=UUID(int=7),
    account_id="A1",
    usage_point_id="U1",
    kind="leak",
    subject="W1-1 confirmed",
    figures={"rate_gal_h": "3.5"},
    made_at=NOW,
    due_at=NOW,
)


class Outbox:
    """One alert."""

    def __init__(self) -> None:
        self.alert = ALERT

    async def due(self, at: datetime, limit: int) -> list[CustomerAlert]:
        over = self.alert.delivered_at or self.alert.dead_at
        return [self.alert] if not over and self.alert.due_at <= at else []

    async def attempted(self, alert: CustomerAlert) -> None:
        self.alert = alert


class Portal:
    """Takes nothing so many times, then everything."""

    def __init__(self, refusals: int = 0) -> None:
        self.refusals = refusals
        self.posts: list[tuple[bytes, Mapping[str, str]]] = []

    async def post(self, body: bytes, headers: Mapping[str, str]) -> None:
        self.posts.append((body, headers))
        if len(self.posts) <= self.refusals:
            raise UnavailableError("the webhook answered 500")


def factory(outbox: Outbox) -> UnitOfWorkFactory:
    @asynccontextmanager
    async def unit_of_work():
        yield SimpleNamespace(alerts=outbox)

    return cast("UnitOfWorkFactory", unit_of_work)


def delivery(outbox: Outbox, portal: Portal, clock: FakeClock) -> AlertDelivery:
    return AlertDelivery(factory(outbox), clock, portal, SECRET, attempts_max=3)


async def test_what_is_sent_is_signed_and_names_nobody():
    outbox, portal = Outbox(), Portal()

    await delivery(outbox, portal, FakeClock(NOW)).run_due()

    ((body, headers),) = portal.posts
    signed = f"{ALERT.alert_id}.{headers['webhook-timestamp']}.".encode() + body
    mac = base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{mac}"
    assert json.loads(body).keys() == {
        "type", "alert_id", "account_id", "usage_point_id", "made_at", "figures",
    }  # fmt: skip
    assert outbox.alert.delivered_at == NOW


async def test_what_was_not_taken_is_sent_again_by_the_same_id_after_a_growing_pause():
    outbox, portal, clock = Outbox(), Portal(refusals=2), FakeClock(NOW)
    sender = delivery(outbox, portal, clock)
    pauses = []

    for _ in range(3):
        await sender.run_due()
        await sender.run_due()  # not due yet
        pauses.append(outbox.alert.due_at - clock.now())
        clock.advance(max(pauses[-1], timedelta(0)))

    assert len(portal.posts) == 3
    assert {headers["webhook-id"] for _, headers in portal.posts} == {str(ALERT.alert_id)}
    assert pauses[:2] == [timedelta(seconds=30), timedelta(seconds=60)]
    assert outbox.alert.delivered_at is not None


async def test_what_is_never_taken_is_given_up():
    outbox, portal, clock = Outbox(), Portal(refusals=99), FakeClock(NOW)
    sender = delivery(outbox, portal, clock)

    for _ in range(5):
        await sender.run_due()
        clock.advance(timedelta(hours=1))

    assert len(portal.posts) == 3
    assert outbox.alert.dead_at is not None
    assert outbox.alert.delivered_at is None
