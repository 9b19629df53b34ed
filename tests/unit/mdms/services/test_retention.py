"""What has been kept for its term goes, and nothing else."""

from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import cast

from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.customer_rules import CustomerBook
from mdms.services.retention import RetentionService
from tests.editions import CALENDAR, RULEBOOK
from tests.fakes import FakeClock

NOW = datetime(2026, 12, 10, 11, tzinfo=UTC)


class Store:
    """Notes what it was told to forget."""

    def __init__(self) -> None:
        self.before: list[date] = []

    async def forget(self, before: date) -> int:
        self.before.append(before)
        return 1


def factory(messages: Store, portal: Store) -> UnitOfWorkFactory:
    @asynccontextmanager
    async def unit_of_work():
        yield SimpleNamespace(raw_messages=messages, access_log=portal, alerts=portal)

    return cast("UnitOfWorkFactory", unit_of_work)


async def run(*, on_hold: bool) -> tuple[list[date], list[date]]:
    messages, portal = Store(), Store()

    book = CustomerBook(RULEBOOK, CALENDAR)
    await RetentionService(factory(messages, portal), FakeClock(NOW), book, on_hold=on_hold).run()
    return messages.before, portal.before


async def test_messages_go_when_ninety_local_days_are_over():
    messages, _ = await run(on_hold=False)

    assert messages == [datetime(2026, 9, 11, 7, tzinfo=UTC)]


async def test_looks_and_alerts_go_after_a_year():
    _, portal = await run(on_hold=False)

    assert portal == [date(2025, 12, 10)] * 2


async def test_nothing_goes_while_there_is_a_legal_hold():
    assert await run(on_hold=True) == ([], [])
