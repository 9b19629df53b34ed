"""One suite for the fake and for PostgreSQL: what ingest may rely on."""

from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mdms.domain.readings import IntervalReads, RegisterReads, Source
from mdms.domain.registry import ChannelTable
from mdms.domain.time import to_epoch_s, to_epoch_us
from mdms.ports import CollectorSequence, UnitOfWorkFactory, UplinkMessage
from tests.fakes import FakeUnitOfWork

AT = datetime(2026, 11, 3, 8, tzinfo=UTC)
MESSAGE = UplinkMessage(
    collector_id=7,
    boot_id=111,
    batch_seq=1,
    batch_us=to_epoch_us(AT),
    kind="read",
    frame_count=1,
    payload=b"FNB1",
    received_at=AT,
)
NO_ROWS: list[Any] = [np.empty(0) for _ in fields(ChannelTable)]


@pytest.fixture(params=["fake", pytest.param("postgres", marks=pytest.mark.db)])
def unit_of_work(request: pytest.FixtureRequest) -> UnitOfWorkFactory:
    if request.param == "fake":
        return FakeUnitOfWork(ChannelTable(*NO_ROWS), [7])
    store: UnitOfWorkFactory = request.getfixturevalue("store")
    return store


def intervals(slots: npt.ArrayLike, values: npt.ArrayLike) -> IntervalReads:
    start_s = to_epoch_s(AT) + 900 * np.asarray(slots)
    return IntervalReads.raw(
        np.ones_like(start_s),
        start_s,
        np.asarray(values),
        recorded_us=to_epoch_us(AT),
        source=Source.UPLINK,
    )


def register(value: int) -> RegisterReads:
    return RegisterReads.raw(
        np.array([1]),
        np.array([to_epoch_s(AT)]),
        np.array([value]),
        recorded_us=to_epoch_us(AT),
        source=Source.UPLINK,
    )


@pytest.mark.parametrize("sure", [True, False])
async def test_rows_are_stored_once_and_those_whose_key_is_taken_are_returned(unit_of_work, sure):
    async with unit_of_work() as work:
        first = await work.readings.append_raw(intervals([0, 1], [5, 6]), register(9), sure=sure)
    async with unit_of_work() as work:
        second = await work.readings.append_raw(
            intervals([2, 1, 0], [7, 60, 5]), register(9), sure=sure
        )

    assert [len(part) for part in first] == [0, 0]
    assert second[0].value.tolist() == [60, 5]
    assert second[1].value.tolist() == [9]


async def test_a_message_is_new_once(unit_of_work):
    later = replace(MESSAGE, batch_seq=2, batch_us=MESSAGE.batch_us + 1_000_000)
    async with unit_of_work() as work:
        first = await work.messages.record([MESSAGE])
    async with unit_of_work() as work:
        second = await work.messages.record([MESSAGE, later])
    async with unit_of_work() as work:
        third = await work.messages.record([MESSAGE])
        sequences = await work.messages.sequences()

    assert (first, second, third) == (1, 1, 0)
    assert sequences == [
        CollectorSequence(7, 111, 2, datetime(2026, 11, 3, 8, 0, 1, tzinfo=UTC), AT)
    ]


async def test_an_exception_rolls_all_of_it_back(unit_of_work):
    async def fail_after_storing() -> None:
        async with unit_of_work() as work:
            await work.messages.record([MESSAGE])
            await work.readings.append_raw(intervals([0], [5]), register(9), sure=True)
            raise LookupError

    with pytest.raises(LookupError):
        await fail_after_storing()

    async with unit_of_work() as work:
        taken = await work.readings.append_raw(intervals([0], [5]), register(9), sure=False)
        added = await work.messages.record([MESSAGE])
    assert [len(part) for part in taken] == [0, 0]
    assert added == 1
