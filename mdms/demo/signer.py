"""
The signer of a demo: its own folder with wrapped keys, its own copy of the rules, two supervisors.

The city is small, so its rules are an edition of its own over those that ship.
"""

import json
import shutil
import tomllib
from pathlib import Path

from commands.signing import breaker, keys
from mdms.settings import config_dir

SUPERVISORS = ("approver", "second_supervisor")
"""Who may release the breaker; their secrets are in supervisors.json."""

_TEMPLATE = """\
# Made by `mdms demo` for its signer; the daemon has no part in it.
[utility]
code = "cpau"

[mqtt]
url = "{broker}"
protocol = "3.1.1"

[commands]
remote_open = true

[signer]
socket = "{socket}"
keys = "{directory}/keys.toml"
kek = "{directory}/kek"
dsn = "{dsn}"
rules = "{directory}/rules"
supervisors = "{directory}/supervisors.toml"
seals = "{directory}/seals.jsonl"

[clock]
source = "simulation"

[log]
format = "json"
"""

_EDITION = """\
# A city of a few switches: all of them may be open at once, and nobody has to approve it.
version = "demo"
effective_on = 2022-05-19
approved_by = "demo"
source = "mdms demo"

[gate]
approvals = 0
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


def write(directory: Path, *, plain: Path, dsn: str, broker: str, socket: Path) -> Path:
    """
    Write all that a demo's signer needs, for its owner alone; return its settings file.

    Args:
        directory: The signer's own, made here.
        plain: Master keys as the simulated meters have them.
        dsn: The database as the signer's user.
        broker: Where the simulated time is told.
        socket: Where the daemon finds the signer.
    """
    directory.mkdir(mode=0o700)
    kek = keys.new_kek()
    masters = tomllib.loads(plain.read_text(encoding="utf-8"))["masters"]
    wrapped = keys.wrap(
        {int(key_id): bytes.fromhex(digits) for key_id, digits in masters.items()},
        keys.parse_kek(kek),
    )
    secrets = {name: breaker.new_secret() for name in SUPERVISORS}
    digests = "".join(f'{name} = "{breaker.digest(secret)}"\n' for name, secret in secrets.items())
    write_private(directory / "kek", kek)
    write_private(directory / "keys.toml", wrapped)
    write_private(directory / "supervisors.toml", f"[supervisors]\n{digests}")
    write_private(directory.parent / "supervisors.json", json.dumps(secrets, indent=2) + "\n")
    for name in ("policy", "calendars"):
        shutil.copytree(config_dir() / name, directory / "rules" / name)
    (directory / "rules" / "policy" / "disconnect-demo.toml").write_text(_EDITION, encoding="utf-8")
    settings = directory / "mdms.toml"
    write_private(
        settings, _TEMPLATE.format(directory=directory, dsn=dsn, broker=broker, socket=socket)
    )
    return settings


def write_private(path: Path, text: str) -> None:
    """Write a file for its owner alone."""
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
