"""What routes that show a single customer's data do first: say who looks, at whose, and why."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Request

from mdms.api import params
from mdms.api.backend import Backend, Services
from mdms.domain.people import READS_FACTS, Token
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


async def looks_at_command(
    services: Services, caller: Token, command: Mapping[str, Any], purpose: str
) -> dict[str, Any]:
    """
    Keep that somebody looks at a command, and return it as far as they may see it.

    Who asked for a command, or approved it, has it for a case. Statements of the customer system
    and what was known of the meter are left out for roles that read no facts.

    Args:
        services: Keep looks.
        caller: Who looks.
        command: As `ControlService` or `DecisionService` tells of it.
        purpose: As the caller named it; may be empty.

    Raises:
        AccessRefusedError: Their role needs a purpose and they gave none.
    """
    reads_facts = bool(caller.roles & READS_FACTS)
    data = Data.BILL if reads_facts else Data.STATUS
    why = purpose
    if not why.strip() and caller.name in _parties(command):
        why = f"command {command['control_id']}"
    await services.access_log.look(caller, data, command["meter"], purpose=why)
    if reads_facts:
        return dict(command)
    told = [{**each, "facts": {}, "known": {}} for each in command["judgements"]]
    return {**command, "judgements": told}


def _parties(command: Mapping[str, Any]) -> set[str]:
    return {command["requested_by"], *(each["name"] for each in command["approvals"])}


def _day(at: str, services: Backend) -> date:
    return local_day(params.instant(at), services.zone)
