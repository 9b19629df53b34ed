"""The home of tests.controls, whose customer opts out, and what is stated about them."""

from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from mdms.domain.facts import CisFact, Subject
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from mdms.services.customer_rules import CustomerBook
from mdms.services.optout_asking import OptoutAsked
from mdms.services.optout_days import OptoutDays
from mdms.services.optouts import OptoutService
from tests.controls import a_registry
from tests.fakes import FakeClock
from tests.policy import CALENDAR, RULEBOOK

ZONE: Final = ZoneInfo("America/Los_Angeles")
BOOK: Final = CustomerBook(RULEBOOK, CALENDAR)
STATED_AT: Final = datetime(2026, 11, 1, tzinfo=UTC)

GOOD: Final = {
    "tampering": "no",
    "standing": "current",
    "self_read_accepted": "yes",
    "access_obstructed": "no",
    "site_hazardous": "no",
}
"""What is known of a customer whom nothing keeps from opting out but the form."""

_OF_PREMISE: Final = frozenset({"access_obstructed", "site_hazardous"})


async def state(work: UnitOfWork, at: datetime, **facts: str) -> None:
    """State facts about account A1 and premise P1 as the customer system does."""
    await work.facts.add(
        [
            CisFact(
                subject=Subject.PREMISE if name in _OF_PREMISE else Subject.ACCOUNT,
                subject_id="P1" if name in _OF_PREMISE else "A1",
                fact=name,
                value=value,
                effective_at=at,
                known_at=at,
            )
            for name, value in facts.items()
        ]
    )


class Household:
    """A home, its customer's requests, and the days that pass."""

    def __init__(self, store: UnitOfWorkFactory, clock: FakeClock) -> None:
        self.store = store
        self.clock = clock
        self.optouts = OptoutService(store, clock, BOOK)
        self.days = OptoutDays(store, clock, BOOK, self.optouts)

    async def settle(self) -> None:
        """Build the home, and state what is good about its customer."""
        async with self.store() as work:
            await work.registry.merge(a_registry())
            await state(work, STATED_AT, **GOOD)

    async def enrol(self, *, form: bool = True, **asked: object) -> UUID:
        """Ask for the whole home at the counter; return the request's id."""
        today = BOOK.today(self.clock.now())
        answer = await self.optouts.enrol(
            OptoutAsked(**{"who": "A1", "form_on": today if form else None, **asked}),  # type: ignore[arg-type]  # whatever a test asks for
            "clerk",
        )
        return UUID(answer["optout_id"])

    async def on(self, day: date) -> None:
        """Let time pass until noon of a day, and do what is due then."""
        noon = datetime(day.year, day.month, day.day, 20, tzinfo=UTC)
        self.clock.advance(noon - self.clock.now())
        await self.days.run()

    async def fees(self) -> list[tuple[str, str, str]]:
        """Return kind, day and amount of every sum charged."""
        events = await self.optouts.events(date(2026, 1, 1), date(2030, 1, 1))
        return [(each["kind"], each["due_on"], each["amount_usd"]) for each in events]

    async def opted_out(self) -> set[str]:
        """Return the meters whose radio must be silent."""
        async with self.store() as work:
            return {each.badge for each in await work.optouts.every() if each.ended_at is None}
