"""The pilot on the command line: what is said is passed on, and who decided is shown."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest

from mdms.cli import options, pilot
from mdms.client import Client


class Pilot(Client):
    """Takes any word, and keeps it."""

    def __init__(self) -> None:
        """Connect to nothing."""
        self.told: list[tuple[str, str, str]] = []

    def pilot(self) -> list[dict[str, Any]]:
        return [_row("E1", by="registry")]

    def enrol_in_pilot(self, meter: str, *, reason: str = "") -> dict[str, Any]:
        self.told.append(("enrol", meter, reason))
        return _row(meter, by="carol")

    def leave_pilot(self, meter: str, *, reason: str = "") -> dict[str, Any]:
        self.told.append(("leave", meter, reason))
        return _row(meter, by="carol")


def _row(meter: str, *, by: str) -> dict[str, Any]:
    return {"meter": meter, "usage_point": "U1", "in_pilot": True, "by": by}


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Pilot:
    known = Pilot()
    monkeypatch.setattr(options, "client", lambda _config: nullcontext(known))
    return known


@pytest.mark.parametrize(("verb", "act"), [("enrol", pilot.enrol), ("leave", pilot.leave)])
def test_a_word_is_passed_on_with_its_reason(
    verb: str, act: Callable[..., None], daemon: Pilot, capsys: pytest.CaptureFixture[str]
) -> None:
    act("E1", reason="three accounts in 36 months")

    assert daemon.told == [(verb, "E1", "three accounts in 36 months")]
    assert "carol" in capsys.readouterr().out


@pytest.mark.usefixtures("daemon")
def test_a_list_says_whose_word_it_was(capsys):
    pilot.list_()

    shown = capsys.readouterr().out
    assert "E1" in shown
    assert "registry" in shown
