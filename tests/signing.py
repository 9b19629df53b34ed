"""A signer for tests: the rules that ship, changed where a test needs it, and the process."""

import shutil
import sys
import weakref
from pathlib import Path
from zoneinfo import ZoneInfo

from psycopg.conninfo import make_conninfo

from commands.signing import breaker, keys
from commands.signing.breaker import Supervisors
from commands.signing.rules import OpenRules
from mdms.embedded import processes
from mdms.policy.calendars import Calendar
from mdms.policy.rulebook import Rulebook
from mdms.settings import config_dir
from tests.meters import MASTER

SUPERVISORS = ("ada", "bob")
_SUPERVISORS_FILE = "[supervisors]\n" + "".join(
    f'{name} = "{breaker.digest(name)}"\n' for name in SUPERVISORS
)
ZONE = ZoneInfo("America/Los_Angeles")

A_SMALL_TOWN = """\
version = "tests"
effective_on = 2022-05-19
approved_by = "tests"
source = "tests"

[gate]
approvals = {approvals}
pilot_meters_max = 500
heard_hours_max = 24
blocked_models = []
protected = ["life_support", "medical", "fire_alarm", "elevator"]

[budgets]
per_hour = {per_hour}
per_day = 25
per_transformer_hour = {per_transformer_hour}
open_per_cent_max = {open_per_cent_max}
immediate_per_hour = 5
"""
"""An edition that comes after the one that ships; a town of few meters may open all of them."""


def an_edition(
    *,
    approvals: int = 0,
    per_hour: int = 10,
    per_transformer_hour: int = 10,
    open_per_cent_max: int = 100,
) -> str:
    return A_SMALL_TOWN.format(
        approvals=approvals,
        per_hour=per_hour,
        per_transformer_hour=per_transformer_hour,
        open_per_cent_max=open_per_cent_max,
    )


def open_rules(edition: str | None = None, *, remote_open: bool = True) -> OpenRules:
    """The rules that ship, with a small town's edition over them."""
    texts = {path.name: path.read_text() for path in (config_dir() / "policy").glob("disconnect*")}
    years = {path.name: path.read_text() for path in (config_dir() / "calendars").glob("*.toml")}
    return OpenRules(
        rulebook=Rulebook.parse(texts | {"tests.toml": edition or an_edition()}),
        calendar=Calendar.parse(years, ZONE),
        remote_open=remote_open,
    )


def supervisors() -> Supervisors:
    """Two people who may release the breaker; the secret of each is the name."""
    return breaker.parse(_SUPERVISORS_FILE)


def write_signer_files(
    directory: Path, dsn: str, *, edition: str | None = None, metrics_port: int = 0
) -> Path:
    """Write all that a signer process needs, and return its settings file."""
    directory.mkdir(mode=0o700)
    kek = keys.new_kek()
    files = {
        "kek": kek,
        "keys.toml": keys.wrap({1: MASTER}, keys.parse_kek(kek)),
        "supervisors.toml": _SUPERVISORS_FILE,
        "mdms.toml": (
            f'[signer]\nsocket = "{directory}/s"\nkeys = "{directory}/keys.toml"\n'
            f'kek = "{directory}/kek"\nrules = "{directory}/rules"\n'
            f'dsn = "{make_conninfo(dsn, user="mdms_signer")}"\n'
            f'supervisors = "{directory}/supervisors.toml"\nmetrics_port = {metrics_port}\n'
            "[commands]\nremote_open = true\n"
        ),
    }
    for name, text in files.items():
        (directory / name).touch(mode=0o600)
        (directory / name).write_text(text)
    for name in ("policy", "calendars"):
        shutil.copytree(config_dir() / name, directory / "rules" / name)
    (directory / "rules/policy/disconnect-tests.toml").write_text(edition or an_edition())
    return directory / "mdms.toml"


class SignerProcess:
    """`mdms signer`, running; a supervisor's secret is his name."""

    def __init__(self, config: Path) -> None:
        self.config, self.socket = config, config.with_name("s")
        self.log = config.with_name("log")
        self._child = processes.spawn(
            [sys.executable, "-m", "mdms", "signer", "--config", config], log=self.log
        )
        weakref.finalize(self, processes.stop, self._child, grace_s=0)  # a test that fails forgets
        with processes.ended_if_interrupted(self._child, grace_s=20):
            processes.wait_until(
                lambda: processes.listens(self.socket), self._child, log=self.log, timeout_s=60
            )

    @property
    def pid(self) -> int:
        return self._child.pid

    def kill(self) -> None:
        self._child.kill()
        self._child.wait()

    def stop(self) -> int:
        return processes.stop(self._child, grace_s=60)
