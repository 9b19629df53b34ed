"""Customer Reads Own Meter on a real database: readings, windows, verifications, bills."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from mdms.domain.errors import OperatorError, UsageError
from mdms.domain.readings import IntervalReads, RegisterReads, Source
from mdms.domain.time import Period, to_epoch_s
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.self_read_months import SelfReadMonths
from mdms.services.self_reads import ReadSent, SelfReadService
from mdms.services.sheets import FilesRejectedError
from tests.controls import AT
from tests.fakes import FakeClock
from tests.households import BOOK, Household

pytestmark = pytest.mark.db

DAY = timedelta(days=1)
DAILY_WH = 10_000
NOVEMBER = (date(2026, 11, 3), date(2026, 12, 3))


class ReadHome(Household):
    """A household that has opted out, and what its customer reads on E1: 10 kWh a day, from 100."""

    def __init__(self, store: UnitOfWorkFactory, clock: FakeClock) -> None:
        super().__init__(store, clock)
        self.reads = SelfReadService(store, clock, BOOK)
        self.months = SelfReadMonths(store, clock, BOOK)

    async def channel_id(self, badge: str) -> int:
        async with self.store() as work:
            return int((await work.registry.channels_of([badge])).channel_id[0])

    async def heard(self, badge: str = "E1", *, days: int = 40) -> None:
        """Let the radio have sent a register each day before the opt-out."""
        at_s = to_epoch_s(AT) - 86_400 * np.arange(days, -1, -1)
        rows = RegisterReads.raw(
            np.full(len(at_s), await self.channel_id(badge)),
            at_s,
            100_000 + DAILY_WH * (np.arange(len(at_s)) - days),
            recorded_us=0,
            source=Source.UPLINK,
        )
        async with self.store() as work:
            await work.readings.append_register_versions(rows)

    async def sends(
        self, register: str, at: datetime | None = None, *, verifies: bool = False
    ) -> dict[str, Any]:
        if at is not None:
            self.clock.advance(at - self.clock.now())
        sent = ReadSent(meter="E1", register=Decimal(register), verifies=verifies)
        return await self.reads.add(sent, "clerk")

    async def stored(self) -> list[tuple[str, int, Source]]:
        """Return status, value and source of E1's registers since the opt-out."""
        async with self.store() as work:
            rows = await work.readings.registers(
                Period(AT + DAY, AT + 800 * DAY), channel_ids=[await self.channel_id("E1")]
            )
        return [
            (chr(status), int(value), Source(source))
            for status, value, source in zip(rows.status, rows.value, rows.source, strict=True)
        ]


@pytest.fixture
async def home(store: UnitOfWorkFactory) -> ReadHome:
    made = ReadHome(store, FakeClock(AT))
    await made.settle()
    await made.heard()
    await made.enrol(who="E1", usage_points=("UE1", "UE2", "UG1"))
    return made


async def codes(home: ReadHome) -> list[str]:
    return [task["code"] for task in await home.optouts.tasks(open_only=True)]


async def test_a_plausible_reading_is_billed_as_the_customers(home):
    answer = await home.sends("385", AT + 28 * DAY)

    assert (answer["accepted"], answer["codes"]) == (True, [])
    assert await home.stored() == [("V", 385_000, Source.SELF_READ)]


@pytest.mark.parametrize(("register", "cure"), [("90", "below the last one"), ("950", "3 times")])
async def test_what_is_not_plausible_is_kept_and_asked_for_again(home, register, cure):
    answer = await home.sends(register, AT + 28 * DAY)

    assert (answer["accepted"], answer["codes"]) == (False, ["CROM_CHECK"])
    assert cure in answer["cure"]
    assert await home.stored() == []


async def test_a_supervisor_who_made_sure_lets_it_be_billed(home):
    answer = await home.sends("950", AT + 28 * DAY)

    accepted = await home.reads.accept(answer["self_read_id"], "chief", "visited")

    assert accepted["accepted"]
    assert await home.stored() == [("V", 950_000, Source.SELF_READ)]


async def test_slips_are_refused_with_a_sentence(home):
    with pytest.raises(UsageError, match="too few digits"):
        await home.sends("1000000")
    with pytest.raises(UsageError, match="lies ahead"):
        await home.reads.add(ReadSent(meter="E1", register=Decimal(1), at=AT + DAY), "clerk")
    with pytest.raises(OperatorError, match="not read by its customer"):
        await home.reads.add(ReadSent(meter="W1", register=Decimal(1)), "clerk")
    await home.sends("150", AT + 5 * DAY)
    with pytest.raises(OperatorError, match="known already"):
        await home.reads.add(ReadSent(meter="E1", register=Decimal(120), at=AT + DAY), "clerk")


async def test_a_month_without_a_reading_is_estimated_from_history(home):
    home.clock.advance(datetime(2026, 12, 3, 18, tzinfo=UTC) - AT)

    first = await home.months.close(*NOVEMBER)
    again = await home.months.close(*NOVEMBER)

    # 28.6 days since the last register count as 29, of 10 kWh each. E2 and G1 have no history.
    assert (first, again) == (3, 0)
    assert await home.stored() == [("E", 390_000, Source.VEE)]
    assert await codes(home) == []


async def test_a_read_that_comes_after_its_estimate_is_stored_beside_it(home):
    home.clock.advance(datetime(2026, 12, 3, 18, tzinfo=UTC) - AT)
    await home.months.close(*NOVEMBER)
    late = RegisterReads.raw(
        np.array([await home.channel_id("E1")]),
        np.array([to_epoch_s(datetime(2026, 12, 3, 8, tzinfo=UTC))]),
        np.array([371_000]),
        recorded_us=2,
        source=Source.FILE,
    )
    async with home.store() as work:
        await work.readings.append_raw(IntervalReads.empty(), late, sure=False)

    assert await home.stored() == [("R", 371_000, Source.FILE), ("E", 390_000, Source.VEE)]


async def test_a_reading_near_the_end_of_the_window_is_that_months(home):
    await home.sends("382", datetime(2026, 12, 2, 18, tzinfo=UTC))
    home.clock.advance(2 * DAY)

    await home.months.close(*NOVEMBER)

    (row,) = [row for row in await home.months.due() if row["meter"] == "E1"]
    assert (row["last_register"], row["missing_in_a_row"]) == ("382", 0)
    assert row["due_on"] == "2027-01-02"
    assert len(await home.stored()) == 1


async def windows(home: ReadHome, count: int) -> None:
    """Close so many windows of 30 days, one after the other, without a reading."""
    start = NOVEMBER[0]
    for _ in range(count):
        end = start + 30 * DAY
        home.clock.advance(
            datetime(end.year, end.month, end.day, 18, tzinfo=UTC) - home.clock.now()
        )
        await home.months.close(start, end)
        start = end


async def test_two_months_missing_in_a_row_and_failing_consistently_are_for_people(home):
    await windows(home, 2)
    two = [task for task in await home.optouts.tasks(open_only=True) if task["subject"] == "E1"]
    await windows_after(home)

    three = {
        task["code"] for task in await home.optouts.tasks(open_only=True) if task["subject"] == "E1"
    }
    assert [task["code"] for task in two] == ["CROM_2MISS"]
    assert three == {"CROM_2MISS", "CROM_REVOKE"}
    assert (await home.optouts.every())[0]["state"] == "in_force"


async def windows_after(home: ReadHome) -> None:
    """Close the third window without a reading."""
    start = NOVEMBER[0] + 60 * DAY
    home.clock.advance(30 * DAY)
    await home.months.close(start, start + 30 * DAY)


async def test_a_month_sent_in_time_but_not_plausible_is_estimated_and_not_counted(home):
    await home.sends("950", datetime(2026, 12, 1, 18, tzinfo=UTC))
    home.clock.advance(2 * DAY)

    await home.months.close(*NOVEMBER)

    (row,) = [row for row in await home.months.due() if row["meter"] == "E1"]
    assert row["missing_in_a_row"] == 0
    assert (await home.stored())[0][0] == "E"


async def test_the_utility_reads_the_meter_once_a_year(home):
    home.clock.advance(364 * DAY)
    await home.months.run()
    early = await codes(home)
    home.clock.advance(2 * DAY)

    await home.months.run()
    await home.months.run()

    assert early == []
    assert await codes(home) == ["CROM_VERIFY_DUE"] * 3


async def test_a_verified_register_that_differs_is_trued_up_and_both_are_kept(home):
    await home.sends("385", AT + 28 * DAY)

    answer = await home.sends("450", AT + 30 * DAY, verifies=True)

    (task,) = await home.optouts.tasks(open_only=True)
    assert answer["accepted"]
    assert task["code"] == "CROM_TRUE_UP"
    assert await home.stored() == [
        ("V", 385_000, Source.SELF_READ),
        ("V", 450_000, Source.FILE),
    ]


async def test_a_verified_register_that_fits_needs_nobody(home):
    await home.sends("385", AT + 28 * DAY)

    await home.sends("405", AT + 30 * DAY, verifies=True)

    assert await codes(home) == []


CSV = "meter,register,at,evidence\r\nE1,150,2026-11-09T18:00:00Z,photo 1\r\nE1,385,,\r\n"


async def test_a_file_is_taken_as_a_whole(home):
    home.clock.advance(28 * DAY)

    taken = await home.reads.import_file("reads.csv", CSV, "clerk")

    assert [each["accepted"] for each in taken] == [True, True]
    assert [row[1] for row in await home.stored()] == [150_000, 385_000]


async def test_of_a_file_with_a_bad_row_nothing_is_taken(home):
    home.clock.advance(28 * DAY)

    with pytest.raises(FilesRejectedError) as rejected:
        await home.reads.import_file("reads.csv", CSV + "W1,1,,\r\nE1,many,,\r\n", "clerk")

    assert [fault.line for fault in rejected.value.faults] == [4, 5]
    assert await home.stored() == []
