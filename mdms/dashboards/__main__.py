"""`python -m mdms.dashboards`: write every dashboard to config/grafana/dashboards."""

import json
from typing import Any, Final

from mdms.dashboards.billing import BILLING
from mdms.dashboards.collection import COLLECTION
from mdms.dashboards.commands import COMMANDS
from mdms.dashboards.grid import GRID
from mdms.dashboards.leaks import LEAKS
from mdms.dashboards.model import Dashboard, render
from mdms.dashboards.morning import MORNING
from mdms.dashboards.platform import PLATFORM
from mdms.dashboards.vee import VEE
from mdms.settings import config_dir

DASHBOARDS: Final = (MORNING, COLLECTION, VEE, BILLING, COMMANDS, LEAKS, GRID, PLATFORM)


def text(dashboard: Dashboard) -> str:
    """Return the file of a dashboard."""
    page: dict[str, Any] = render(dashboard)
    return json.dumps(page, indent=2) + "\n"


def main() -> None:
    """Write them all."""
    folder = config_dir() / "grafana" / "dashboards"
    for dashboard in DASHBOARDS:
        (folder / f"{dashboard.uid.removeprefix('mdms-')}.json").write_text(text(dashboard))


if __name__ == "__main__":
    main()
