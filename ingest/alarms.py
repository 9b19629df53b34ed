"""
Acknowledging alarms: a meter repeats one up to 32 times until the head-end has it.

An alarm that has been stored before is acknowledged again: its meter has not heard us.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec
import structlog

from mdms.domain.errors import UnavailableError
from mdms.domain.events import EndDeviceEvent, Severity

_AT_ONCE_MAX: Final = 8
"""Alarms of an outage come by the thousand, and the client wants few at a time."""

log = structlog.get_logger()

Tell = Callable[[int, bytes], Awaitable[None]]
"""Sends a message down to a collector by its id; UnavailableError if the broker is away."""


async def acknowledge(events: Sequence[EndDeviceEvent], tell: Tell) -> None:
    """Acknowledge the alarms among stored events; what cannot be told now is asked for again."""
    alarms = {
        (event.collector_id, event.radio_id, event.seq): None
        for event in events
        if event.severity >= Severity.ALARM
        and event.radio_id is not None
        and event.collector_id is not None
    }
    pending = list(alarms)
    while pending:
        some, pending = pending[:_AT_ONCE_MAX], pending[_AT_ONCE_MAX:]
        outcomes = await asyncio.gather(
            *(tell(collector_id, _message(radio, seq)) for collector_id, radio, seq in some),
            return_exceptions=True,
        )
        for error in filter(None, outcomes):
            if not isinstance(error, UnavailableError):
                raise error
            log.warning("ingest.alarms.unacknowledged", alarm_count=len(alarms), error=str(error))
            return


def _message(radio_id: int | None, seq: int) -> bytes:
    return msgspec.json.encode({"op": "ack_event", "meter_id": radio_id, "seq": seq})
