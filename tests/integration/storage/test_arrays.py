"""Arrays as parameters arrive as what they are, wherever a statement may take one."""

from datetime import date

import numpy as np
import pytest
from psycopg import AsyncConnection

from mdms.storage.arrays import Dates, Integers

pytestmark = pytest.mark.db

NUMBERS = [-(2**31), -1, 0, 7, 2**31 - 1]
DAYS = [date(1999, 12, 31), date(2000, 1, 1), date(2026, 11, 3)]


async def test_integers_and_dates_arrive_in_a_query(database: str) -> None:
    async with await AsyncConnection.connect(database) as connection:
        cursor = await connection.execute(
            "SELECT %s, %s, %s, pg_typeof(%s)::text",
            [Integers.of(NUMBERS), Integers.of(np.array(NUMBERS)), Dates.of(DAYS), Dates.of([])],
        )

        assert await cursor.fetchone() == (NUMBERS, NUMBERS, DAYS, "date[]")


async def test_integers_arrive_in_a_copy(database: str) -> None:
    async with (
        await AsyncConnection.connect(database) as connection,
        connection.cursor() as cursor,
        cursor.copy(
            "COPY (SELECT unnest(%s::integer[])) TO STDOUT", [Integers.of(NUMBERS)]
        ) as copy,
    ):
        rows = [row async for row in copy.rows()]

    assert [int(text) for (text,) in rows] == NUMBERS
