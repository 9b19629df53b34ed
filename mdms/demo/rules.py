"""The rules of a demo: those that ship, and an edition of its own, because the city is small."""

import shutil
from pathlib import Path

from mdms.settings import config_dir

_EDITION = """\
# A city of a few switches: all of them may be open at once. One person asks, another approves.
version = "demo"
effective_on = 2022-05-19
approved_by = "demo"
source = "mdms demo"

[gate]
approvals = 1
pilot_meters_max = 500
heard_hours_max = 24
blocked_models = []
protected = ["life_support", "medical", "fire_alarm", "elevator"]

[budgets]
per_hour = 10
per_day = 25
per_transformer_hour = 3
open_per_cent_max = 100
immediate_per_hour = 5
"""


def write(directory: Path) -> None:
    """Write a folder of rules as `[commands] rules` and `[signer] rules` name it."""
    for name in ("policy", "calendars"):
        shutil.copytree(config_dir() / name, directory / name)
    (directory / "policy" / "disconnect-demo.toml").write_text(_EDITION, encoding="utf-8")
