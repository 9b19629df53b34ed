"""Frames and messages that wait for the registry, and raw messages read again, by REST."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, Field

from mdms.api import params
from mdms.api.auth import ANYONE_KNOWN, allow
from mdms.api.backend import Backend
from mdms.api.pages import Page, Pages
from mdms.api.text import Body
from mdms.domain.people import Role

router = APIRouter(prefix="/v1", tags=["quarantine"])
_PAGES = Pages(
    "quarantine",
    {"last_at": AwareDatetime, "radio_id": int, "reason": str, "collector_id": int},
    newest_first=True,
)

_MAY_REPLAY = allow(frozenset({Role.VEE, Role.NETWORK, Role.ADMIN}))


class ReplayRequest(Body):
    """Which raw messages to read again: those that came in a period."""

    from_: Annotated[str, Field(alias="from")]
    to: str
    dry_run: bool = True


@router.get("/quarantine", dependencies=[Depends(allow(ANYONE_KNOWN))])
async def quarantine(services: Backend, page: Annotated[Page, Depends(_PAGES)]) -> dict[str, Any]:
    """List what waits until the registry knows who sent it, by sender, newest arrivals first."""
    return page.cut(await services.quarantine.listed())


@router.post("/quarantine/replay", dependencies=[Depends(_MAY_REPLAY)])
async def replay_quarantine(services: Backend) -> dict[str, int]:
    """Read again now what the registry knows the sender of; an import does so by itself."""
    replayed = await services.quarantine.replay()
    return {
        "letters": replayed.letter_count,
        "cured": replayed.cured_count,
        "intervals": replayed.restored.interval_count,
        "registers": replayed.restored.register_count,
        "events": replayed.restored.event_count,
    }


@router.post("/replays", dependencies=[Depends(_MAY_REPLAY)])
async def replay(body: ReplayRequest, services: Backend) -> dict[str, int | bool]:
    """
    Put raw messages through today's decoder again and compare with what is stored.

    With `dry_run` false what is missing is stored; what is stored is never changed.
    """
    period = params.period(body.from_, body.to, services.zone)
    work = services.replay.check if body.dry_run else services.replay.run
    report = await work(period)
    names = {name.removesuffix("_count"): count for name, count in asdict(report).items()}
    return names | {"agrees": report.agrees}
