"""The doctor, asked by a person or in pieces."""

import os
import subprocess
import sys

from psycopg.conninfo import make_conninfo

from mdms.app.clock import SystemClock
from mdms.doctor.findings import Finding, Level
from mdms.settings import Settings
from tests.integration.storage.registries import SMALL_TOWN

CLOCK = SystemClock()
COLLECTOR = SMALL_TOWN.collectors[0]


def database_settings(dsn: str, **parts: str) -> Settings:
    return Settings.model_validate({"database": {"dsn": make_conninfo(dsn, **parts)}})


def broker_settings(url: str, **options: object) -> Settings:
    return Settings.model_validate({"mqtt": {"url": url, **options}})


def found(findings: list[Finding], check: str) -> tuple[Level, str]:
    """Return level and sentence of the one finding of a check."""
    (one,) = [each for each in findings if each.check == check]
    return one.level, one.sentence


def run_doctor(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mdms", "doctor", *arguments],
        capture_output=True, text=True, check=False, timeout=120, env=os.environ | environment,
    )  # fmt: skip
