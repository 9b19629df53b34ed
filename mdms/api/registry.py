"""Who is metered where, by REST."""

from datetime import UTC
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from pydantic import AwareDatetime, Field

from mdms.api.auth import ANYONE_KNOWN, allow
from mdms.api.backend import Backend
from mdms.api.description import JUDGED_ONLY
from mdms.api.looks import looks_at
from mdms.api.pages import Page, Pages
from mdms.api.params import Instant
from mdms.api.text import Body
from mdms.domain.people import Role, Token
from mdms.domain.registry import Radio
from mdms.policy.access_facts import Data
from mdms.services.exchange_plan import Device, ExchangeAsked

router = APIRouter(prefix="/v1", tags=["registry"])
_PAGES = Pages("meters", {"meter": str, "reading_type": str, "installed_at": AwareDatetime})

Registrar = Annotated[Token, Depends(allow(frozenset({Role.ADMIN})))]
Text = Annotated[str, Field(min_length=1, max_length=200)]
Shown = Annotated[Decimal, Field(ge=0, max_digits=15, allow_inf_nan=False)]
"""On a register, in billing units."""


class RegistryFiles(Body):
    """The texts of a registry directory's CSV files, by file name."""

    files: dict[str, str]


@router.post("/registry/imports", dependencies=[Depends(allow(frozenset({Role.ADMIN})))])
async def import_registry(body: RegistryFiles, services: Backend) -> dict[str, Any]:
    """Take all rows, or none and a list of every bad one."""
    result = await services.registry.import_files(body.files)
    return {
        "added": result.added,
        "changed": result.changed,
        "unchanged": result.unchanged,
    }


class NewMeter(Body):
    """
    A meter that takes the place of another; what is left out is as the one that it replaces.

    `final` and `initial` are what the registers of the old and the new one showed, in billing
    units, by the name of the channel: delivered, received, reactive.
    """

    badge: Text
    radio_id: Annotated[int, Field(ge=0, lt=2**32)]
    removed_at: Instant
    installed_at: Instant | None = None
    final: Annotated[dict[str, Shown], Field(default_factory=dict)]
    initial: Annotated[dict[str, Shown], Field(default_factory=dict)]
    serial: Annotated[str, Field(max_length=200)] | None = None
    model: Annotated[str, Field(max_length=200)] | None = None
    has_switch: bool | None = None
    register_dials: Annotated[int, Field(ge=1, le=18)] | None = None
    register_resolution: Annotated[int, Field(ge=1, lt=2**63)] | None = None
    key_id: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    multiplier: Annotated[int, Field(ge=1, lt=2**63)] | None = None
    radio: Radio | None = None
    reading_types: list[str] | None = None
    reason: Annotated[str, Field(max_length=500)] = ""
    dry_run: bool = False


@router.post("/meters/{meter}/exchange", status_code=HTTPStatus.CREATED, responses=JUDGED_ONLY)
async def exchange(
    meter: str, body: NewMeter, services: Backend, caller: Registrar, response: Response
) -> dict[str, Any]:
    """Put a meter in the place of another, with the registers of both at that time."""
    asked = ExchangeAsked(
        meter=meter,
        new=body.badge,
        radio_id=body.radio_id,
        removed_at=body.removed_at.astimezone(UTC),
        installed_at=body.installed_at and body.installed_at.astimezone(UTC),
        final=body.final,
        initial=body.initial,
        device=Device(
            serial=body.serial,
            model=body.model,
            has_switch=body.has_switch,
            register_dials=body.register_dials,
            register_resolution=body.register_resolution,
            key_id=body.key_id,
        ),
        multiplier=body.multiplier,
        radio=body.radio,
        reading_types=body.reading_types,
        reason=body.reason,
    )
    if body.dry_run:
        response.status_code = HTTPStatus.OK
    return await services.exchanges.exchange(asked, caller.name, dry_run=body.dry_run)


@router.get(
    "/registry",
    dependencies=[Depends(allow(frozenset({Role.ADMIN}))), looks_at(Data.CONTACT)],
)
async def export_registry(services: Backend) -> RegistryFiles:
    """Give the registry as the files that can be imported."""
    files = await services.registry.export_files()
    return RegistryFiles.model_construct(files=files)  # whatever was taken is given


@router.get("/meters", dependencies=[Depends(allow(ANYONE_KNOWN)), looks_at(Data.STATUS)])
async def meters(services: Backend, page: Annotated[Page, Depends(_PAGES)]) -> dict[str, Any]:
    """List every channel of every meter."""
    return page.cut(await services.registry.meters())
