"""The opt-out programme on a real database: every step that a request may take."""

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from mdms.domain.controls import new_id
from mdms.domain.errors import NotFoundError, OperatorError, UsageError
from mdms.domain.registry import Radio, Registry
from mdms.policy.optout_facts import Requester
from mdms.policy.refusals import PolicyRefusedError
from mdms.ports.unit_of_work import UnitOfWorkFactory
from tests.controls import AT, a_control, a_registry
from tests.fakes import FakeClock
from tests.households import Household, state

pytestmark = pytest.mark.db

ENROLLED = {"E1", "E2", "G1"}
FIRST_MONTH = [("optout_set_up", "2026-11-04", "100.00"), ("optout_monthly", "2026-11-01", "25.00")]


@pytest.fixture
async def home(store: UnitOfWorkFactory) -> Household:
    household = Household(store, FakeClock(AT))
    await household.settle()
    return household


async def shown(home: Household, optout_id: UUID) -> dict[str, Any]:
    return await home.optouts.show(optout_id)


async def audited(home: Household) -> list[str]:
    async with home.store() as work:
        return [record.content.decode() for record in await work.audit.after(0, 100)]


async def test_a_complete_request_is_in_force_at_once_and_charged(home):
    optout_id = await home.enrol()

    answer = await shown(home, optout_id)
    assert answer["state"] == "in_force"
    assert {each["action"] for each in answer["services"]} == {"radio_off"}
    assert await home.opted_out() == ENROLLED
    assert await home.fees() == FIRST_MONTH


async def test_a_meter_names_its_residence_and_water_is_refused_for_itself_alone(home):
    await home.enrol(who="E1", usage_points=("UE1", "UE2", "UG1", "UW1"))

    assert await home.opted_out() == ENROLLED


async def test_a_water_meter_alone_is_refused_and_the_request_kept(home):
    with pytest.raises(PolicyRefusedError) as refused:
        await home.enrol(usage_points=("UW1",))

    assert refused.value.refusals[0].code == "OO_WATER"
    (kept,) = await home.optouts.every()
    assert kept["state"] == "denied"
    assert await home.opted_out() == set()
    assert await home.fees() == []


async def test_without_the_form_a_request_waits_and_nothing_is_done_or_charged(home):
    optout_id = await home.enrol(form=False)

    answer = await shown(home, optout_id)
    assert answer["state"] == "pending"
    assert answer["services"][0]["reasons"][0]["cure"] == "return the signed form by 2026-12-04"
    assert await home.opted_out() == set()
    assert await home.fees() == []


async def test_the_form_puts_a_waiting_request_in_force(home):
    optout_id = await home.enrol(form=False)
    await home.on(date(2026, 11, 20))

    answer = await home.optouts.form(optout_id, date(2026, 11, 19), "clerk")

    assert (answer["state"], answer["from_on"]) == ("in_force", "2026-11-20")
    assert await home.opted_out() == ENROLLED


async def test_a_form_from_tomorrow_is_a_slip(home):
    optout_id = await home.enrol(form=False)

    with pytest.raises(UsageError, match="lies ahead"):
        await home.optouts.form(optout_id, date(2026, 11, 5), "clerk")


async def test_a_request_whose_form_never_came_lapses_after_its_term(home):
    optout_id = await home.enrol(form=False)
    await home.on(date(2026, 12, 4))
    in_time = (await shown(home, optout_id))["state"]

    await home.on(date(2026, 12, 5))

    assert (in_time, (await shown(home, optout_id))["state"]) == ("pending", "lapsed")
    assert await home.enrol() != optout_id


async def test_every_reason_is_told_with_its_clause(home):
    async with home.store() as work:
        await state(work, AT, tampering="yes", standing="not_current", access_obstructed="yes")

    with pytest.raises(PolicyRefusedError) as refused:
        await home.enrol()

    assert {each.code for each in refused.value.refusals} == {
        "OO_TAMPER",
        "OO_NOT_CURRENT",
        "OO_ACCESS",
    }
    assert all(each.clause and each.cure for each in refused.value.refusals)


async def test_what_nobody_stated_is_referred_until_it_is_stated(store):
    home = Household(store, FakeClock(AT))
    async with store() as work:
        await work.registry.merge(a_registry())
    optout_id = await home.enrol()
    before = (await shown(home, optout_id))["state"]
    await home.settle()

    answer = await home.optouts.judge(optout_id, "clerk")

    assert (before, answer["state"]) == ("referred", "in_force")


async def test_a_supervisor_decides_what_is_referred_but_not_their_own(home):
    async with home.store() as work:
        await state(work, AT, standing="disputed_only")
    optout_id = await home.enrol()
    with pytest.raises(OperatorError, match="somebody else"):
        await home.optouts.approve(optout_id, "clerk", "")

    answer = await home.optouts.approve(optout_id, "chief", "dispute 7 is ours")

    assert (answer["state"], answer["approved_by"]) == ("in_force", "chief")
    assert await home.fees() == FIRST_MONTH


async def test_nobody_approves_away_a_denial(home):
    optout_id = await home.enrol(requester=Requester.UNKNOWN)
    async with home.store() as work:
        await state(work, AT, tampering="yes")

    with pytest.raises(PolicyRefusedError):
        await home.optouts.approve(optout_id, "chief", "")

    assert (await shown(home, optout_id))["state"] == "denied"


async def test_a_home_opts_out_once(home):
    await home.enrol()

    with pytest.raises(OperatorError, match="already"):
        await home.enrol(who="G1")


async def test_who_is_unknown_is_not_found(home):
    with pytest.raises(NotFoundError, match="no account pays"):
        await home.enrol(who="NOBODY")
    with pytest.raises(NotFoundError, match="pays for no U9"):
        await home.enrol(usage_points=("U9",))
    with pytest.raises(NotFoundError):
        await home.optouts.show(new_id(AT))


async def test_the_month_is_charged_once_however_often_the_day_is_done(home):
    await home.enrol()
    for day in (date(2026, 11, 30), date(2026, 12, 1), date(2026, 12, 1), date(2026, 12, 31)):
        await home.on(day)

    assert await home.fees() == [*FIRST_MONTH, ("optout_monthly", "2026-12-01", "25.00")]


async def test_opting_back_in_is_free_and_ends_the_monthly_fee(home):
    optout_id = await home.enrol()
    await home.on(date(2026, 11, 20))

    answer = await home.optouts.end(optout_id, "clerk")

    await home.on(date(2026, 12, 1))
    assert (answer["state"], answer["closing"], answer["until_on"]) == (
        "ended",
        "OO_OPT_IN",
        "2026-11-20",
    )
    assert await home.opted_out() == set()
    assert await home.fees() == FIRST_MONTH
    with pytest.raises(OperatorError, match="ended"):
        await home.optouts.end(optout_id, "clerk")


async def silence(home: Household, badge: str) -> None:
    control = a_control(badge=badge, usage_point_id=f"U{badge}")
    async with home.store() as work:
        await work.controls.add(control)
        await work.optouts.silence(badge, AT, control.control_id)


async def test_a_gas_meter_comes_back_by_a_field_order(home):
    optout_id = await home.enrol()
    await silence(home, "G1")
    await home.optouts.end(optout_id, "clerk")
    async with home.store() as work:
        (order,) = await work.field_orders.every(open_only=True, count_max=9)

    await home.optouts.end(optout_id, "clerk", field_order="FO-7")

    assert (order.reason, order.badge) == ("OO_OPT_IN", "G1")
    async with home.store() as work:
        assert await work.field_orders.every(open_only=True, count_max=9) == []
        assert not await work.optouts.silent("G1")


async def test_a_request_that_waits_can_be_withdrawn(home):
    optout_id = await home.enrol(form=False)

    assert (await home.optouts.end(optout_id, "clerk"))["state"] == "withdrawn"


async def test_a_second_set_up_is_for_somebody_to_decide(home):
    await home.optouts.end(await home.enrol(), "clerk")
    await home.on(date(2027, 1, 5))
    optout_id = await home.enrol()
    referred = await shown(home, optout_id)
    async with home.store() as work:
        await state(work, home.clock.now(), optout_set_up_again="yes")

    await home.optouts.judge(optout_id, "clerk")

    codes = {reason["code"] for each in referred["services"] for reason in each["reasons"]}
    assert (referred["state"], codes) == ("referred", {"OO_SETUP_AGAIN"})
    assert (await home.fees())[2:] == [
        ("optout_set_up", "2027-01-05", "100.00"),
        ("optout_monthly", "2027-01-01", "25.00"),
    ]


async def test_a_cause_that_appears_later_is_a_task_and_ends_nothing(home):
    optout_id = await home.enrol()
    async with home.store() as work:
        await state(work, AT, standing="not_current")

    await home.on(date(2026, 11, 10))
    await home.on(date(2026, 11, 11))

    (task,) = await home.optouts.tasks(open_only=True)
    assert (task["code"], task["subject"]) == ("OO_REVOKE", str(optout_id))
    assert "OO_NOT_CURRENT" in task["occasion"]
    assert (await shown(home, optout_id))["state"] == "in_force"


async def test_a_human_revokes(home):
    optout_id = await home.enrol()
    async with home.store() as work:
        await state(work, AT, tampering="yes")
    await home.on(date(2026, 11, 10))

    answer = await home.optouts.revoke(optout_id, "chief", "case 12")

    assert (answer["state"], answer["closed_by"]) == ("revoked", "chief")
    assert await home.opted_out() == set()
    assert await home.optouts.tasks(open_only=True) == []


async def test_a_task_that_somebody_settled_does_not_come_back(home):
    await home.enrol()
    async with home.store() as work:
        await state(work, AT, standing="not_current")
    await home.on(date(2026, 11, 10))
    (task,) = await home.optouts.tasks(open_only=True)

    done = await home.optouts.finish(task["number"], "chief")
    await home.on(date(2026, 11, 11))

    assert done["done_by"] == "chief"
    assert await home.optouts.tasks(open_only=True) == []
    with pytest.raises(NotFoundError):
        await home.optouts.finish(task["number"], "chief")


async def test_an_account_that_closes_ends_its_opt_out(home):
    optout_id = await home.enrol()
    async with home.store() as work:
        (account,) = a_registry().accounts
        await work.registry.merge(
            Registry(accounts=(replace(account, closed_on=date(2026, 11, 15)),))
        )

    await home.on(date(2026, 11, 15))

    answer = await shown(home, optout_id)
    assert (answer["state"], answer["closing"]) == ("ended", "OO_END_ACCOUNT")
    assert await home.opted_out() == set()


async def test_a_legacy_meter_is_kept_and_its_successor_comes_with_its_radio_off(store):
    home = Household(store, FakeClock(AT))
    await home.settle()
    gas = next(meter for meter in a_registry().meters if meter.badge == "G1")
    async with store() as work:
        await work.registry.merge(Registry(meters=(replace(gas, radio=Radio.NONE),)))
    optout_id = await home.enrol()
    before = await home.opted_out()
    async with store() as work:
        old = replace(gas, radio=Radio.NONE, removed_at=AT)
        new = replace(gas, badge="G2", serial="S-G2", radio_id=5, installed_at=AT)
        await work.registry.merge(Registry(meters=(old, new)))

    await home.on(date(2026, 11, 10))

    actions = {each["meter"]: each["action"] for each in (await shown(home, optout_id))["services"]}
    assert actions == {"E1": "radio_off", "E2": "radio_off", "G1": "keep_legacy"}
    assert (before, await home.opted_out()) == ({"E1", "E2"}, {"E1", "E2", "G2"})
    assert await home.fees() == FIRST_MONTH


async def test_every_step_is_audited(home):
    optout_id = await home.enrol(form=False)
    await home.optouts.form(optout_id, date(2026, 11, 4), "clerk")
    await home.optouts.revoke(optout_id, "chief", "case 12")

    records = " ".join(await audited(home))

    for kind in (
        "optout.asked",
        "optout.judged",
        "optout.form",
        "optout.meter.out",
        "billing.event",
        "optout.revoked",
        "optout.ended",
    ):
        assert f'"kind":"{kind}"' in records
