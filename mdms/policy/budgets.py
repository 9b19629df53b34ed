"""
How many remote opens are made in a time: policy.md 2.1 G7 and 8.5; headend.md 4.

Who schedules opens asks `pace` and waits; the signer, which never sees one too many unless
something is wrong, asks `spend` and trips its breaker. Each counts for itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mdms.policy.case import pending
from mdms.policy.decision import Finding, Verdict

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(hours=24)

_CLAUSE: Final = "G7"


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRules:
    """
    Most opens that may be made in a time, and stand at once.

    Attributes:
        per_hour: In any hour.
        per_day: In any 24 hours.
        per_transformer_hour: Behind one transformer in any hour.
        open_per_cent_max: Of all meters with a switch, open at the same time.
        immediate_per_hour: For safety or theft, in any hour. They count in the other limits too:
            who lies about the reason gains nothing.
    """

    per_hour: int
    per_day: int
    per_transformer_hour: int
    open_per_cent_max: int
    immediate_per_hour: int


@dataclass(frozen=True, slots=True)
class Opening:
    """A remote open that was made, or is asked for, at a time."""

    at: datetime
    transformer_id: str
    immediate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """
    What was spent.

    Attributes:
        made: Opens of the last 24 hours at least.
        open_count: Switches that stand open by our command.
        switch_count: Meters with a switch.
        tripped: The breaker fell: nothing opens until two supervisors release.
    """

    made: Sequence[Opening]
    open_count: int
    switch_count: int
    tripped: bool = False


@dataclass(frozen=True, slots=True)
class Spent:
    """A limit that is reached; `free_at` is when time alone frees it."""

    limit: str
    free_at: datetime | None = None


def spent(wanted: Opening, spending: Spending, rules: BudgetRules) -> list[Spent]:
    """Return every limit that leaves no room for one more open."""
    return list(_spent(wanted, spending, rules))


def pace(wanted: Opening, spending: Spending, rules: BudgetRules) -> Finding | None:
    """Return until when an open must wait; quarantined once the breaker fell."""
    if spending.tripped:
        return _quarantine("the breaker fell")
    limits = spent(wanted, spending, rules)
    if not limits:
        return None
    times = [limit.free_at for limit in limits]
    free_at = None if None in times else max(time for time in times if time)
    cure = f"wait: {_words(limits)}"
    return pending("RD_PACED", _CLAUSE, cure, free_at)


def spend(wanted: Opening, spending: Spending, rules: BudgetRules) -> Finding | None:
    """Return that an open must not be signed: the breaker falls, and so do all in the queue."""
    if spending.tripped:
        return _quarantine("the breaker fell")
    limits = spent(wanted, spending, rules)
    return _quarantine(_words(limits)) if limits else None


def _spent(wanted: Opening, spending: Spending, rules: BudgetRules) -> Iterator[Spent]:
    made = spending.made
    near = [each for each in made if each.transformer_id == wanted.transformer_id]
    if wanted.immediate:
        alike = [each for each in made if each.immediate]
        yield from _full(alike, rules.immediate_per_hour, HOUR, wanted, "immediate opens an hour")
    yield from _full(made, rules.per_hour, HOUR, wanted, "opens an hour")
    yield from _full(made, rules.per_day, DAY, wanted, "opens in 24 hours")
    yield from _full(near, rules.per_transformer_hour, HOUR, wanted, "opens an hour a transformer")
    most = max(1, spending.switch_count * rules.open_per_cent_max // 100)  # a fleet of ten: one
    if spending.open_count >= most:
        yield Spent(f"{most} switches open at once")


def _full(
    made: Sequence[Opening], most: int, span: timedelta, wanted: Opening, words: str
) -> Iterator[Spent]:
    """Yield the limit when `most` opens lie in (wanted - span, wanted]; half-open, like all."""
    times = sorted(each.at for each in made if each.at > wanted.at - span)
    if len(times) >= most:
        yield Spent(f"{most} {words}", times[-most] + span if most else None)


def _quarantine(words: str) -> Finding:
    return Finding(
        Verdict.QUARANTINE, "RD_BUDGET", _CLAUSE, f"{words}: two supervisors release or delete"
    )


def _words(limits: Sequence[Spent]) -> str:
    return ", ".join(limit.limit for limit in limits)
