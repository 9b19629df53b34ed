"""Who is metered where, by REST."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime

from mdms.api.auth import ANYONE_KNOWN, allow
from mdms.api.backend import Backend
from mdms.api.looks import looks_at
from mdms.api.pages import Page, Pages
from mdms.api.text import Body
from mdms.domain.people import Role
from mdms.policy.access_facts import Data

router = APIRouter(prefix="/v1", tags=["registry"])
_PAGES = Pages("meters", {"meter": str, "reading_type": str, "installed_at": AwareDatetime})


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
