"""Validation and estimation, by REST."""

from datetime import date
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field

from mdms.api import params
from mdms.api.auth import ANYONE_KNOWN, allow
from mdms.api.backend import Backend
from mdms.api.pages import Page, Pages
from mdms.api.text import Body
from mdms.domain.people import Role, Token

router = APIRouter(prefix="/v1/vee", tags=["vee"])
_PAGES = Pages(
    "exceptions",
    {"day": date, "meter": str, "reading_type": str, "rule": str, "detail": str},
    newest_first=True,
)


class RunRequest(Body):
    """Which local days to judge, both included; every meter when none is named."""

    from_: Annotated[str, Field(alias="from")]
    to: str
    meter: str | None = None


@router.post("/runs", dependencies=[Depends(allow(frozenset({Role.VEE})))])
async def run(body: RunRequest, services: Backend) -> dict[str, Any]:
    """Judge and estimate; what is already so stays as it is."""
    channel_ids = None if body.meter is None else await services.registry.channel_ids(body.meter)
    days = params.day(body.from_), params.day(body.to)
    result = await services.vee.run(*days, channel_ids=channel_ids)
    if result.versions:
        await services.corrections.overtake(*days, channel_ids)
    return {
        "first_day": body.from_,
        "last_day": body.to,
        "channel_days": result.channel_days,
        "versions": result.versions,
        "exceptions": result.exceptions,
    }


class ShadowRequest(RunRequest):
    """Which closed local days to judge by a candidate too."""

    ruleset: str


class RulesetText(Body):
    """A rule set as its file holds it (TOML)."""

    ruleset: str


@router.post("/shadow-runs", dependencies=[Depends(allow(frozenset({Role.VEE})))])
async def shadow(body: ShadowRequest, services: Backend) -> dict[str, Any]:
    """Say what a candidate would have changed, on bills too; nothing is written."""
    channel_ids = None if body.meter is None else await services.registry.channel_ids(body.meter)
    found = await services.vee.shadow(
        body.ruleset, params.day(body.from_), params.day(body.to), channel_ids=channel_ids
    )
    return {"channel_days": found.channel_days, "differences": found.rows()}


@router.get("/rulesets", dependencies=[Depends(allow(ANYONE_KNOWN))])
async def rulesets(services: Backend) -> dict[str, Any]:
    """List the rule sets, and the days that each judges."""
    return {"rulesets": await services.vee.rulesets.list()}


@router.post("/rulesets/diff", dependencies=[Depends(allow(ANYONE_KNOWN))])
async def diff(body: RulesetText, services: Backend) -> dict[str, Any]:
    """Compare a candidate with the rules in force, key by key."""
    return {"differences": await services.vee.rulesets.diff(body.ruleset)}


@router.post("/rulesets/test", dependencies=[Depends(allow(ANYONE_KNOWN))])
async def try_out(body: RulesetText, services: Backend) -> dict[str, Any]:
    """Try a candidate on worked examples."""
    return {"examples": await services.vee.rulesets.test(body.ruleset)}


@router.post("/rulesets", status_code=HTTPStatus.CREATED)
async def promote(
    body: RulesetText,
    services: Backend,
    token: Annotated[Token, Depends(allow(frozenset({Role.SUPERVISOR, Role.ADMIN})))],
) -> dict[str, Any]:
    """Put a rule set in force from its effective date on."""
    return await services.vee.rulesets.promote(body.ruleset, by=token.name)


@router.get("/exceptions", dependencies=[Depends(allow(ANYONE_KNOWN))])
async def exceptions(services: Backend, page: Annotated[Page, Depends(_PAGES)]) -> dict[str, Any]:
    """List what waits for a person, the newest day first."""
    return page.cut(await services.vee.open_exceptions())
