"""What has been kept for its term goes, and nothing else."""

from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.customer_rules import CustomerBook
from mdms.services.retention import RetentionService
from tests.editions import CALENDAR, RULEBOOK
from tests.fakes import FakeClock

NOW = datetime(2026, 12, 10, 11, tzinfo=UTC)


class Messages:
    """Notes what it was told to forget."""

    def __init__(self) -> None:
        self.before: list[datetime] = []

    async def forget(self, before: datetime) -> int:
        self.before.append(before)
        return 1


def factory(messages: Messages) -> UnitOfWorkFactory:
    @asynccontextmanager
    async def unit_of_work():
        yield SimpleNamespace(raw_messages=messages)

    return cast("UnitOfWorkFactory", unit_of_work)


async def run(*, on_hold: bool) -> list[datetime]:
    messages = Messages()
    book = CustomerBook(RULEBOOK, CALENDAR)
    await RetentionService(factory(messages), FakeClock(NOW), book, on_hold=on_hold).run()
    return messages.before


async def test_messages_go_when_ninety_local_days_are_over():
    assert await run(on_hold=False) == [datetime(2026, 9, 11, 7, tzinfo=UTC)]


async def test_nothing_goes_while_there_is_a_legal_hold():
    assert await run(on_hold=True) == []
