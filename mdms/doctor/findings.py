"""What a check found: a level, and one sentence that says what it means and what to do."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    WARNING = "warning"
    """It works, or could not be told; a person should know."""
    PROBLEM = "problem"
    """Reads are lost, late or not taken at all until someone acts."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report."""

    check: str
    level: Level
    sentence: str


def ok(check: str, sentence: str) -> Finding:
    """Return that nothing is wrong."""
    return Finding(check, Level.OK, sentence)


def warning(check: str, sentence: str) -> Finding:
    """Return something that a person should know."""
    return Finding(check, Level.WARNING, sentence)


def problem(check: str, sentence: str) -> Finding:
    """Return something that a person must put right."""
    return Finding(check, Level.PROBLEM, sentence)
