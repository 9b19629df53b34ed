"""`mdms command release`: what a supervisor is shown is what the proof is made over."""

from contextlib import nullcontext
from pathlib import Path
from uuid import UUID

import pytest

from commands.signing import breaker as proofs
from mdms.cli import breaker, options
from mdms.client import Client
from mdms.domain.errors import OperatorError
from mdms.ports.signer import Trip
from tests.controls import AT

TRIP = Trip(UUID(int=7), AT, "10 of 10 opens in an hour")


class Daemon(Client):
    """Tells of a trip, and keeps what is brought."""

    def __init__(self, trip: Trip | None, *, stands: Trip | None = None) -> None:
        """Connect to nothing."""
        self.trip, self.stands = trip, stands
        self.brought: list[tuple[str, bytes]] = []

    def standing_trip(self) -> Trip | None:
        return self.trip

    def release_breaker(self, supervisor: str, trip: Trip, proof: bytes) -> Trip | None:
        assert trip is self.trip
        self.brought.append((supervisor, proof))
        return self.stands


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "ada"
    file.touch(mode=0o600)
    file.write_text("her secret\n")
    return file


def use(monkeypatch: pytest.MonkeyPatch, daemon: Daemon) -> Daemon:
    monkeypatch.setattr(options, "client", lambda _config: nullcontext(daemon))
    return daemon


def test_the_secret_stays_and_a_proof_over_what_was_shown_goes(monkeypatch, capsys, secret):
    daemon = use(monkeypatch, Daemon(TRIP, stands=TRIP))

    breaker.release("ada", secret)

    shown = capsys.readouterr()
    assert TRIP.reason in shown.err
    assert "another supervisor" in shown.out
    assert daemon.brought == [("ada", proofs.prove("her secret", TRIP))]


def test_the_second_word_releases_it(monkeypatch, capsys, secret):
    use(monkeypatch, Daemon(TRIP))

    breaker.release("bob", secret)

    assert capsys.readouterr().out == "released\n"


def test_nothing_is_released_where_nothing_stands(monkeypatch, secret):
    daemon = use(monkeypatch, Daemon(None))

    with pytest.raises(OperatorError, match="nothing to release"):
        breaker.release("ada", secret)
    assert daemon.brought == []


@pytest.mark.parametrize(("trip", "words"), [(None, "closed"), (TRIP, "10 of 10 opens")])
def test_its_standing_is_one_line(trip, words, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "200")
    use(monkeypatch, Daemon(trip))

    breaker.status()

    assert words in capsys.readouterr().out
