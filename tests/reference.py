"""
Pages of docs/reference that are made from the code.

    python -m tests.reference

writes them; tests/test_docs.py compares. The others are written by people, and tests hold them
complete.
"""

from pathlib import Path
from unittest.mock import MagicMock

from mdms.api import create

REST = Path(__file__).parents[1] / "docs" / "reference" / "rest.md"
_HEAD = """\
# The REST interface

Under `/v1`, with a bearer token that has the role (`mdms token create`); errors are problem details
(RFC 9457). A running daemon explains every parameter and every answer at `/v1/docs` and
`/v1/openapi.json`. This page is made from the code: `python -m tests.reference`.
"""


def rest_page() -> str:
    """Return rest.md: every operation, by noun, with the first sentence of what it does."""
    nouns: dict[str, list[str]] = {}
    for path, operations in create(MagicMock()).openapi()["paths"].items():
        for method, operation in operations.items():
            about = operation.get("description", operation["summary"]).partition("\n\n")[0]
            row = f"| `{method.upper()} {path}` | {' '.join(about.split()).replace('|', '/')} |"
            nouns.setdefault(operation["tags"][0], []).append(row)
    parts = [
        "\n".join(
            [f"\n## {noun.capitalize()}\n", "| Operation | What it does |", "|---|---|", *rows]
        )
        for noun, rows in nouns.items()
    ]
    return _HEAD + "\n".join(parts) + "\n"


if __name__ == "__main__":
    REST.write_text(rest_page(), encoding="utf-8")
