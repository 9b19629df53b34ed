"""The units of config/systemd, as systemd itself reads them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mdms.settings import config_dir

UNITS = sorted((config_dir() / "systemd").glob("*.service"))
TIMERS = sorted((config_dir() / "systemd").glob("*.timer"))
EXPOSURE_MAX = 2.0
"""Of ten; systemd calls what is above 5 medium."""

pytestmark = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


def analyze(*arguments: object) -> str:
    done = subprocess.run(
        ["systemd-analyze", *map(str, arguments)],
        capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_systemd_understands_every_line(tmp_path):
    """With programs that exist on this machine, which those of an installation need not."""
    for unit in (*UNITS, *TIMERS):
        text = re.sub(
            r"^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text(), flags=re.MULTILINE
        )
        (tmp_path / unit.name).write_text(text)

    # Units of the system that others start with are not here, and are no concern of ours.
    said = analyze("verify", "--man=no", "--recursive-errors=no", *sorted(tmp_path.iterdir()))

    assert [line for line in said.splitlines() if "mdms" in line] == []


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_may_do_little(unit):
    said = analyze("security", "--offline=true", "--no-pager", unit)

    exposure = re.search(r"exposure level for \S+: ([\d.]+)", said)
    assert exposure is not None
    assert float(exposure[1]) <= EXPOSURE_MAX


def test_units_start_what_there_is():
    for unit in UNITS:
        (line,) = re.findall(r"^ExecStart=(.*)", unit.read_text(), re.MULTILINE)
        program, *arguments = line.split()
        if "backup" in program:
            assert (config_dir() / "backup" / Path(program).name).is_file()
        else:
            assert arguments[0] in {"serve", "signer"}
