"""`mdms command batch`: what is said of a list, how it ends, and whose id is meant."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from mdms.cli import batch, options
from mdms.cli.output import Output
from mdms.client import Client
from mdms.domain.errors import NotFoundError, UsageError

ID = "01a1a7b7-c100-7a94-80c4-fe19394caaac"
OTHER = "01a1a7b7-c100-7a94-80c4-fe19394cbbbb"


def a_batch(batch_id: str = ID, state: str = "PROPOSED", **counts: int) -> dict[str, Any]:
    rows = [
        {"number": number, "meter": f"E{number}", "action": "disconnect", "cause": "MOVE_OUT",
         "order": "", "state": state_of, "result": "", "codes": ["RD_NOT_PILOT"],
         "waits_for": ["BATCH_UNAPPROVED"], "due_at": None}
        for state_of, count in counts.items()
        for number in range(count)
    ]  # fmt: skip
    return {
        "batch_id": batch_id, "name": "list.csv", "state": state, "is_over": False, "rows": rows,
        "counts": counts, "requested_by": "clerk", "approved_by": "", "sha256": "ab" * 32,
        "requested_at": "2026-11-04T18:00:00+00:00", "every_s": 0, "stop_after": 3,
    }  # fmt: skip


class Batches(Client):
    """Knows two batches, and takes any word about them."""

    def __init__(self, proposed: dict[str, Any], undone: dict[str, Any] | None = None) -> None:
        """Connect to nothing."""
        self.proposed, self.undone = proposed, undone or {}
        self.told: list[tuple[str, str, str]] = []

    def propose_batch(self, *_args: Any, **_options: Any) -> dict[str, Any]:
        return self.proposed

    def batches(self, **_options: Any) -> list[dict[str, Any]]:
        return [a_batch(ID, POLICY_OK=1), a_batch(OTHER, POLICY_OK=1)]

    def steer_batch(self, batch_id: str, verb: str, reason: str = "") -> dict[str, Any]:
        self.told.append((batch_id, verb, reason))
        return self.undone or a_batch(batch_id, "PAUSED", POLICY_OK=1)


def use(monkeypatch: pytest.MonkeyPatch, daemon: Batches) -> Batches:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(options, "client", lambda _config: nullcontext(daemon))
    return daemon


@pytest.mark.parametrize(
    ("counts", "status"),
    [
        ({"POLICY_DENIED": 2}, batch.REFUSED),
        ({"POLICY_DENIED": 1, "POLICY_OK": 1}, batch.PARTLY),
    ],
)
def test_what_was_refused_shows_in_the_exit_status(counts, status, monkeypatch, capsys):
    use(monkeypatch, Batches(a_batch(**counts)))

    with pytest.raises(SystemExit) as ended:
        batch.propose(Path("list.csv"))

    assert ended.value.code == status
    assert "RD_NOT_PILOT" in capsys.readouterr().out


def test_a_list_that_waits_whole_says_how_it_is_approved(monkeypatch, capsys):
    use(monkeypatch, Batches(a_batch(POLICY_OK=2)))

    batch.propose(Path("list.csv"))

    shown = capsys.readouterr()
    assert "another person's approval" in shown.out
    assert "ab" * 32 in shown.out + shown.err


def test_undoing_names_what_a_person_must_see_to(monkeypatch, capsys):
    undone = {"cancelled": ["x"], "reconnected": {"E1": ID}, "refused": {"E2": ["RC_HOT"]}}
    daemon = use(monkeypatch, Batches(a_batch(), undone))

    with pytest.raises(SystemExit) as ended:
        batch.undo(ID, "wrong file", output=Output.TABLE)

    shown = capsys.readouterr()
    assert daemon.told == [(ID, "undo", "wrong file")]
    assert ended.value.code == batch.PARTLY
    assert "RC_HOT" in shown.out
    assert "1 taken back" in shown.err


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_the_end_of_an_id_is_enough(verb, monkeypatch):
    daemon = use(monkeypatch, Batches(a_batch()))

    getattr(batch, verb)("caaac", "look first")

    assert daemon.told == [(ID, verb, "look first")]


@pytest.mark.parametrize(("part", "error"), [("zzz", NotFoundError), ("01a1a7b7", UsageError)])
def test_an_id_that_names_none_or_two_steers_nothing(part, error, monkeypatch):
    daemon = use(monkeypatch, Batches(a_batch()))

    with pytest.raises(error):
        batch.pause(part)
    assert daemon.told == []
