"""Batches that a collector sent or should have sent and that are not here (headend notes 2.5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

PATIENCE: Final = timedelta(seconds=30)
"""A batch that is overtaken by others may still be on its way for so long."""


@dataclass(frozen=True, slots=True)
class BatchCount:
    """
    How far a collector has counted its batches.

    Attributes:
        collector_id: Whose count it is.
        boot_id: The start of the collector that its newest batch belongs to.
        base_seq: Lowest number that anybody promised; nothing below is asked for.
        top_seq: Highest number that is closed, here or missing.
        newest_us: Time of the newest batch [us since 1970-01-01 UTC].
        since_us: Time of the first batch of this count; older batches belong to an earlier one.
    """

    collector_id: int
    boot_id: int
    base_seq: int
    top_seq: int
    newest_us: int
    since_us: int


@dataclass(frozen=True, slots=True)
class Span:
    """
    Missing batches, ends included.

    By number; or, where the collector lost its count and numbers mean nothing any more, by time
    only, and `first_seq` and `last_seq` are None. The times bound when the batches were closed.
    """

    first_seq: int | None
    last_seq: int | None
    from_us: int
    to_us: int


@dataclass(frozen=True, slots=True)
class Hole:
    """A span that is asked for until it is filled or lost."""

    hole_id: int
    collector_id: int
    span: Span
    opened_at: datetime
    due_at: datetime
    """When it is asked for next."""
    asked_count: int
    lost_at: datetime | None
    """Given up; what its batches held can only be estimated."""


@dataclass(frozen=True, slots=True)
class CountChange:
    """
    What a few batches changed in a collector's count.

    Attributes:
        count: As it is now.
        opened: New spans to ask for.
        lost: Spans that the collector says it no longer has.
        remaining: What is left of earlier holes, by their id; nothing left means filled.
        reset: The collector counts anew.
    """

    count: BatchCount
    opened: Sequence[Span]
    lost: Sequence[Span]
    remaining: Mapping[int, Sequence[Span]]
    reset: bool
