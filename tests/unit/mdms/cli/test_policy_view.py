"""A judgement on a terminal: the verdict, every reason with its cure, every input with its time."""

from typing import Any

import pytest
from rich.console import Console, RenderableType

from mdms.cli import policy_view

AT = "2026-12-10T18:05:00+00:00"
JUDGED: dict[str, Any] = {
    "at": AT,
    "verdict": "DENY",
    "actor": "clerk",
    "number": 41,
    "findings": [
        {"code": "NP_48H_RUNNING", "verdict": "DENY", "clause": "R9.C.1.b",
         "cure": "wait until the notice has run out", "next_possible_at": AT},
    ],
    "facts": {
        "past_due": {"value": "120", "effective_at": AT, "known_at": AT, "evidence": "bill 7"},
    },
    "known": {"pilot": True, "others": [], "load_side_voltage": None},
    "next_possible_at": AT,
    "not_after": None,
    "rules": {"versions": ["2022-05"], "sha256": "ab" * 32, "calendar_sha256": "cd" * 32},
}  # fmt: skip
CHECKED = JUDGED | {
    "action": "disconnect", "meter": "E1", "cause": "NONPAY", "outlook": "over",
    "follow_ups": ["read the register"], "deadline": AT,
}  # fmt: skip


def shown(what: RenderableType, console: Console) -> str:
    with console.capture() as captured:
        console.print(what)
    return captured.get()


@pytest.fixture
def console() -> Console:
    return Console(width=200)


def test_an_answer_begins_with_what_it_means(console):
    text = shown(policy_view.answer(CHECKED, console), console)

    assert text.startswith("disconnect E1 for NONPAY")
    assert "refused" in text.splitlines()[0]
    assert "also: read the register" in text
    assert "due by" in text


def test_a_judgement_has_its_reasons_inputs_and_rules(console):
    text = shown(policy_view.reprint(JUDGED, console), console)

    for part in ("DENY, asked by clerk; audit 41", "NP_48H_RUNNING", "R9.C.1.b", "bill 7"):
        assert part in text
    assert "2022-05, SHA-256 abababababab, calendar cdcdcdcdcdcd" in text
    assert "possible from" in text
    assert "and until" not in text


def test_what_is_not_known_is_said_to_be_not_known(console):
    lines = shown(policy_view.reprint(JUDGED, console), console).splitlines()
    told = {"pilot": "yes", "others": "none", "load_side_voltage": "not known"}

    for name, value in told.items():
        (line,) = (line for line in lines if name in line)
        assert value in line


def test_a_judgement_without_rules_in_force_names_none(console):
    text = shown(policy_view.reprint(JUDGED | {"rules": {}}, console), console)

    assert "by rules" not in text
