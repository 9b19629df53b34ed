"""Edits on a real database: what they do, who must agree, what bills and people see."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from mdms.domain.edits import EditNotAllowedError, EditOperation, EditReason
from mdms.domain.errors import UsageError
from mdms.domain.reading_types import reading_type
from mdms.domain.readings import IntervalReads, RegisterReads, Source
from mdms.domain.registry import Commodity
from mdms.ports.billing import BillingDeterminant
from mdms.services.edit_values import EditRequest
from tests.integration.services.editing import FIRST, LAST, METER, VALUE, WEEK, Desk, a_desk, at

pytestmark = pytest.mark.db

SET, SCALE, ZERO = EditOperation.SET, EditOperation.SCALE, EditOperation.ZERO
GAP = slice(40, 50)
FLAT: dict[str, Any] = {"values": (150,), "override_sum": "the meter stood still"}


async def test_a_small_edit_is_in_force_at_once_and_its_bracket_still_adds_up(store):
    desk = await a_desk(store)
    wanted = tuple(int(v) for v in VALUE[40:50][::-1])

    edit = await desk.ask(SET, 40, 50, values=wanted, ticket="T-7")

    assert (edit["state"], edit["decided_by"], edit["four_eyes"]) == ("approved", "ann", [])
    assert edit["before"] == VALUE[40:50].tolist()
    assert edit["before_status"] == "V" * 10
    assert (edit["residual_before"], edit["residual_after"], edit["change"]) == ([0], [0], 0)
    assert await desk.current(40, 50) == [(value, "X") for value in wanted]
    assert await desk.queue() == []


async def test_what_does_not_add_up_is_refused_until_somebody_says_why(store):
    desk = await a_desk(store)

    with pytest.raises(EditNotAllowedError, match=r"V45.*override_sum"):
        await desk.ask(SET, 40, 50, values=(150,))
    edit = await desk.ask(SET, 40, 50, **FLAT)

    assert edit["residual_after"] == [int(VALUE[40:50].sum()) - 1500]
    assert await desk.current(40, 50) == [(150, "X")] * 10
    assert await desk.queue() == [], "its bracket need not add up, so nobody is asked"


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"values": (7000,), "override_sum": "x"}, "100 kWh"),
        ({**FLAT, "reason": EditReason.THEFT_EST}, "THEFT_EST"),
        ({**FLAT, "reason": EditReason.TEST_ADJ}, "TEST_ADJ"),
    ],
)
async def test_a_large_or_delicate_edit_waits_unseen_for_a_second_person(store, more, why):
    desk = await a_desk(store)
    before = await desk.current(0, 96)

    edit = await desk.ask(SET, 20, 60, **more)
    assert edit["state"] == "waiting"
    assert why in edit["four_eyes"][0]
    assert await desk.current(0, 96) == before
    with pytest.raises(EditNotAllowedError, match="somebody else"):
        await desk.edits.decide(UUID(edit["edit_id"]), "ann", "supervisor", approve=True)
    approved = await desk.edits.decide(UUID(edit["edit_id"]), "bob", "supervisor", approve=True)

    assert (approved["state"], approved["decided_by"]) == ("approved", "bob")
    assert {status for _, status in await desk.current(20, 60)} == {"X"}
    with pytest.raises(EditNotAllowedError, match="a decision stays"):
        await desk.edits.decide(UUID(edit["edit_id"]), "eve", "vee", approve=False)


async def test_a_large_edit_that_is_cut_into_small_ones_waits_for_a_second_person(store):
    desk = await a_desk(store)
    big: dict[str, Any] = {"values": (6_000,), "override_sum": "by-passed"}
    first = await desk.ask(SET, 20, 30, **big)

    second = await desk.ask(SET, 120, 130, **big)
    others = await desk.ask(SET, 120, 130, by="eve", **big)
    desk.clock.advance(timedelta(days=32))
    later = await desk.ask(SET, 220, 230, **big)

    states = [each["state"] for each in (first, second, others, later)]
    assert states == ["approved", "waiting", "approved", "approved"]
    assert "within 31 days" in second["four_eyes"][0]


async def test_an_edit_that_was_refused_or_taken_back_changes_nothing(store):
    desk = await a_desk(store)
    edit = await desk.ask(SET, 20, 60, reason=EditReason.THEFT_EST, **FLAT)

    await desk.edits.decide(UUID(edit["edit_id"]), "ann", "vee", approve=False, text="wrong meter")

    assert {status for _, status in await desk.current(20, 60)} == {"R"}
    assert [each["state"] for each in await desk.edits.some(meter="E100")] == ["refused"]


async def test_an_edit_asked_for_on_other_values_is_not_approved_any_more(store):
    desk = await a_desk(store)
    waiting = await desk.ask(SET, 20, 60, reason=EditReason.THEFT_EST, **FLAT)
    await desk.ask(ZERO, 30, 31, override_sum="tested")

    with pytest.raises(EditNotAllowedError, match="have changed"):
        await desk.edits.decide(UUID(waiting["edit_id"]), "bob", "supervisor", approve=True)

    assert (await desk.current(20, 21))[0][1] == "R"


async def test_scaling_gives_a_range_what_the_register_leaves(store):
    desk = await a_desk(store, off=300)

    edit = await desk.ask(SCALE, 0, 96)

    values = [value for value, _ in await desk.current(0, 96)]
    assert (edit["residual_before"], edit["residual_after"]) == ([300], [0])
    assert sum(values) == VALUE[:96].sum() + 300
    assert "2026-11-03" not in {each["day"] for each in await desk.queue()}


async def test_values_are_copied_shifted_and_drawn_as_a_line(store):
    desk = await a_desk(store)
    why: dict[str, Any] = {"override_sum": "tested"}

    await desk.ask(EditOperation.COPY, 40, 44, reference=at(136), **why)
    await desk.ask(EditOperation.SHIFT, 200, 204, shift=4, **why)
    await desk.ask(EditOperation.INTERPOLATE, 300, 303, **why)
    await desk.ask(ZERO, 400, 402, **why)

    assert [v for v, _ in await desk.current(40, 44)] == VALUE[136:140].tolist()
    assert [v for v, _ in await desk.current(200, 204)] == VALUE[196:200].tolist()
    assert [v for v, _ in await desk.current(300, 303)] == VALUE[300:303].tolist(), "it was one"
    assert [v for v, _ in await desk.current(400, 402)] == [0, 0]


@pytest.mark.parametrize(
    ("operation", "more", "why"),
    [
        (SET, {"values": (1, 2)}, "2 values for 10"),
        (SET, {"values": (-1,)}, "backwards"),
        (SET, {"values": (10**6,)}, "more than the service can carry"),
        (SET, {"values": (1,), "reason": EditReason.OTHER}, "OTHER needs a text"),
        (SCALE, {"total": -1}, "cannot sum"),
        (EditOperation.COPY, {}, "from where"),
        (EditOperation.SHIFT, {}, "by how many"),
        (EditOperation.ACCEPT, {}, "nothing in the range is suspect"),
    ],
)
async def test_what_makes_no_sense_is_refused_with_a_sentence(store, operation, more, why):
    desk = await a_desk(store)

    with pytest.raises(UsageError, match=why):
        await desk.ask(operation, 40, 50, **more)


async def test_what_lies_ahead_or_off_the_grid_is_not_edited(store):
    desk = await a_desk(store)

    with pytest.raises(UsageError, match="ahead"):
        await desk.ask(ZERO, 5000, 5001)
    with pytest.raises(UsageError, match="starts no interval"):
        await desk.edits.ask(
            EditRequest(
                meter="E100", operation=ZERO, start=at(1) + timedelta(minutes=1), end=at(2),
                reason=EditReason.CLOCK,
            ),
            "ann", "vee",
        )  # fmt: skip


async def test_a_register_that_somebody_read_closes_a_bracket(store):
    desk = await a_desk(store, heard=GAP)
    truth = int(VALUE[:60].sum())

    edit = await desk.edits.ask(
        EditRequest(
            meter="E100", operation=EditOperation.REGISTER, start=at(60), values=(truth,),
            reason=EditReason.FIELD_READ,
        ),
        "ann", "vee",
    )  # fmt: skip

    filled = await desk.current(40, 50)
    assert (edit["state"], edit["before"], edit["after"]) == ("approved", [None], [truth])
    assert sum(value for value, _ in filled) == VALUE[GAP].sum()
    assert {status for _, status in filled} == {"E"}


async def test_a_register_that_cannot_be_needs_a_reason(store):
    desk = await a_desk(store)
    for wrong in (int(VALUE[:60].sum()) + 5_000, 10**7):
        with pytest.raises(EditNotAllowedError, match="override_sum"):
            await desk.edits.ask(
                EditRequest(
                    meter="E100", operation=EditOperation.REGISTER, start=at(60), values=(wrong,),
                    reason=EditReason.FIELD_READ,
                ),
                "ann", "vee",
            )  # fmt: skip


async def shown(desk: Desk, slot: int, value: int, why: str) -> dict[str, Any]:
    """Say what the register showed, and why that is right."""
    request = EditRequest(
        meter="E100", operation=EditOperation.REGISTER, start=at(slot), values=(value,),
        reason=EditReason.FIELD_READ, override_sum=why,
    )  # fmt: skip
    return await desk.edits.ask(request, "ann", "vee")


async def test_what_somebody_says_of_a_register_that_does_not_add_up_is_not_asked_again(store):
    desk = await a_desk(store)

    edit = await shown(desk, 60, int(VALUE[:60].sum()) + 5_000, "the meter runs slow at night")

    assert edit["state"] == "approved"
    assert edit["residual_after"] == [5_000, -5_000]
    assert await desk.queue() == []
    assert {status for _, status in await desk.current(0, 96)} == {"R"}


async def test_a_register_that_somebody_vouches_for_counts_and_those_after_it_are_doubted(store):
    desk = await a_desk(store)

    for day in (1, 2):
        right = int(VALUE[: day * 96].sum()) + 50_000
        edit = await shown(desk, day * 96, right, "read by two of us")
        await desk.judge(FIRST, LAST)

        assert edit["state"] == "approved"
        assert edit["residual_after"] == ([50_000] if day == 1 else [0])
        asked = [(each["rule"], each["day"]) for each in await desk.queue()]
        assert asked == [("V41", str(FIRST + timedelta(days=day + 1)))]


async def test_a_register_beside_one_that_is_nearer_to_the_boundary_would_not_count(store):
    desk = await a_desk(store)
    beside = EditRequest(
        meter="E100", operation=EditOperation.REGISTER, start=at(96) + timedelta(seconds=30),
        values=(4_800,), reason=EditReason.FIELD_READ, override_sum="looked at it",
    )  # fmt: skip

    with pytest.raises(EditNotAllowedError, match="E100 is nearer"):
        await desk.edits.ask(beside, "ann", "vee")


@pytest.mark.parametrize(
    ("slot", "added", "heard", "change"),
    [
        (48, 900_000, None, 900_000),  # between two midnights, with every interval
        (48, 50_000, None, 50_000),
        (600, 900_000, slice(600, 672), 900_000),  # after what came last
        (48, -20_000, None, -20_000),
    ],
)
async def test_a_register_that_is_added_changes_usage_against_the_one_expected_there(
    store, slot, added, heard, change
):
    desk = await a_desk(store, heard=heard)
    register = EditRequest(
        meter="E100", operation=EditOperation.REGISTER, start=at(slot),
        values=((int(VALUE[:slot].sum()) + added) % 10**8,), reason=EditReason.FIELD_READ,
        override_sum="looked at it",
    )  # fmt: skip

    edit = await desk.edits.ask(register, "ann", "vee", dry_run=True)

    assert edit["change"] == change
    assert bool(edit["four_eyes"]) == (abs(change) > 100_000)


async def test_a_register_far_from_any_other_is_agreed_to_by_two(store):
    desk = await a_desk(store)
    received = reading_type(Commodity.ELECTRIC, 1, 900).name
    register = EditRequest(
        meter="E100", operation=EditOperation.REGISTER, start=at(24), values=(160,),
        reason=EditReason.FIELD_READ, reading_type=received,
    )  # fmt: skip

    edit = await desk.edits.ask(register, "ann", "vee", dry_run=True)

    assert edit["change"] == 0
    assert edit["four_eyes"] == [
        "no register was read within weeks that says by how much usage changes"
    ]


async def test_a_register_amid_intervals_that_nobody_knows_is_expected_by_time(store):
    desk = await a_desk(store)
    async with store() as work:
        table = await work.registry.channels()
        other, _ = table.channel_id[(table.badge == "E100") & (table.wire_channel == 0x11)]
        await work.readings.append_raw(
            IntervalReads.empty(),
            RegisterReads.raw(
                np.full(2, other), np.array([WEEK.start_s, WEEK.start_s + 96 * 900]),
                np.array([10**8 - 100, 700]), recorded_us=0, source=Source.UPLINK,
            ),
            sure=True,
        )  # fmt: skip
    register = EditRequest(
        meter="E100", operation=EditOperation.REGISTER, start=at(24), values=(160,),
        reason=EditReason.FIELD_READ, override_sum="looked at it",
        reading_type=reading_type(Commodity.ELECTRIC, 1, 900).name,
    )  # fmt: skip

    edit = await desk.edits.ask(register, "ann", "vee", dry_run=True)

    assert edit["change"] == 60  # a quarter of 800 past 10**8 - 100


async def test_a_dry_run_tells_everything_and_keeps_nothing(store):
    desk = await a_desk(store)

    edit = await desk.ask(SET, 40, 50, dry_run=True, **FLAT)

    assert (edit["state"], edit["after"]) == ("waiting", [150] * 10)
    assert await desk.edits.some() == []


async def test_every_step_is_in_the_audit_of_its_meter(store):
    desk = await a_desk(store)
    edit = await desk.ask(SET, 20, 60, reason=EditReason.THEFT_EST, **FLAT)
    await desk.edits.decide(UUID(edit["edit_id"]), "bob", "supervisor", approve=True, text="seen")

    async with store() as work:
        records = await work.audit.about("E100")

    told = [record.content.decode() for record in records]
    assert [("edit.asked" in t, "edit.approved" in t) for t in told] == [
        (True, False),
        (False, True),
    ]
    assert '"actor":"bob"' in told[1]
    assert '"after":[150,150' in told[1]


# ---------------------------------------------------------------- vee.md 4.9 and 11, on a database


@pytest.mark.parametrize("case", [pytest.param(None, id="case-55")])
async def test_no_estimate_takes_the_place_of_an_edit(store, case):
    desk = await a_desk(store, heard=GAP)
    await desk.ask(SET, 44, 45, values=(int(VALUE[44]),))

    await desk.judge(FIRST, FIRST)

    filled = await desk.current(40, 50)
    assert filled[4] == (VALUE[44], "X")
    assert sum(value for value, _ in filled) == VALUE[GAP].sum(), "the rest is shared out anew"


async def late(desk: Desk, slot: int, value: int) -> None:
    """Receive an actual value after all."""
    desk.clock.advance(timedelta(hours=1))
    recorded_us = int(desk.clock.now().timestamp() * 1_000_000)
    read = IntervalReads.raw(
        np.array([desk.channel_id]), np.array([int(at(slot).timestamp())]), np.array([value]),
        recorded_us=recorded_us, source=Source.BACKFILL,
    )  # fmt: skip
    async with desk.store() as work:
        await work.readings.append_raw(read, RegisterReads.empty(), sure=False)
    await desk.judge(FIRST, FIRST)


@pytest.mark.parametrize("case", [pytest.param(None, id="case-56")])
async def test_an_actual_value_never_takes_the_place_of_an_edit_by_itself(store, case):
    desk = await a_desk(store, heard=GAP)
    await desk.ask(SET, 44, 45, values=(111,))

    await late(desk, 44, int(VALUE[44]))

    assert (await desk.current(44, 45)) == [(111, "X")]
    assert "ACTUAL_VS_EDIT" in {each["rule"] for each in await desk.queue()}


@pytest.mark.parametrize("case", [pytest.param(None, id="case-57")])
async def test_an_actual_value_takes_the_place_of_an_edit_that_bridged_a_gap(store, case):
    desk = await a_desk(store, heard=GAP)
    await desk.ask(SET, 44, 45, values=(111,), reason=EditReason.GAP_TEMP)

    await late(desk, 44, int(VALUE[44]))

    filled = await desk.current(40, 50)
    assert filled[4] == (VALUE[44], "V")
    assert sum(value for value, _ in filled) == VALUE[GAP].sum()
    assert "ACTUAL_VS_EDIT" not in {each["rule"] for each in await desk.queue()}


async def test_a_bridge_that_somebody_set_anew_for_good_does_not_give_way(store):
    desk = await a_desk(store, heard=GAP)
    await desk.ask(SET, 44, 46, values=(111, 112), reason=EditReason.GAP_TEMP)
    await desk.ask(SET, 44, 45, values=(115,))

    await late(desk, 44, int(VALUE[44]))
    await late(desk, 45, int(VALUE[45]))

    assert (await desk.current(44, 46)) == [(115, "X"), (VALUE[45], "V")]


def frozen_bill(channel_id: int) -> BillingDeterminant:
    """Return 812 kWh over the first days of the week."""
    return BillingDeterminant(
        window_start=FIRST, window_end=LAST, channel_id=channel_id, badge=METER,
        reading_type="x", usage_point_id="U1", premise_id="P1", account_id="A1",
        read_start_utc=at(0), read_end_utc=at(192), register_start=0, register_end=812_000,
        usage_quanta=812_000, usage_units=812, unit="kWh", quality="ACTUAL", method="register",
        estimated_share=Decimal(0), interval_count=192, estimated_count=0, versions=b"",
        ruleset_hash="r", content_hash="c",
    )  # fmt: skip


@pytest.mark.parametrize("case", [pytest.param(None, id="case-58")])
async def test_an_edit_under_a_frozen_bill_needs_four_eyes_and_leaves_the_bill_alone(store, case):
    desk = await a_desk(store)
    bill = frozen_bill(desk.channel_id)
    async with store() as work:
        await work.billing.freeze(FIRST, LAST, [bill], [], at(300))

    under = await desk.ask(ZERO, 100, 101, override_sum="tested")
    after = await desk.ask(ZERO, 300, 301, override_sum="tested")
    await desk.edits.decide(UUID(under["edit_id"]), "bob", "vee", approve=True)

    assert under["four_eyes"] == [f"a bill rests on it ({FIRST}..{LAST})"]
    assert after["state"] == "approved"
    assert await desk.current(100, 101) == [(0, "X")]
    async with store() as work:
        assert await work.billing.determinants(FIRST, LAST) == [bill]


@pytest.mark.parametrize("case", [pytest.param(None, id="case-90")])
async def test_receiving_everything_again_changes_no_version_and_no_outcome(store, case):
    desk = await a_desk(store, heard=GAP)
    await desk.ask(SET, 300, 301, values=(int(VALUE[300]),))
    async with store() as work:
        before = await work.readings.intervals(WEEK)
        outcomes = await work.vee.days(FIRST, LAST)
        raw = before.take(before.version == 0)
        taken, _ = await work.readings.append_raw(raw, RegisterReads.empty(), sure=False)
    desk.clock.advance(timedelta(hours=1))

    await desk.judge(FIRST, LAST)

    async with store() as work:
        after = await work.readings.intervals(WEEK)
        assert await work.vee.days(FIRST, LAST) == outcomes
    assert len(taken) == len(raw)
    assert after.version.tolist() == before.version.tolist()
    assert after.value.tolist() == before.value.tolist()
    assert after.status.tolist() == before.status.tolist()
