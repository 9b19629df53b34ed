"""
What the customer system states, taken all or not at all; what it voids is voided at once.

A statement that came in is judged by nobody here: it is kept with its two times, and whoever
decides about a command reads what bears on it then.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from mdms.domain.audit import AuditEntry
from mdms.domain.errors import UsageError
from mdms.domain.facts import CisFact, Subject
from mdms.policy.facts import KINDS, read_value
from mdms.ports.clock import Clock
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.cells import choice, free_text, identifier, instant, or_none
from mdms.services.sheets import Fault, FilesRejectedError, Sheet, noun_of, records

_AHEAD_MAX: Final = timedelta(seconds=60)
"""Clocks differ a little; what is known later than that is not known yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A row of facts.csv, or a member of a request: `known_at` None means now."""

    subject: Subject
    subject_id: str
    fact: str
    value: str
    effective_at: datetime
    known_at: datetime | None = None
    evidence: str = ""


FACTS: Final = Sheet(
    "facts",
    Statement,
    ("subject_id", "fact"),
    {
        "subject": choice(Subject),
        "subject_id": identifier,
        "fact": identifier,
        "value": identifier,
        "effective_at": instant,
        "known_at": or_none(instant),
        "evidence": free_text,
    },
)
"""The file of facts: design.md 8."""

Affected = frozenset[tuple[Subject, str]]


async def _nobody_waits(_affected: Affected) -> None:
    """Tell nobody."""


class FactService:
    """
    Takes statements and gives them back.

    Args:
        unit_of_work: Opens a transaction.
        clock: Times what is said to be known now.
        zone: Of local times without an offset.
        on_facts: Told, after the commit, about whom something new was stated.
    """

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        clock: Clock,
        zone: ZoneInfo,
        on_facts: Callable[[Affected], Awaitable[None]] = _nobody_waits,
    ) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._zone = zone
        self._on_facts = on_facts

    async def import_file(self, name: str, text: str, by: str) -> int:
        """
        Take a file of facts, all of its rows or none; return how many were new.

        Raises:
            FilesRejectedError: A row is wrong; every wrong one is listed.
        """
        faults: list[Fault] = []
        lines: list[int] = []
        statements: list[Statement] = []
        for line, cells in records(FACTS, text, faults):
            statement = noun_of(FACTS, line, cells, faults)
            if isinstance(statement, Statement):
                lines.append(line)
                statements.append(statement)
        wrong = await self._wrong(statements)
        faults += [Fault(name, lines[index], column, why) for index, column, why in wrong]
        if faults:
            raise FilesRejectedError(sorted(fault._replace(file=name) for fault in faults))
        return await self._keep(statements, by)

    async def state(self, statements: Sequence[Statement], by: str) -> int:
        """
        Take statements, all or none; return how many were new.

        Raises:
            UsageError: One is wrong; the first wrong one is named.
        """
        for index, column, why in await self._wrong(statements):
            raise UsageError(f"facts[{index}].{column}: {why}")
        return await self._keep(statements, by)

    async def history(self, subject_id: str) -> list[dict[str, Any]]:
        """Return everything stated about an account, premise or meter, oldest first."""
        async with self._unit_of_work() as work:
            return [view(fact) for fact in await work.facts.history(subject_id)]

    async def _wrong(self, statements: Sequence[Statement]) -> list[tuple[int, str, str]]:
        """Return index, column and sentence of everything wrong."""
        now = self._clock.now()
        async with self._unit_of_work() as work:
            named = {(each.subject, each.subject_id) for each in statements}
            unknown = await work.facts.unknown(named)
        wrong = []
        for index, each in enumerate(statements):
            if (each.subject, each.subject_id) in unknown:
                why = f"the registry has no {each.subject} {each.subject_id!r}"
                wrong.append((index, "subject_id", why))
            if each.known_at is not None and each.known_at > now + _AHEAD_MAX:
                wrong.append((index, "known_at", f"{each.known_at.isoformat()} lies ahead"))
            try:
                read_value(_fact(each, now), self._zone)
            except UsageError as error:
                wrong.append((index, "fact" if each.fact not in KINDS else "value", str(error)))
        return wrong

    async def _keep(self, statements: Sequence[Statement], by: str) -> int:
        now = self._clock.now()
        async with self._unit_of_work() as work:
            new = await work.facts.add([_fact(each, now) for each in statements])
            for fact in new:
                work.audit.note(_audited(fact, now, by))
        if new:
            await self._on_facts(frozenset((fact.subject, fact.subject_id) for fact in new))
        return len(new)


def kinds() -> list[dict[str, str]]:
    """Return the closed list of facts."""
    return [
        {
            "fact": kind.name,
            "subject": kind.subject.value,
            "value": kind.form.words,
            "meaning": kind.meaning,
            "rows": kind.rows,
        }
        for kind in KINDS.values()
    ]


def view(fact: CisFact) -> dict[str, Any]:
    """Return a statement as plain values."""
    return {
        "subject": fact.subject.value,
        "subject_id": fact.subject_id,
        "fact": fact.fact,
        "value": fact.value,
        "effective_at": fact.effective_at.isoformat(),
        "known_at": fact.known_at.isoformat(),
        "evidence": fact.evidence,
    }


def _fact(each: Statement, now: datetime) -> CisFact:
    return CisFact(
        subject=each.subject,
        subject_id=each.subject_id,
        fact=each.fact,
        value=each.value,
        effective_at=each.effective_at,
        known_at=min(each.known_at or now, now),
        evidence=each.evidence,
    )


def _audited(fact: CisFact, now: datetime, by: str) -> AuditEntry:
    told: Mapping[str, Any] = {
        key: value for key, value in view(fact).items() if key != "subject_id"
    }
    return AuditEntry(now, "fact", fact.subject_id, by, told)
