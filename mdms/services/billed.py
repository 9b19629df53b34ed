"""What was billed, service by service, as it is and as it was; and that billing has it."""

from datetime import date, datetime
from typing import Any, Final

from mdms.billing.formats import csv_v1
from mdms.billing.window import BillWindow
from mdms.domain.audit import AuditEntry, Value
from mdms.domain.errors import NotFoundError, UsageError
from mdms.ports.billing import Acknowledgement, BilledService
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from mdms.services.billing_reckoning import bill_window

_AUDITED_AS: Final = "billing.acknowledged"


class BilledServices:
    """
    Looks at frozen services.

    Args:
        unit_of_work: Opens a transaction.
        clock: The one source of time.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def of_window(
        self, window_start: date, window_end: date, *, as_of: datetime | None = None
    ) -> dict[str, Any]:
        """
        Return what a window comes to, or came to at an instant, and the digest to acknowledge.

        Raises:
            NotFoundError: The window was never frozen.
        """
        window = bill_window(window_start, window_end)
        async with self._unit_of_work() as work:
            await must_be_frozen(work, window)
            services = await work.billing.services(window.start, window.end, as_of=as_of)
        return {
            "services_sha256": csv_v1.services_digest(services),
            "services": [view(each) for each in services],
        }

    async def of_meter(self, meter: str, *, as_of: datetime | None = None) -> list[dict[str, Any]]:
        """
        Return every bill of the place of a meter, each revision, as it was frozen.

        Args:
            meter: Badge, or usage point.
            as_of: Only what was frozen by then: as it was billed at that time.

        Raises:
            NotFoundError: There is no such meter or usage point.
        """
        async with self._unit_of_work() as work:
            place = await work.registry.place(meter, self._clock.now())
            usage_point_id = meter if place is None else place.meter.usage_point_id
            every = await work.billing.services_of(usage_point_id)
        if place is None and not every:
            raise NotFoundError(f"there is no meter {meter!r} in place, and no bill of one")
        return [
            view(each) | {"frozen_at": at.isoformat()}
            for each, at in every
            if as_of is None or at <= as_of
        ]

    async def acknowledge(
        self, window_start: date, window_end: date, *, digest: str, by: str, reference: str
    ) -> dict[str, Any]:
        """
        Keep that the customer system has what a window says.

        Args:
            window_start: First day.
            window_end: Day after the last one.
            digest: `services_sha256` of the manifest that was read.
            by: Who says so.
            reference: What the other side calls it; may be empty.

        Raises:
            NotFoundError: The window was never frozen.
            UsageError: The digest is of something else: the window has grown or was corrected.
        """
        window = bill_window(window_start, window_end)
        now = self._clock.now()
        async with self._unit_of_work() as work:
            await must_be_frozen(work, window)
            services = await work.billing.services(window.start, window.end)
            wanted = csv_v1.services_digest(services)
            if digest != wanted:
                raise UsageError(
                    "the window does not say what was acknowledged (any more): its digest is "
                    f"{wanted}; take its files again"
                )
            new = await work.billing.acknowledge(
                Acknowledgement(
                    window_start=window.start,
                    window_end=window.end,
                    digest=digest,
                    services=len(services),
                    acknowledged_at=now,
                    acknowledged_by=by,
                    reference=reference,
                )
            )
            if new:
                told: dict[str, Value] = {
                    "digest": digest,
                    "services": len(services),
                    "reference": reference,
                }
                about = f"{window.start}..{window.end}"
                work.audit.note(AuditEntry(now, _AUDITED_AS, about, by, told))
        return {"digest": digest, "services": len(services), "new": new}


async def acknowledged(work: UnitOfWork, start: date, end: date, digest: str) -> str:
    """Return in words whether billing has what a window of this digest says."""
    acknowledged = await work.billing.acknowledged(start, end)
    if not acknowledged:
        return "not acknowledged"
    last = acknowledged[-1]
    when = f"acknowledged {last.acknowledged_at:%Y-%m-%d %H:%M}Z by {last.acknowledged_by}"
    return when if last.digest == digest else f"changed since it was {when}"


async def must_be_frozen(work: UnitOfWork, window: BillWindow) -> None:
    """
    Do nothing where a window has been frozen.

    Raises:
        NotFoundError: It never was.
    """
    if (window.start, window.end) not in await work.billing.windows():
        raise NotFoundError(
            f"the bill window {window.start} to {window.end} was never frozen; "
            "`mdms billing status` lists those that were"
        )


def view(service: BilledService) -> dict[str, Any]:
    """Return a service as plain values."""
    return {
        "window_start": str(service.window_start),
        "window_end": str(service.window_end),
        "usage_point": service.usage_point_id,
        "period": service.period,
        "revision": service.revision,
        "account": service.account_id,
        "commodity": service.commodity,
        "from_on": str(service.from_on),
        "to_on": str(service.to_on),
        "opened_by": service.opened_by,
        "closed_by": service.closed_by,
        "service_days": service.service_days,
        "quality": service.quality,
        "estimated_share": str(service.estimated_share),
        "quantities": dict(service.quantities),
        "flags": list(service.flags),
        "detail": dict(service.detail),
        "rules": dict(service.rules),
        "parts": list(service.parts),
        "content_hash": service.content_hash,
    }
