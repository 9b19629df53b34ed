"""What a customer asks for, and the request that is filed for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from mdms.domain.controls import new_id
from mdms.domain.errors import NotFoundError, OperatorError
from mdms.domain.programme import ALIVE, Enrolment, Supply
from mdms.domain.registry import Commodity
from mdms.policy.optout_facts import Requester
from mdms.services.acting import Act


@dataclass(frozen=True, slots=True, kw_only=True)
class OptoutAsked:
    """
    What a customer asks for.

    Attributes:
        who: Account, or one of its meters or usage points: then it is about that residence.
        usage_points: The services asked for; empty: every one but water.
        requester: As the account knows them.
        crew_today: A crew is on its way to replace a legacy meter.
        form_on: When the signed form came back, where it did.
    """

    who: str
    usage_points: tuple[str, ...] = ()
    requester: Requester = Requester.HOLDER
    crew_today: bool = False
    form_on: date | None = None
    reason: str = ""


async def filed(act: Act, asked: OptoutAsked) -> Enrolment:
    """
    Return a request as it comes in, undecided.

    Raises:
        NotFoundError: No account is called that, or it pays for no such service.
        OperatorError: One of the services has a request under way or has opted out.
    """
    account = await act.work.programme.lock_account(asked.who, act.today)
    if account is None:
        raise NotFoundError(f"no account pays for {asked.who!r}; name an account or its meter")
    supplies = await act.work.programme.supplies(account.account_id, act.today, act.now)
    usage_points = _asked(asked, account.account_id, supplies)
    taken = {
        name
        for each in await act.work.programme.of_account(account.account_id)
        if each.state in ALIVE
        for name in each.usage_points
    }
    if both := sorted(taken & set(usage_points)):
        raise OperatorError(
            f"{', '.join(both)} has opted out or asked to already; see `mdms optout ls`"
        )
    enrolment = Enrolment(
        enrolment_id=new_id(act.now),
        account_id=account.account_id,
        usage_points=usage_points,
        requester=asked.requester.value,
        crew_today=asked.crew_today,
        reason=asked.reason,
        requested_by=act.by,
        received_at=act.now,
    )
    act.note("optout.asked", str(enrolment.enrolment_id), account=account.account_id)
    return enrolment


def _asked(asked: OptoutAsked, account_id: str, supplies: Sequence[Supply]) -> tuple[str, ...]:
    """Return the usage points that a request is about."""
    known = {each.point.usage_point_id for each in supplies}
    if asked.usage_points:
        if strange := sorted(set(asked.usage_points) - known):
            raise NotFoundError(f"account {account_id} pays for no {', '.join(strange)}")
        return tuple(sorted(set(asked.usage_points)))
    here = {
        each.premise.premise_id
        for each in supplies
        if asked.who in {account_id, each.meter.badge, each.point.usage_point_id}
    }
    residence = [each for each in supplies if each.premise.premise_id in here]
    dry = [each for each in residence if each.point.commodity is not Commodity.WATER]
    # Who asks for a water meter alone is told that it takes part always.
    named = [
        each for each in supplies if asked.who in {each.meter.badge, each.point.usage_point_id}
    ]
    chosen = {each.point.usage_point_id for each in [*dry, *named]}
    if not chosen:
        raise NotFoundError(f"account {account_id} pays for no metered service")
    return tuple(sorted(chosen))
