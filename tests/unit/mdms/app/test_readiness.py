"""Is the database there? Answered in time, whatever it does."""

import asyncio

import pytest

from mdms.app.readiness import DatabaseProbe
from mdms.domain.errors import UnavailableError


async def test_a_database_that_answers_is_no_problem():
    async def ask() -> None:
        return

    assert await DatabaseProbe(ask).problems() == []


async def test_a_database_that_is_away_says_why():
    async def ask() -> None:
        raise UnavailableError("the database is away")

    assert await DatabaseProbe(ask).problems() == ["the database is away"]


async def test_a_frozen_database_is_asked_once_until_it_answers():
    asked, thawed = [], asyncio.Event()

    async def ask() -> None:
        asked.append(1)
        await thawed.wait()

    probe = DatabaseProbe(ask, patience_s=0.01)
    frozen = [await probe.problems() for _ in range(3)]
    thawed.set()
    after = await probe.problems()

    assert frozen == [["the database has not answered for 0.01 s"]] * 3
    assert after == []
    assert asked == [1]


async def test_a_mistake_of_ours_is_no_state_of_the_database():
    async def ask() -> None:
        raise KeyError("a mistake")

    with pytest.raises(KeyError):
        await DatabaseProbe(ask).problems()
