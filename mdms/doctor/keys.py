"""Checks of the files of keys: there, and closed to others; the keys themselves are not read."""

import stat
from pathlib import Path

from mdms.doctor.findings import Finding, ok, problem
from mdms.settings import Settings

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def check_keys(settings: Settings) -> list[Finding]:
    """Return what is wrong with the key files that the settings name, if any."""
    files = {
        "[mqtt] key": settings.mqtt.key,
        "[signer] keys": settings.signer.keys,
        "[signer] kek": settings.signer.kek,
        "[signer] supervisors": settings.signer.supervisors,
        "[ingest] read_keys": settings.ingest.read_keys,
        "[ingest] collector_keys": settings.ingest.collector_keys,
    }
    named = [_key_file(setting, Path(path)) for setting, path in files.items() if path]
    return named or [
        ok("keys", "no key file is named: commands cannot be sent, and meters' tags go unverified")
    ]


def _key_file(setting: str, path: Path) -> Finding:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return problem(
            "keys",
            f"{setting} names {path}, which cannot be reached: {error.strerror}; "
            "name the right file, or leave the setting out",
        )
    if mode & _OTHERS:
        return problem("keys", f"others may read {path} of {setting}: run `chmod 600 {path}`")
    return ok("keys", f"{path} of {setting} is closed to others")
