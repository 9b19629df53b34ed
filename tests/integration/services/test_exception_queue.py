"""The queue on a real database: seen, assigned, accepted, rejected, edited."""

from datetime import timedelta
from typing import Any

import pytest

from mdms.domain.edits import EditNotAllowedError, EditOperation, EditReason
from mdms.domain.errors import NotFoundError, UsageError
from mdms.ports.vee import VeeException
from tests.integration.services.editing import FIRST, VALUE, a_desk

pytestmark = pytest.mark.db

OFF = 500
"""More than the tolerance of V45 a day."""

REASON: dict[str, Any] = {"reason": EditReason.METER_FAULT}


async def test_what_waits_is_listed_by_meter_rule_person_and_age(store):
    desk = await a_desk(store, off=OFF)
    desk.clock.advance(timedelta(days=3))
    every = await desk.queue()
    await desk.exceptions.assign(every[0]["exception_id"], "ann", "boss")

    async def days(**filters: Any) -> list[str]:
        return [each["day"] for each in await desk.exceptions.some(**filters)]

    assert [each["rule"] for each in every] == ["V45"] * 7
    assert {each["age_days"] for each in every} == {3}
    assert await days(assigned_to="ann") == [every[0]["day"]]
    assert len(await days(assigned_to="-")) == 6
    assert len(await days(meter="E100", rule="V45", severity="HOLD", older_than_days=3)) == 7
    assert await days(rule="V24") == await days(older_than_days=4) == []
    with pytest.raises(NotFoundError):
        await desk.exceptions.some(meter="E999")


async def test_a_day_is_shown_with_like_days_registers_and_sums(store):
    desk = await a_desk(store, off=OFF)
    (first, *_) = await desk.queue()

    shown = (await desk.exceptions.show(first["exception_id"]))["day"]

    assert [each["value"] for each in shown["intervals"]] == VALUE[:96].tolist()
    assert {each["status"] for each in shown["intervals"]} == {"S"}
    (struck,) = shown["intervals"][0]["rules"]
    assert struck == (
        "V45 SUM_CHECK: Intervals and register differ by more than two truncated reads explain;"
        " where one value alone can be why, it is replaced."
    )
    assert shown["brackets"][0]["residual"] == OFF
    assert [each["at"][:13] for each in shown["registers"]] == ["2026-11-03T00", "2026-11-04T00"]
    assert shown["like_days"] == [], "the days beside it are held too"


async def test_accepting_makes_suspect_values_valid_and_closes_the_exception(store):
    desk = await a_desk(store, off=OFF)
    number = (await desk.queue())[0]["exception_id"]

    edit = await desk.exceptions.answer(number, EditOperation.ACCEPT, "ann", "vee", **REASON)
    await desk.judge(FIRST, FIRST)

    assert edit["state"] == "approved"
    assert {status for _, status in await desk.current(0, 96)} == {"A"}
    (closed,) = [each for each in await desk.exceptions.some(answered=True)
                 if each["exception_id"] == number]  # fmt: skip
    assert (closed["answer"], closed["answered_by"]) == ("accepted", "ann")
    assert len(await desk.queue()) == 6
    with pytest.raises(EditNotAllowedError, match="closed: accepted by ann"):
        await desk.exceptions.assign(number, "bob", "boss")


async def test_rejecting_holds_valid_values_back_until_they_are_edited(store):
    desk = await a_desk(store)

    await desk.ask(EditOperation.REJECT, 40, 44)
    (waiting,) = await desk.queue()
    held = await desk.current(40, 44)
    await desk.ask(
        EditOperation.SET, 40, 44, values=tuple(VALUE[40:44].tolist()),
        exception_id=waiting["exception_id"],
    )  # fmt: skip

    assert (waiting["rule"], waiting["severity"]) == ("REJECTED", "HOLD")
    assert {status for _, status in held} == {"S"}
    assert {status for _, status in await desk.current(40, 44)} == {"X"}
    assert await desk.queue() == []


async def test_what_holds_no_value_is_acknowledged_and_not_asked_again(store):
    desk = await a_desk(store, heard=slice(0, 672))
    every = await desk.queue()
    assert {each["rule"] for each in every} == {"EST_CRUDE"}

    said: dict[str, Any] = {"reason": EditReason.OTHER, "text": "installed later"}
    answer = await desk.exceptions.answer(
        every[0]["exception_id"], EditOperation.ACCEPT, "ann", "vee", **said
    )
    await desk.judge(FIRST, FIRST)

    assert (answer["answer"], answer["answered_by"]) == ("acknowledged", "ann")
    assert len(await desk.queue()) == len(every) - 1


async def test_a_finding_about_a_bill_is_accepted_without_touching_the_day_it_stands_on(store):
    desk = await a_desk(store, off=OFF)
    twice = VeeException(desk.channel_id, FIRST, "V51", "HOLD", "2.07 times", desk.clock.now())
    async with store() as work:
        await work.vee.replace_exceptions(
            [(desk.channel_id, FIRST)], [twice], desk.clock.now(), of_bills=True
        )
    (found,) = await desk.exceptions.some(rule="V51")
    number = found["exception_id"]

    with pytest.raises(UsageError, match="V51 is about a bill"):
        await desk.exceptions.answer(number, EditOperation.REJECT, "ann", "vee", **REASON)
    answer = await desk.exceptions.answer(number, EditOperation.ACCEPT, "ann", "vee", **REASON)

    assert answer["answer"] == "acknowledged"
    assert {status for _, status in await desk.current(0, 96)} == {"S"}
    async with store() as work:
        answered = await work.exceptions.answered([desk.channel_id], FIRST)
    assert answered == {(desk.channel_id, "V51", "2.07 times")}
