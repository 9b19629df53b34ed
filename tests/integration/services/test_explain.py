"""Explanations on a real database: inputs, people, and the same bits again."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import numpy as np
import pytest

from mdms.domain.edits import EditOperation, EditReason
from mdms.domain.errors import NotFoundError
from mdms.domain.events import EndDeviceEvent, EventCode, Severity
from mdms.domain.facts import CisFact, Subject
from mdms.domain.readings import IntervalReads, RegisterReads, Source
from mdms.domain.time import Period, to_epoch_us
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.services.vee_explain import ExplainService
from tests.integration.services.editing import (
    FIRST,
    LAST,
    METER,
    PACIFIC,
    RULES,
    STARTS,
    VALUE,
    Desk,
    a_desk,
    at,
)
from tests.integration.storage.registries import E100_MOVED, SMALL_TOWN

pytestmark = pytest.mark.db

GAP = slice(600, 610)
POINT = SMALL_TOWN.usage_points[0]
NEW_METER = replace(E100_MOVED, multiplier=1)


def explaining(desk: Desk) -> ExplainService:
    return ExplainService(desk.store, desk.clock, RULES, PACIFIC)


async def test_a_value_that_was_received_is_explained_and_made_again(store):
    desk = await a_desk(store)

    why = await explaining(desk).explain(METER, at(100))

    assert (why["value"], why["status"], why["source"]) == (VALUE[100], "V", "uplink")
    assert why["bracket"]["usage"] == VALUE[96:192].sum()
    assert why["outcome"]["ruleset_hash"] == RULES.hash
    assert (why["same"], why["differs"], why["sources"]) == (True, [], [])


async def test_an_estimate_names_its_method_its_sources_and_its_bracket(store):
    desk = await a_desk(store, heard=GAP)

    for slot in range(600, 610):
        why = await explaining(desk).explain(METER, at(slot))

        assert (why["status"], why["iec"], why["same"]) == ("E", ["3.8.0"], True)
        assert why["method"] != "NONE"
        assert why["bracket"]["missing"] == 10
        assert why["bracket"]["residual"] == VALUE[GAP].sum()
        if why["sources"]:
            weight = sum(each["weight"] for each in why["sources"])
            assert 0.5 < weight < 1 if why["lighter"] else weight == pytest.approx(1, abs=0.01)


OTHER = "E101"
"""A meter like the desk's, at another point."""
SCARCE = slice(96, 672)
"""After its first day the desk's meter was not heard, a Tuesday."""
SATURDAY, SUNDAY = 4 * 96 + 40, 5 * 96 + 70
WEEK_SLOTS = 7 * 96


async def hear(
    desk: Desk, meter: str, first: date, last: date, value: int, *, rise: int = 0
) -> None:
    """Store reads of a meter's delivered energy, which rise by the hour of UTC."""
    period = Period.of_days(first, last, PACIFIC)
    starts = np.arange(period.start_s, period.end_s, 900)
    async with desk.store() as work:
        table = await work.registry.channels()
        (channel,) = table.channel_id[(table.badge == meter) & (table.wire_channel == 0x10)][:1]
        await work.readings.append_raw(
            IntervalReads.raw(
                np.full(len(starts), channel), starts, value + rise * (starts // 3600 % 24),
                recorded_us=0, source=Source.UPLINK,
            ),
            RegisterReads.empty(),
            sure=True,
        )  # fmt: skip


async def a_scarce_desk(store: UnitOfWorkFactory, *others: str) -> Desk:
    """Return a desk whose meter was hardly heard, and others that are as new."""
    desk = await a_desk(store, heard=SCARCE)
    every = tuple(sorted((OTHER, *others)))
    async with store() as work:
        await work.registry.merge(
            replace(
                SMALL_TOWN,
                usage_points=tuple(replace(POINT, usage_point_id=f"U-{each}") for each in every),
                meters=tuple(
                    replace(
                        NEW_METER, badge=each, serial=each, usage_point_id=f"U-{each}", radio_id=n
                    )
                    for n, each in enumerate(every, 900)
                ),
                channels=tuple(replace(SMALL_TOWN.channels[0], badge=each) for each in every),
            )
        )
    return desk


async def test_a_copied_value_names_the_second_meter(store):
    desk = await a_scarce_desk(store)
    await hear(desk, OTHER, FIRST, LAST, 70)
    second = CisFact(
        subject=Subject.USAGE_POINT, subject_id="U1", fact="check_meter", value=OTHER,
        effective_at=at(0), known_at=at(0),
    )  # fmt: skip
    async with store() as work:
        await work.facts.add([second])
    await desk.judge(FIRST, LAST)

    why = await explaining(desk).explain(METER, at(300))

    assert (why["method"], why["same"]) == ("K1", True)
    named = [(each["meter"], each["value"], each["weight"]) for each in why["sources"]]
    assert named == [(OTHER, 70, 1.0)]


async def test_an_estimate_from_the_year_before_names_its_weeks(store):
    desk = await a_scarce_desk(store)
    await hear(desk, METER, FIRST - timedelta(weeks=54), LAST - timedelta(weeks=50), 80)
    await desk.judge(FIRST, LAST)

    why = await explaining(desk).explain(METER, at(SATURDAY))

    assert (why["method"], why["same"]) == ("H3", True)
    weeks = {
        (FIRST + timedelta(days=4) - date.fromisoformat(s["day"])).days for s in why["sources"]
    }
    assert weeks == {51 * 7, 52 * 7, 53 * 7}
    assert [each["name"] for each in why["factors"]] == ["change of daily usage in a year"]


async def test_a_profile_of_a_class_names_its_meters_whatever_else_was_judged_with_it(store):
    desk = await a_scarce_desk(store, "E102")
    eve = FIRST - timedelta(days=1)
    await hear(desk, OTHER, FIRST - timedelta(weeks=4), eve, 50)
    await hear(desk, "E102", FIRST - timedelta(days=5), eve, 50, rise=9)
    await desk.vee.run(FIRST, LAST)

    for slot in (SATURDAY, SUNDAY):
        why = await explaining(desk).explain(METER, at(slot))

        assert (why["method"], why["same"], why["sources"]) == ("C1", True, [])
        daily, share = why["factors"]
        assert daily["meters"] == [METER]
        assert share["meters"] == [OTHER, "E102"]


async def test_a_class_is_judged_up_to_the_week_before_it_speaks_for_a_gap(store):
    desk = await a_scarce_desk(store)
    sunday, saturday = LAST - timedelta(days=1), LAST + timedelta(days=5)
    await hear(desk, OTHER, FIRST - timedelta(weeks=4), sunday - timedelta(days=1), 50, rise=9)
    await hear(desk, OTHER, sunday, sunday, 50_000)  # more than can be
    desk.clock.advance(timedelta(days=7))
    await desk.vee.run(sunday, saturday)

    why = await explaining(desk).explain(METER, at(SATURDAY + WEEK_SLOTS))

    assert (why["method"], why["same"], why["differs"]) == ("C1", True, [])


async def test_a_class_speaks_for_a_day_whatever_is_missing_on_others(store):
    desk = await a_scarce_desk(store)
    saturday = LAST + timedelta(days=5)
    await hear(desk, OTHER, FIRST - timedelta(weeks=4), saturday, 50, rise=9)
    await hear(desk, METER, saturday, saturday, 50_000)  # more than can be, but all there
    desk.clock.advance(timedelta(days=7))
    await desk.vee.run(LAST, saturday)

    why = await explaining(desk).explain(METER, at(SATURDAY + WEEK_SLOTS))

    assert (why["method"], why["same"], why["differs"]) == ("C1", True, [])


async def test_an_outage_that_is_told_of_later_does_not_change_why_an_estimate_was_made(store):
    desk = await a_desk(store, heard=GAP, registers=False)
    back = EndDeviceEvent(
        collector_id=17,
        badge=METER,
        radio_id=1,
        code=EventCode.RESTORE,
        at=at(GAP.stop),
        severity=Severity.INFORMATION,
        value=900 * (GAP.stop - GAP.start),
        received_at=desk.clock.now() + timedelta(hours=2),
    )
    async with desk.store() as work:
        await work.events.append([back])

    before = await explaining(desk).explain(METER, at(604))
    desk.clock.advance(timedelta(hours=3))
    await desk.judge(FIRST, LAST)
    after = await explaining(desk).explain(METER, at(604))

    assert (before["status"], before["same"], before["differs"]) == ("E", True, [])
    assert (after["status"], after["same"], after["differs"]) == ("Z", True, [])


async def test_an_estimate_is_made_again_as_it_was_before_its_read_came_late(store):
    desk = await a_desk(store, heard=GAP)
    desk.clock.advance(timedelta(hours=2))
    came = desk.clock.now()
    async with desk.store() as work:
        await work.readings.append_raw(
            IntervalReads.raw(
                np.array([desk.channel_id]), STARTS[605:606], VALUE[605:606] + 3,
                recorded_us=to_epoch_us(came), source=Source.BACKFILL,
            ),
            RegisterReads.empty(),
            sure=True,
        )  # fmt: skip

    why = await explaining(desk).explain(METER, at(605))

    assert (why["status"], why["same"], why["differs"]) == ("E", True, [])
    assert why["received_since"] == came.isoformat()
    assert (await explaining(desk).explain(METER, at(604)))["received_since"] is None


async def test_an_edit_names_who_asked_and_who_agreed(store):
    desk = await a_desk(store)
    edit = await desk.ask(
        EditOperation.SET, 40, 50, values=(150,), override_sum="x", reason=EditReason.TEST_ADJ
    )
    await desk.edits.decide(UUID(edit["edit_id"]), "bob", "supervisor", approve=True)

    why = await explaining(desk).explain(METER, at(44))

    assert (why["value"], why["status"], why["source"]) == (150, "X", "edit")
    assert [each["value"] for each in why["versions"]] == [VALUE[44], 150]
    assert [(e["editor"], e["decided_by"]) for e in why["edits"]] == [("ann", "bob")]
    assert why["same"] is True


async def test_what_differs_is_told_where_the_store_was_tampered_with(store):
    desk = await a_desk(store, heard=GAP)
    async with store() as work:
        await work.edits._connection.execute(
            "UPDATE interval_read SET value = value + 7 WHERE version = 1 AND start_utc = %s",
            [at(605)],
        )

    why = await explaining(desk).explain(METER, at(605))

    assert why["same"] is False
    assert why["differs"][0].startswith(f"value: stored {why['value']}, now {why['value'] - 7}")


async def test_a_release_with_another_rule_set_explains_what_the_one_before_made(store):
    desk = await a_desk(store, heard=GAP)
    newer = replace(RULES, estimate=replace(RULES.estimate, references_min=5))

    why = await ExplainService(store, desk.clock, newer, PACIFIC).explain(METER, at(604))

    assert (why["status"], why["same"]) == ("E", True)
    assert why["outcome"]["ruleset_hash"] == RULES.hash != newer.hash
    assert why["outcome"]["ruleset"] == RULES.edition.version


async def test_what_is_not_stored_or_not_judged_is_said(store):
    desk = await a_desk(store)

    with pytest.raises(NotFoundError, match="nothing is stored"):
        await explaining(desk).explain(METER, at(3000))
    with pytest.raises(NotFoundError, match="E999"):
        await explaining(desk).explain("E999", at(1))


async def a_silent_summer(desk: Desk, days: int) -> date:
    """Let the desk's meter fall silent after its week, but for one register; return its day."""
    end = LAST + timedelta(days=days + 1)
    period = Period.of_days(end, end, PACIFIC)
    desk.clock.advance(period.end_utc - desk.clock.now())
    async with desk.store() as work:
        await work.readings.append_raw(
            IntervalReads.empty(),
            RegisterReads.raw(
                np.array([desk.channel_id]), np.array([period.start_s]),
                np.array([VALUE.sum() + days * 8_001]), recorded_us=0, source=Source.UPLINK,
            ),
            sure=True,
        )  # fmt: skip
    return end


async def test_an_estimate_between_registers_a_season_apart_is_made_again(store):
    desk = await a_desk(store)
    end = await a_silent_summer(desk, 120)
    first = LAST + timedelta(days=1)
    for day in (first, first + timedelta(days=60), end - timedelta(days=1)):
        await desk.judge(day, day)
        noon = Period.of_days(day, day, PACIFIC).start_utc + timedelta(hours=12)

        why = await explaining(desk).explain(METER, noon)

        assert (why["status"], why["bracket"]["usage"]) == ("E", 120 * 8_001)
        assert (why["same"], why["differs"]) == (True, [])
