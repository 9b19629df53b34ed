"""Customers' own data, by REST, with the tokens of grants; no token of staff opens it."""

from decimal import Decimal
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Request
from fastapi.responses import FileResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import Field

from mdms.api import downloads, params
from mdms.api.backend import Backend
from mdms.api.description import GREEN_BUTTON, files
from mdms.api.text import Body
from mdms.domain.alerts import WishKind
from mdms.domain.customers import Grant
from mdms.domain.time import Period
from mdms.policy.access_facts import Data, Days
from mdms.services.outgoing_reads import Wanted
from mdms.services.own_data import Asked
from mdms.services.own_usage import Step
from mdms.services.reading_files import FileForm

router = APIRouter(prefix="/v1/own", tags=["customers"])

_bearer = HTTPBearer(auto_error=False)


async def _holder(
    request: Request,
    services: Backend,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Grant:
    grant = await services.grants.find(credentials.credentials) if credentials else None
    if grant is None:
        raise HTTPException(
            HTTPStatus.UNAUTHORIZED,
            "the token of a grant in force is needed; the portal issues one",
            {"WWW-Authenticate": "Bearer"},
        )
    request.state.caller = grant
    return grant


Holder = Annotated[Grant, Depends(_holder)]
_Id = Annotated[str, Path(min_length=1, max_length=64)]


def _asked(
    account_id: _Id, usage_point_id: _Id, from_: params.FirstDay, to: params.LastDay
) -> Asked:
    return Asked(account_id, usage_point_id, Days(*params.days(from_, to)))


Wish = Annotated[Asked, Depends(_asked)]
_PLACE = "/accounts/{account_id}/usage-points/{usage_point_id}"


@router.get("/services")
async def where(services: Backend, holder: Holder) -> dict[str, list[dict[str, Any]]]:
    """List where the accounts are served, and the days that may be asked for."""
    return {"services": await services.own_data.services(holder)}


@router.get(_PLACE + "/usage")
async def usage(
    services: Backend, holder: Holder, asked: Wish, step: Step = Step.DAY
) -> dict[str, Any]:
    """Show what was used, by interval, day or month, in the units that bills are written in."""
    return await services.own_data.usage(holder, asked, step)


@router.get(_PLACE + "/green-button", response_class=FileResponse, responses=files(GREEN_BUTTON))
async def green_button(services: Backend, holder: Holder, asked: Wish) -> FileResponse:
    """Give the intervals as a Green Button feed: Download My Data."""
    await services.own_data.permit(holder, asked, Data.INTERVAL_USAGE)
    period = Period.of_days(asked.days.first_on, asked.days.last_on, services.zone)
    wanted = Wanted(period, asked.usage_point_id)
    write = partial(services.reading_files.write, FileForm.ESPI, wanted)
    return await downloads.made("green_button.xml", write)


class Threshold(Body):
    """From where on to tell: billing units a day for usage, percent above usual for high_use."""

    threshold: Annotated[Decimal, Field(gt=0, le=1_000_000, decimal_places=3)]


@router.get(_PLACE + "/alerts")
async def alerts(services: Backend, holder: Holder, asked: Wish) -> dict[str, list[dict[str, Any]]]:
    """List what the account was told: leaks, and days that it asked to be told of."""
    return {"alerts": await services.wishes.alerts(holder, asked)}


@router.put(_PLACE + "/alerts/{kind}")
async def wish(
    *,
    body: Threshold,
    services: Backend,
    holder: Holder,
    account_id: _Id,
    usage_point_id: _Id,
    kind: WishKind,
) -> dict[str, str]:
    """Ask to be told of days of much usage; owners only."""
    return await services.wishes.wish(holder, account_id, usage_point_id, kind, body.threshold)


@router.delete(_PLACE + "/alerts/{kind}")
async def forget(
    services: Backend, holder: Holder, account_id: _Id, usage_point_id: _Id, kind: WishKind
) -> dict[str, str]:
    """Ask to be told no more; owners only."""
    await services.wishes.forget(holder, account_id, usage_point_id, kind)
    return {"forgotten": kind.value}
