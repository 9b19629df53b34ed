"""
What a command is judged by, gathered in one place, and what the rules say to it.

Statements of the customer system, the registry, what the meter said and what was opened already
are read anew at each step of a command's life; what was judged by is kept in the audit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from commands.scene import Scene, known
from commands.turns import by_its_batch
from mdms.domain.audit import AuditEntry, Value
from mdms.domain.controls import SWITCHING, EndDeviceControl
from mdms.domain.facts import CisFact, Subject
from mdms.domain.time import local_day
from mdms.policy import engine
from mdms.policy.assembly import Stated, command_facts
from mdms.policy.calendars import Calendar
from mdms.policy.case import deny
from mdms.policy.decision import Decision, Finding, decide
from mdms.policy.rulebook import Rulebook, Rules
from mdms.policy.tables import TableError
from mdms.ports.unit_of_work import UnitOfWork

JUDGED: Final = "control.judged"
"""Kind of the audit record of a judgement."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """
    A decision, and what it was made of.

    Attributes:
        facts: Statements that held.
        inputs: What we knew ourselves, as plain values.
        edition: Version of the rules, and the SHA-256 of every value.
        met_at: When the last condition of a reconnect took effect; None: not known.
        others: The meter's other commands, oldest first.
    """

    decision: Decision
    facts: Mapping[str, CisFact]
    inputs: Mapping[str, Value]
    edition: Mapping[str, Value]
    met_at: datetime | None = None
    others: Sequence[EndDeviceControl] = ()

    def entry(self, control: EndDeviceControl, at: datetime, *, actor: str) -> AuditEntry:
        """Return the judgement as the audit keeps it (policy.md 0, rule 3)."""
        detail: dict[str, Value] = {
            "verdict": self.decision.verdict.value,
            "findings": [_finding(each) for each in self.decision.findings],
            "next_possible_at": _iso(self.decision.next_possible_at),
            "not_after": _iso(self.decision.not_after),
            "rules": self.edition,
            "facts": {name: _fact(fact) for name, fact in self.facts.items()},
            "known": self.inputs,
        }
        return AuditEntry(at, JUDGED, str(control.control_id), actor, detail)


class Judge:
    """
    Judges commands.

    Args:
        rulebook: Every edition of the rules.
        calendar: Signed years, with the utility's zone.
        utility: What the utility is called in statements about itself.
        remote_open: Setting [commands] remote_open.
    """

    def __init__(
        self, rulebook: Rulebook, calendar: Calendar, *, utility: str, remote_open: bool
    ) -> None:
        self._rulebook = rulebook
        self._calendar = calendar
        self._utility = utility
        self._remote_open = remote_open

    @property
    def calendar(self) -> Calendar:
        """Hours, holidays, and the utility's zone."""
        return self._calendar

    def rules(self, at: datetime) -> Rules:
        """
        Return what holds at an instant.

        Raises:
            TableError: No approved edition does.
        """
        return self._rulebook.at(local_day(at, self._calendar.zone))

    async def decide(
        self, work: UnitOfWork, control: EndDeviceControl, now: datetime, *, actor: str
    ) -> Decision:
        """Judge a command, and note in the audit by what."""
        judgement = await self.judge(work, control, now)
        work.audit.note(judgement.entry(control, now, actor=actor))
        return judgement.decision

    async def judge(
        self,
        work: UnitOfWork,
        control: EndDeviceControl,
        now: datetime,
        *,
        at: datetime | None = None,
    ) -> Judgement:
        """
        Return what the rules say to a command, in whichever state it is.

        Args:
            work: A transaction.
            control: The command.
            now: As of when we know what we know.
            at: The later instant that is judged; None: when the command may begin, or now if that
                has passed. What is asked for tomorrow must be lawful tomorrow.
        """
        at = at or max(now, control.not_before)
        assert at >= now, "what was known then is in the audit"
        try:
            rules = self.rules(at)
        except TableError as error:
            finding = deny("RULES_MISSING", "design D14", f"put an edition in force: {error}")
            return Judgement(decide([finding], None), {}, {}, {})
        scene = await Scene.at(work, control, rules, now)
        said: Sequence[CisFact] = ()
        if control.action in SWITCHING:
            said = await work.facts.bearing(self._subjects(scene), at)
        stated = Stated.at(said, at, self._calendar.zone)
        meter = scene.meter(remote_open=self._remote_open)
        switch = await scene.switch()
        facts = command_facts(
            stated,
            proposal=scene.proposal(),
            meter=meter,
            switch=switch,
            spending=await scene.spending(),
        )
        decision = engine.judge(
            control.action,
            control.cause,
            facts,
            at,
            rules=rules,
            calendar=self._calendar,
            later=at > now,
        )
        if control.batch_id is not None:
            batch = await work.batches.find(control.batch_id)
            assert batch is not None, "a command of a batch has one"
            decision = by_its_batch(decision, batch)
        edition: dict[str, Value] = {
            "versions": [
                each.header.version
                for each in self._rulebook.in_force(local_day(at, self._calendar.zone))
            ],
            "sha256": rules.hash,
            "calendar_sha256": self._calendar.hash,
        }
        return Judgement(
            decision,
            stated.facts,
            known(meter, switch, facts),
            edition,
            facts.reconnect.met_at,
            scene.others,
        )

    def _subjects(self, scene: Scene) -> list[tuple[Subject, str]]:
        subjects = [(Subject.UTILITY, self._utility), (Subject.METER, scene.control.badge)]
        if scene.standing is not None:
            subjects.append((Subject.PREMISE, scene.standing.premise_id))
            if scene.standing.account_id is not None:
                subjects.append((Subject.ACCOUNT, scene.standing.account_id))
        return subjects


def _finding(finding: Finding) -> dict[str, Value]:
    return {
        "code": finding.code,
        "clause": finding.clause,
        "verdict": finding.verdict.value,
        "cure": finding.cure,
        "next_possible_at": _iso(finding.next_possible_at),
    }


def _fact(fact: CisFact) -> dict[str, Value]:
    return {
        "value": fact.value,
        "effective_at": fact.effective_at.isoformat(),
        "known_at": fact.known_at.isoformat(),
        "evidence": fact.evidence,
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
