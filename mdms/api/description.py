"""What the description of the interface (OpenAPI) says of every operation, and of files."""

from typing import Any, Final

from fastapi import FastAPI

PARQUET: Final = "application/vnd.apache.parquet"
ARROW: Final = "application/vnd.apache.arrow.stream"
CSV: Final = "text/csv; charset=utf-8"
GREEN_BUTTON: Final = "application/atom+xml"
CMEP: Final = "text/plain; charset=utf-8"

_PROBLEM: Final = {
    "type": "object",
    "title": "Problem",
    "description": "Problem details (RFC 9457); `detail` is one sentence that says what to do.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "codes": {
            "type": "array",
            "description": "Every rule that forbids it.",
            "items": {
                "type": "object",
                "required": ["code", "clause", "cure", "next_possible_at"],
                "properties": {
                    "code": {"type": "string"},
                    "clause": {"type": "string"},
                    "cure": {"type": "string"},
                    "next_possible_at": {"type": ["string", "null"]},
                },
            },
        },
        "control_id": {"type": ["string", "null"]},
    },
}

_CONTENT: Final = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {"description": "Refused; the detail says what to do.", "content": _CONTENT},
    "503": {"description": "Something that it needs is away; try again.", "content": _CONTENT},
}
"""What any operation may answer besides what it is for."""


JUDGED_ONLY: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "What it would come to, where `dry_run` was asked for."}
}


def files(*media_types: str) -> dict[int | str, dict[str, Any]]:
    """Return the answer of an operation that gives a file of one of these types."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {200: {"description": "The file.", "content": dict.fromkeys(media_types, binary)}}


class Interface(FastAPI):
    """An application that describes its errors in the shape that they have."""

    def openapi(self) -> dict[str, Any]:
        """Return the description, with the shape of a problem in it."""
        described = super().openapi()
        described.setdefault("components", {}).setdefault("schemas", {})["Problem"] = _PROBLEM
        return described
