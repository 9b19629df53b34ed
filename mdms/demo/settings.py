"""The settings of a demo: its own database, broker and port, a followed clock, tokens, keys."""

import csv
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mdms.demo import rules
from mdms.demo.signer import write_private

ROLES = {
    "requester": ("viewer", "vee", "csr"),
    "customer_system": ("viewer", "vee", "billing"),
    "approver": ("viewer", "supervisor"),
    "second_supervisor": ("viewer", "supervisor"),
    "officer": ("viewer", "safety"),
    "auditor": ("auditor",),
    "administrator": ("viewer", "admin"),
}
"""Tokens of a demo: who asks for commands, who states what the customer system knows and bills, who
approves commands, who reads the audit, who changes the registry. Nobody states that a bill is past
due and asks for the disconnection, too."""

_TEMPLATE = """\
# Made by `mdms demo`; good as long as that demo runs. Commands go to simulated meters only.
[utility]
code = "cpau"

[database]
dsn = "{dsn}"

[mqtt]
url = "{broker}"
protocol = "3.1.1"

[ingest]
read_keys = "{keys}/read.toml"
collector_keys = "{keys}/collectors.toml"

[commands]
remote_open = true
rules = "{rules}"

[signer]
socket = "{socket}"

[api]
port = {port}

{tokens}
# The requester's; approver.toml has the approver's, billing.toml the customer system's, tokens.json
# all of them.
[client]
url = "{url}"
token = "{token}"
purpose = "demo"

[clock]
source = "simulation"

[log]
format = "json"
"""
_OTHER = """\
# Made by `mdms demo`: {who}.
[client]
url = "{url}"
token = "{token}"
purpose = "demo"
"""
_OTHERS = (
    ("approver.toml", "approver", "who approves what the token of mdms.toml has asked for"),
    ("billing.toml", "customer_system", "who states facts of the customer system, and bills"),
)
_ALL_SIGN = '[required]\nradio_ids = ["0-4294967295"]\n'
_CALLER = '[api.tokens.{name}]\nroles = {roles}\nsha256 = "{sha256}"\n'


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach a demo's daemon."""

    url: str
    tokens: Mapping[str, str]


def write_keys(directory: Path, seed: int, collectors: Path) -> None:
    """
    Write the keys of a demo's meters and collectors for its owner alone.

    They follow from the seed, so that the same city sends the same bytes: they protect simulated
    meters only.

    Args:
        directory: Where to; it is made.
        seed: Of the demo.
        collectors: The registry's `collectors.csv`.
    """
    directory.mkdir()
    for purpose, more in (("command", ""), ("read", _ALL_SIGN)):
        key = _key(purpose, seed)[:32]
        write_private(directory / f"{purpose}.toml", f'[masters]\n1 = "{key}"\n{more}')
    with collectors.open(encoding="utf-8", newline="") as file:
        ids = [row["collector_id"] for row in csv.DictReader(file)]
    tables = [
        f'[collectors.{each}]\nkeys = ["{_key(f"collector {each}", seed)}"]\n' for each in ids
    ]
    write_private(directory / "collectors.toml", "\n".join(tables))


def write(directory: Path, *, dsn: str, broker: str, port: int, socket: Path) -> Access:
    """Write settings, tokens and rules for their owner alone; the keys are there already."""
    rules.write(directory / "rules")
    access = Access(f"http://127.0.0.1:{port}", {name: secrets.token_urlsafe(32) for name in ROLES})
    tokens = "\n".join(
        _CALLER.format(
            name=name,
            roles=json.dumps(ROLES[name]),
            sha256=hashlib.sha256(token.encode()).hexdigest(),
        )
        for name, token in access.tokens.items()
    )
    write_private(directory / "tokens.json", json.dumps(access.tokens, indent=2) + "\n")
    write_private(
        directory / "mdms.toml",
        _TEMPLATE.format(
            dsn=dsn,
            broker=broker,
            rules=directory / "rules",
            keys=directory / "keys",
            socket=socket,
            port=port,
            tokens=tokens,
            url=access.url,
            token=access.tokens["requester"],
        ),
    )
    for file, name, who in _OTHERS:
        text = _OTHER.format(who=who, url=access.url, token=access.tokens[name])
        write_private(directory / file, text)
    return access


def _key(purpose: str, seed: int) -> str:
    return hashlib.sha256(f"mdms demo, {purpose} key, seed {seed}".encode()).hexdigest()
