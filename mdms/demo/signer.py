"""
The signer of a demo: its own folder with wrapped keys, its own copy of the rules, two supervisors.
"""

import json
import tomllib
from pathlib import Path

from commands.signing import breaker, keys
from mdms.demo import rules

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
    rules.write(directory / "rules")
    settings = directory / "mdms.toml"
    write_private(
        settings, _TEMPLATE.format(directory=directory, dsn=dsn, broker=broker, socket=socket)
    )
    return settings


def write_private(path: Path, text: str) -> None:
    """Write a file for its owner alone."""
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
