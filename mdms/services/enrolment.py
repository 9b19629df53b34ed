"""What an enrolment is judged by, gathered in one place, and what it comes to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from mdms.domain.audit import AuditEntry, Value
from mdms.domain.facts import CisFact, Subject
from mdms.domain.programme import EnrolledService, Enrolment, EnrolmentState, Supply
from mdms.domain.registry import Account
from mdms.policy import optout
from mdms.policy.assembly import Stated
from mdms.policy.case import Case
from mdms.policy.decision import Decision, Verdict
from mdms.policy.optout import OptoutOutcome
from mdms.policy.optout_assembly import Earlier, optout_request, service
from mdms.policy.optout_facts import OptoutRequest, OptoutRules, Requester
from mdms.policy.optout_fees import Fee
from mdms.ports.unit_of_work import UnitOfWork
from mdms.services.customer_rules import CustomerBook


@dataclass(frozen=True, slots=True)
class Scene:
    """An enrolment with what was known of its account, and the rules of the day."""

    enrolment: Enrolment
    supplies: Mapping[str, Supply]
    case: Case[OptoutRequest, OptoutRules]
    facts: tuple[CisFact, ...]

    def judged(self) -> tuple[Enrolment, tuple[Fee, ...]]:
        """Return the enrolment with what it came to, and the sums due if it is in force."""
        outcome = optout.judge(self.case)
        services = tuple(
            EnrolledService(
                usage_point_id=each.usage_point_id,
                premise_id=self.supplies[each.usage_point_id].premise.premise_id,
                badge=self.supplies[each.usage_point_id].meter.badge,
                verdict=each.decision.verdict.value,
                code=each.decision.code,
                refusals=each.decision.refusals,
                action=each.action or "",
            )
            for each in outcome.services
        )
        state = _state(outcome)
        fees = outcome.fees if state is EnrolmentState.IN_FORCE else ()
        return replace(self.enrolment, state=state, services=services), fees

    def review(self) -> Decision:
        """Return whether something came up that would have kept it from being allowed."""
        return optout.review(self.case)

    def entry(self, enrolment: Enrolment, actor: str) -> AuditEntry:
        """Return what was judged as the audit keeps it."""
        detail: dict[str, Value] = {
            "account": enrolment.account_id,
            "state": enrolment.state.value,
            "approved_by": enrolment.approved_by,
            "services": {
                each.usage_point_id: {
                    "meter": each.badge,
                    "verdict": each.verdict,
                    "codes": [refusal.code for refusal in each.refusals] or [each.code],
                    "action": each.action,
                }
                for each in enrolment.services
            },
            "facts": [
                {"subject": fact.subject_id, "fact": fact.fact, "value": fact.value}
                for fact in self.facts
            ],
        }
        return AuditEntry(self.case.at, "optout.judged", str(enrolment.enrolment_id), actor, detail)


async def scene(
    work: UnitOfWork, enrolment: Enrolment, account: Account, book: CustomerBook, now: datetime
) -> Scene | None:
    """Return what an enrolment is judged by; None where the account left every service of it."""
    today = book.today(now)
    supplies = await work.programme.supplies(account.account_id, today, now)
    asked = set(enrolment.usage_points)
    chosen = {each.premise.premise_id for each in supplies if each.point.usage_point_id in asked}
    if not chosen or (account.closed_on is not None and account.closed_on <= today):
        return None
    here = [each for each in supplies if each.premise.premise_id in chosen]
    facts = await work.facts.bearing(
        {(Subject.ACCOUNT, account.account_id), *((Subject.PREMISE, each) for each in chosen)}, now
    )

    def stated(subject: Subject, subject_id: str) -> Stated:
        return _stated(facts, subject, subject_id, now, book.zone)

    request = optout_request(
        account,
        [
            service(
                each.premise,
                each.point,
                each.meter,
                zone=book.zone,
                asked=each.point.usage_point_id in asked,
                installing=enrolment.crew_today,
            )
            for each in here
        ],
        stated(Subject.ACCOUNT, account.account_id),
        [stated(Subject.PREMISE, premise_id) for premise_id in sorted(chosen)],
        requester=Requester(enrolment.requester),
        received_at=enrolment.received_at,
        earlier=_earlier(await work.programme.of_account(account.account_id), enrolment),
    )
    request = replace(request, approved=bool(enrolment.approved_by))
    case = Case(request, book.at(now).optout, now, book.calendar)
    return Scene(enrolment, {each.point.usage_point_id: each for each in here}, case, tuple(facts))


def _stated(
    facts: Iterable[CisFact], subject: Subject, subject_id: str, at: datetime, zone: ZoneInfo
) -> Stated:
    about = [fact for fact in facts if (fact.subject, fact.subject_id) == (subject, subject_id)]
    return Stated.at(about, at, zone)


def _earlier(enrolments: Iterable[Enrolment], this: Enrolment) -> Earlier:
    enrolled, left = set[str](), set[str]()
    for each in enrolments:
        if each.enrolment_id == this.enrolment_id:
            continue
        residences = {service.premise_id for service in each.enrolled}
        if each.state is EnrolmentState.IN_FORCE:
            enrolled |= residences
        elif each.state is EnrolmentState.ENDED:
            left |= residences
    return Earlier(enrolled=frozenset(enrolled), left=frozenset(left - enrolled))


def _state(outcome: OptoutOutcome) -> EnrolmentState:
    """Return what becomes of the whole: nothing is done while one service waits for somebody."""
    verdicts = {each.decision.verdict for each in outcome.services}
    if Verdict.REFER in verdicts:
        return EnrolmentState.REFERRED
    if Verdict.PENDING in verdicts:
        return EnrolmentState.PENDING
    if Verdict.ALLOW in verdicts:
        return EnrolmentState.IN_FORCE
    lapsed = any("OO_FORM" in each.decision.codes for each in outcome.services)
    return EnrolmentState.LAPSED if lapsed else EnrolmentState.DENIED
