"""The settings file of a demo: its own database, broker and port, a followed clock, tokens."""

import hashlib
import secrets
from pathlib import Path

_TEMPLATE = """\
# Made by `mdms demo`; good as long as that demo runs.
[utility]
code = "cpau"

[database]
dsn = "{dsn}"

[mqtt]
url = "{broker}"
protocol = "3.1.1"

[api]
port = {port}

[api.tokens.operator]
roles = ["viewer", "vee", "billing", "admin"]
sha256 = "{sha256}"

[client]
url = "{url}"
token = "{token}"

[clock]
source = "simulation"

[log]
format = "json"
"""


def write(path: Path, *, dsn: str, broker: str, port: int) -> tuple[str, str]:
    """Write a demo's settings for its owner alone; return the daemon's URL and the token."""
    token, url = secrets.token_urlsafe(32), f"http://127.0.0.1:{port}"
    path.touch(mode=0o600)
    path.write_text(
        _TEMPLATE.format(
            dsn=dsn,
            broker=broker,
            port=port,
            url=url,
            token=token,
            sha256=hashlib.sha256(token.encode()).hexdigest(),
        )
    )
    return url, token
