"""What has been kept for its term goes, and nothing else."""

from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import cast

import pytest

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

    forget_grants = forget

    async def forget_wishes(self, _before: date) -> int:
        return 0  # by the term of consents, as grants are


NAMES = (
    "raw_messages", "quarantine", "gaps", "access_log", "alerts", "customers", "service_levels",
    "grid_days",
)  # fmt: skip


def factory(stores: dict[str, Store]) -> UnitOfWorkFactory:
    @asynccontextmanager
    async def unit_of_work():
        yield SimpleNamespace(**stores)

    return cast("UnitOfWorkFactory", unit_of_work)


async def run(*, on_hold: bool) -> dict[str, list[date]]:
    stores = {name: Store() for name in NAMES}
    book = CustomerBook(RULEBOOK, CALENDAR)
    await RetentionService(factory(stores), FakeClock(NOW), book, on_hold=on_hold).run()
    return {name: store.before for name, store in stores.items()}


async def test_messages_go_when_ninety_local_days_are_over():
    assert (await run(on_hold=False))["raw_messages"] == [datetime(2026, 9, 11, 7, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("name", "first_kept"),
    [
        ("quarantine", date(2023, 12, 10)),
        ("gaps", date(2023, 12, 10)),
        ("access_log", date(2025, 12, 10)),
        ("alerts", date(2025, 12, 10)),
        ("customers", date(2022, 12, 10)),
        ("service_levels", date(2019, 12, 10)),
        ("grid_days", date(2019, 12, 10)),
    ],
)
async def test_what_has_a_term_in_months_goes_when_it_is_over(name, first_kept):
    assert (await run(on_hold=False))[name] == [first_kept]


async def test_nothing_goes_while_there_is_a_legal_hold():
    assert await run(on_hold=True) == {name: [] for name in NAMES}
