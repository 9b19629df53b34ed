"""The outbox on its way out: signed, sent until it is taken, given up after so many attempts."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final, Protocol

import structlog

from mdms.domain.alerts import CustomerAlert
from mdms.domain.errors import UnavailableError
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.telemetry import metrics

log = structlog.get_logger()

_AT_A_TIME: Final = 50
_FIRST_WAIT: Final = timedelta(seconds=30)
_LONGEST_WAIT: Final = timedelta(hours=6)


class Webhook(Protocol):
    """Where alerts go."""

    async def post(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Hand over an alert (UnavailableError if it was not taken)."""
        ...


class AlertDelivery:
    """
    Empties the outbox, at least once each: an alert whose answer was lost is sent again.

    Args:
        unit_of_work: Opens a transaction.
        clock: Says what is due.
        webhook: Where alerts go.
        secret: Key of the signatures.
        attempts_max: After so many an alert is given up.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        clock: Clock,
        webhook: Webhook,
        secret: bytes,
        *,
        attempts_max: int,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._webhook = webhook
        self._secret = secret
        self._attempts_max = attempts_max

    async def run_due(self) -> None:
        """Send what is due by now, each once."""
        async with self._unit_of_work() as work:
            due = await work.alerts.due(self._clock.now(), _AT_A_TIME)
        for alert in due:
            outcome = await self._send(alert)
            async with self._unit_of_work() as work:
                await work.alerts.attempted(outcome)

    async def _send(self, alert: CustomerAlert) -> CustomerAlert:
        """Return the alert as it stands after an attempt."""
        now, attempts = self._clock.now(), alert.attempts + 1
        body = content(alert)
        headers = signed(str(alert.alert_id), int(now.timestamp()), body, self._secret)
        try:
            await self._webhook.post(body, headers)
        except UnavailableError as error:
            if attempts >= self._attempts_max:
                metrics.ALERTS.labels("dead").inc()
                log.exception("alert.dead", alert_id=str(alert.alert_id))
                return replace(alert, attempts=attempts, dead_at=now)
            log.warning("alert.delayed", alert_id=str(alert.alert_id), error=str(error))
            wait = min(_FIRST_WAIT * 2**alert.attempts, _LONGEST_WAIT)
            return replace(alert, attempts=attempts, due_at=now + wait)
        metrics.ALERTS.labels("delivered").inc()
        return replace(alert, attempts=attempts, delivered_at=now)


def content(alert: CustomerAlert) -> bytes:
    """Return what is sent: whose, where, what; the portal knows whom to tell, and how."""
    told = {
        "type": f"alert.{alert.kind}",
        "alert_id": str(alert.alert_id),
        "account_id": alert.account_id,
        "usage_point_id": alert.usage_point_id,
        "made_at": alert.made_at.isoformat(),
        "figures": dict(alert.figures),
    }
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode()


def signed(alert_id: str, at_s: int, body: bytes, secret: bytes) -> dict[str, str]:
    """
    Return the headers that show who sent it, and when.

    Source:
        Standard Webhooks: HMAC-SHA256 over id, seconds and body, joined by full stops.
    """
    text = f"{alert_id}.{at_s}.".encode() + body
    signature = base64.b64encode(hmac.new(secret, text, hashlib.sha256).digest()).decode()
    return {
        "Content-Type": "application/json",
        "webhook-id": alert_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": f"v1,{signature}",
    }
