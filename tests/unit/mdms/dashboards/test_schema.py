"""Every field of every page is one that Grafana's own schema knows, with a value of its type."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard as Schema

from mdms.dashboards.__main__ import DASHBOARDS
from mdms.dashboards.model import render

register_default_plugins()


def unknown(page: dict[str, Any]) -> list[str]:
    """Return the paths of what Grafana's types do not keep when they read a page."""
    kept = json.loads(JSONEncoder().encode(Schema.from_json(copy.deepcopy(page))))
    return list(lost(page, kept))


def lost(given: Any, kept: Any, path: str = "") -> Iterator[str]:
    if isinstance(given, dict) and isinstance(kept, dict):
        for name, value in given.items():
            if name in kept:
                yield from lost(value, kept[name], f"{path}.{name}")
            else:
                yield f"{path}.{name}"
    elif isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        for number, value in enumerate(given):
            yield from lost(value, kept[number], f"{path}[{number}]")
    elif given != kept:
        yield path


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda each: each.uid)
def test_grafana_knows_every_field_of_a_page(dashboard):
    assert unknown(json.loads(json.dumps(render(dashboard)))) == []


def test_a_field_that_grafana_does_not_know_is_seen():
    page = json.loads(json.dumps(render(DASHBOARDS[0])))
    panel = next(each for each in page["panels"] if each["type"] == "table")
    panel["colour"] = "red"
    panel["options"]["showHat"] = True

    assert {path.rpartition(".")[2] for path in unknown(page)} == {"colour", "showHat"}
