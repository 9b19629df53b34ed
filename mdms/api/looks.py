"""What routes that show a single customer's data do first: say who looks, at whose, and why."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Request

from mdms.api import params
from mdms.api.backend import Backend
from mdms.domain.time import local_day
from mdms.policy.access_facts import Data

_LAST_INSTANT: Final = timedelta(microseconds=1)

Purpose = Annotated[
    str,
    Header(
        alias="Purpose",
        max_length=200,
        description="Case or order; whoever serves customers must name one.",
    ),
]


def looks_at(data: Data, *place_names: str, place_of: Callable[[str], str] = str) -> Any:  # noqa: ANN401 - what Depends returns
    """
    Return the dependency of a route that shows such data; it follows `allow` in the route's list.

    Args:
        data: What is shown.
        place_names: Parameters that may name a badge or usage point, the first that does counts;
            none: the route shows everybody's.
        place_of: Makes such a place of what the parameter says.
    """

    async def look(request: Request, services: Backend, purpose: Purpose = "") -> None:
        given = {**request.query_params, **request.path_params}
        place = next((place_of(given[name]) for name in place_names if given.get(name)), "")
        days = None
        if "from" in given and "to" in given:
            period = params.period(given["from"], given["to"], services.zone)
            last_at = period.end_utc - _LAST_INSTANT
            days = local_day(period.start_utc, services.zone), local_day(last_at, services.zone)
        elif "start" in given and "end" in given:
            days = params.day(given["start"]), params.day(given["end"])
        elif at := given.get("at"):
            days = (_day(at, services),) * 2
        await services.access_log.look(request.state.caller, data, place, days, purpose=purpose)

    return Depends(look)


def _day(at: str, services: Backend) -> date:
    return local_day(params.instant(at), services.zone)
