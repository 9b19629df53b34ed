"""The files that Grafana reads are what the code makes, and hang together."""

import itertools
import json
from collections import Counter
from collections.abc import Iterator

import pytest

from mdms.dashboards.__main__ import DASHBOARDS, text
from mdms.settings import config_dir

GRAFANA = config_dir() / "grafana"


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda each: each.uid)
def test_the_file_is_what_the_code_makes(dashboard):
    name = dashboard.uid.removeprefix("mdms-")

    file = GRAFANA / "dashboards" / f"{name}.json"

    assert file.read_text() == text(dashboard), "run python -m mdms.dashboards"


def test_panels_lie_beside_each_other_and_name_sources_that_are_provisioned():
    provisioned = (GRAFANA / "provisioning" / "datasources" / "mdms.yml").read_text()
    for dashboard in DASHBOARDS:
        panels = json.loads(text(dashboard))["panels"]
        cells = Counter(cell for panel in panels for cell in covered(panel["gridPos"]))
        assert max(cells.values()) == 1
        assert len({panel["id"] for panel in panels}) == len(panels)
        for panel in panels:
            if panel["type"] != "row":
                assert f"uid: {panel['datasource']['uid']}\n" in provisioned


def covered(position: dict[str, int]) -> Iterator[tuple[int, int]]:
    rows = range(position["y"], position["y"] + position["h"])
    columns = range(position["x"], position["x"] + position["w"])
    assert columns.stop <= 24
    yield from itertools.product(rows, columns)
