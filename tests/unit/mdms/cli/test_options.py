"""What every command shares."""

from pathlib import Path

import pytest

from mdms.cli import options
from mdms.domain.errors import UnavailableError

NOBODY = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def nobody_answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MDMS_CLIENT__URL", NOBODY)


def test_who_names_no_settings_is_told_how_when_nobody_answers():
    with pytest.raises(UnavailableError, match="export MDMS_CONFIG"), options.client(None) as mdms:
        mdms.status()


def test_who_names_settings_is_told_only_that_nobody_answers(tmp_path):
    settings = tmp_path / "mdms.toml"
    settings.write_text('[log]\nformat = "json"\n')

    with pytest.raises(UnavailableError) as raised, options.client(None) as mdms:
        mdms.status()

    assert NOBODY in str(raised.value)
    assert "MDMS_CONFIG" not in str(raised.value)
