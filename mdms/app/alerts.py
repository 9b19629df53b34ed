"""Where customers' alerts go: the webhook of the settings, asked every few seconds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import httpx
import structlog

from mdms.app.core import Core
from mdms.domain.errors import UnavailableError
from mdms.ports.clock import Clock
from mdms.services.alert_delivery import AlertDelivery
from mdms.settings import AlertSettings, read_private

log = structlog.get_logger()

_PERIOD_S: Final = 10.0
_ANSWER_S: Final = 10.0


class HttpWebhook:
    """`mdms.services.alert_delivery.Webhook` by HTTP; follows no redirect."""

    def __init__(self, url: str, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url = url
        self._http = httpx.AsyncClient(timeout=_ANSWER_S, transport=transport)

    async def post(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Hand over an alert; any answer but 2xx means that it was not taken."""
        try:
            answer = await self._http.post(self._url, content=body, headers=dict(headers))
        except httpx.HTTPError as error:
            raise UnavailableError(
                f"the webhook does not answer: {type(error).__name__}"
            ) from error
        if not answer.is_success:
            raise UnavailableError(f"the webhook answered {answer.status_code}")


def alert_delivery(core: Core, settings: AlertSettings) -> AlertDelivery:
    """
    Return what empties the outbox.

    Raises:
        UsageError: The file of the secret cannot be read, or others may read it.
    """
    secret = read_private(Path(settings.secret)).strip().encode()
    webhook = HttpWebhook(settings.webhook)
    return AlertDelivery(
        core.unit_of_work, core.clock, webhook, secret, attempts_max=settings.attempts_max
    )


async def deliver_alerts_forever(delivery: AlertDelivery, clock: Clock) -> None:
    """Send what is due every few seconds."""
    while True:
        try:
            await delivery.run_due()
        except UnavailableError as error:  # it stays due
            log.warning("alerts.delivery.delayed", error=str(error))
        await clock.sleep(_PERIOD_S)
