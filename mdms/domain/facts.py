"""
What the customer system knows and we do not: one statement at a time, with two clocks.

`effective_at` says since when it holds, `known_at` when we heard of it. Statements are never
changed: a later one holds, and what was decided before is judged by what was known then.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum


class Subject(StrEnum):
    """What a fact is about."""

    ACCOUNT = "account"
    PREMISE = "premise"
    METER = "meter"
    USAGE_POINT = "usage_point"
    UTILITY = "utility"
    """The utility itself: how far its feeds have come, whether its telephone is answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CisFact:
    """
    One statement of the customer system.

    Attributes:
        subject_id: Identifier of the account, premise, meter or usage point; the name of the
            utility.
        fact: Name from the closed list in `mdms.policy.facts`.
        value: As text, in the form that the list asks for.
        effective_at: Since when it holds.
        known_at: When we were told.
        evidence: Identifier of the record that proves it; may be empty.
    """

    subject: Subject
    subject_id: str
    fact: str
    value: str
    effective_at: datetime
    known_at: datetime
    evidence: str = ""


class Absence(Enum):
    """A fact that says: there is none. What nobody stated is None instead."""

    ABSENT = "none"


ABSENT = Absence.ABSENT
