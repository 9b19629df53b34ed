"""Leaks, by REST: list, look, answer, and what is due to customers."""

from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, Field

from mdms.api import params
from mdms.api.auth import allow
from mdms.api.backend import Backend
from mdms.api.looks import looks_at
from mdms.api.pages import Page, Pages
from mdms.api.text import Body
from mdms.domain.people import Role, Token
from mdms.policy.access_facts import Data
from mdms.policy.leak_credit import Repair
from mdms.services.leak_credit import CreditRequest

router = APIRouter(prefix="/v1/leaks", tags=["leaks"])
_PAGES = Pages("leaks", {"raised_at": AwareDatetime, "leak": str}, newest_first=True)
_NOTICES = Pages(
    "notices", {"recorded_at": AwareDatetime, "leak": str, "at": AwareDatetime, "signal": str}
)

_READERS = frozenset({Role.CSR, Role.SUPERVISOR, Role.SAFETY, Role.VEE, Role.BILLING, Role.AUDITOR})
"""Interval data tells who is at home: no viewer sees it by name."""

_LOOKS = looks_at(Data.LEAK_ALERT, "meter")
_LOOKS_AT_ONE = looks_at(Data.LEAK_ALERT, "leak_id", place_of=lambda text: text.rpartition("-")[0])
_Answerer = Annotated[Token, Depends(allow(frozenset({Role.CSR, Role.SUPERVISOR, Role.VEE})))]
_Reason = Annotated[str, Field(max_length=500)]


class Acknowledgement(Body):
    """The customer says that the flow is normal."""

    reason: _Reason = ""


class Announcement(Body):
    """What a customer says of the water ahead."""

    meter: Annotated[str, Field(min_length=1, max_length=200)]
    pool_fill: bool = False
    normal_gal_h: Annotated[float | None, Field(ge=0, le=100_000)] = None


class Application(Body):
    """What a customer states who asks for a credit."""

    tier1_rate: Annotated[Decimal, Field(ge=0, le=1000)]
    asked_on: params.Day | None = None
    issued_on: params.Day | None = None
    last_credit_on: params.Day | None = None
    repair: Repair | None = None
    cause_determined: bool | None = None
    approved: bool | None = None


@router.get("", dependencies=[Depends(allow(_READERS)), _LOOKS])
async def cases(
    services: Backend, *, meter: str | None = None, page: Annotated[Page, Depends(_PAGES)]
) -> dict[str, Any]:
    """List open leaks and those that ended within 35 days, the newest first."""
    return page.cut(await services.leaks.cases(meter=meter))


@router.get("/notices", dependencies=[Depends(allow(_READERS)), _LOOKS])
async def notices(
    services: Backend, since: str, page: Annotated[Page, Depends(_NOTICES)]
) -> dict[str, Any]:
    """List what customers are to be told since a day or instant, with when to send it."""
    return page.cut(await services.leaks.notices(params.since(since, services.zone)))


@router.post("/announcements")
async def announce(body: Announcement, services: Backend, caller: _Answerer) -> dict[str, Any]:
    """Take that a pool is being filled, or that some flow is normal."""
    return await services.leaks.tell(
        body.meter, by=caller.name, pool_fill=body.pool_fill, normal_gal_h=body.normal_gal_h
    )


@router.get("/{leak_id}", dependencies=[Depends(allow(_READERS)), _LOOKS_AT_ONE])
async def case(services: Backend, leak_id: str) -> dict[str, Any]:
    """Show one leak with every step and notice."""
    return await services.leaks.case(leak_id)


@router.post("/{leak_id}/ack")
async def acknowledge(
    leak_id: str, body: Acknowledgement, services: Backend, caller: _Answerer
) -> dict[str, Any]:
    """Take the customer's word that it is normal."""
    return await services.leaks.acknowledge(leak_id, by=caller.name, reason=body.reason)


@router.post("/{leak_id}/credit", dependencies=[Depends(allow(_READERS))])
async def credit(leak_id: str, body: Application, services: Backend) -> dict[str, Any]:
    """Work out the credit of Rule 11.L; nothing is stored."""
    return await services.leak_credit.figures(leak_id, CreditRequest(**dict(body)))
