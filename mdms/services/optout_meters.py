"""
What an enrolment does to meters and bills: opt-outs on file, sums charged, radios brought back.

Nothing here speaks to a meter. A radio goes off for the opt-out on file, and comes back when it
has ended: `commands.radios` asks for both until the meter has said yes. What no command can do is
a field order.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from mdms.domain.controls import Optout, Refusal, new_id
from mdms.domain.field_orders import FieldOrder
from mdms.domain.programme import BillingEvent, Enrolment, EnrolmentState, Task
from mdms.domain.registry import Commodity, Radio
from mdms.policy.optout import MeterAction
from mdms.policy.optout_fees import Fee, FeeKind
from mdms.services.acting import Act

_SILENCED: Final = frozenset({MeterAction.RADIO_OFF, MeterAction.REPLACE_RADIO_OFF})
_ORDERS_MAX: Final = 10_000
_INSTALL: Final = "install an AMI meter"
_SWITCH_ON: Final = (
    "switch the radio on at the meter, then `mdms optout end ID --field-order ORDER`"
)


async def put_in_force(act: Act, enrolment: Enrolment, fees: Iterable[Fee]) -> Enrolment:
    """Put the opt-outs of an enrolment that was allowed on file, and charge what is due."""
    assert enrolment.state is EnrolmentState.IN_FORCE, "only what was allowed is carried out"
    for service in enrolment.enrolled:
        if service.action in _SILENCED:
            await opt_out(act, enrolment, service.badge)
    await charge(act, enrolment.account_id, fees)
    return replace(enrolment, from_on=act.today)


async def opt_out(act: Act, enrolment: Enrolment, badge: str) -> None:
    """Put the opt-out of a meter on file, unless one is in force."""
    await act.work.controls.lock_meter(badge)
    if await act.work.optouts.in_force(badge) is not None:
        return
    reason = f"enrolment {enrolment.enrolment_id}"
    await act.work.optouts.add(Optout(new_id(act.now), badge, act.now, reason, act.by, act.now))
    act.note("optout.meter.out", badge, enrolment=str(enrolment.enrolment_id))


async def charge(act: Act, account_id: str, fees: Iterable[Fee]) -> None:
    """Charge an account; nothing is charged twice for one occasion."""
    for fee in fees:
        event = BillingEvent(
            kind=fee.kind.value,
            account_id=account_id,
            subject_id=fee.subject_id,
            due_on=act.today.replace(day=1) if fee.kind is FeeKind.MONTHLY else act.today,
            amount_usd=fee.amount_usd,
            clause=fee.clause,
            at=act.now,
        )
        if await act.work.programme.charge(event):
            act.note(
                "billing.event",
                account_id,
                fee=event.kind,
                about=event.subject_id,
                due_on=event.due_on.isoformat(),
                amount_usd=str(event.amount_usd),
            )


async def bring_back(act: Act, enrolment: Enrolment, state: EnrolmentState, code: str) -> Enrolment:
    """End an enrolment that is in force: free of charge, and nothing is given back."""
    assert enrolment.state is EnrolmentState.IN_FORCE, "what is not in force cannot end"
    enrolment_id = str(enrolment.enrolment_id)
    await act.work.programme.finish_about(enrolment_id, act.now, act.by)
    for service in enrolment.enrolled:
        await _bring_meter_back(act, enrolment, service.usage_point_id, code)
    ended = replace(enrolment, state=state, until_on=act.today, closed_by=act.by, closing=code)
    await act.work.programme.update(ended)
    act.note("optout.ended", enrolment_id, account=ended.account_id, state=state.value, code=code)
    return ended


async def switched_on(act: Act, enrolment: Enrolment, reference: str) -> None:
    """Note that someone switched the radios of battery meters on, and close the orders for it."""
    orders = await act.work.field_orders.every(open_only=True, count_max=_ORDERS_MAX)
    for service in enrolment.enrolled:
        place = await act.work.registry.place(service.usage_point_id, act.now)
        if place is None or place.commodity is Commodity.ELECTRIC:
            continue
        badge = place.meter.badge
        await act.work.optouts.unsilence(badge, act.now)
        act.note("optout.meter.on", badge, field_order=reference)
        for order in orders:
            if order.badge == badge and order.reason == enrolment.closing:
                await act.work.field_orders.close(
                    order.field_order_id, act.now, act.by, f"radio switched on, {reference}"
                )


async def raise_task(act: Act, account_id: str, subject: str, occasion: str, what: Refusal) -> None:
    """Tell people what they decide or do, once for each occasion."""
    task = Task(
        code=what.code,
        subject=subject,
        account_id=account_id,
        occasion=occasion,
        clause=what.clause,
        cure=what.cure,
        found_at=act.now,
    )
    if await act.work.programme.raise_task(task):
        act.note("optout.task", subject, code=what.code, occasion=occasion, account=account_id)


async def _bring_meter_back(act: Act, enrolment: Enrolment, usage_point_id: str, code: str) -> None:
    place = await act.work.registry.place(usage_point_id, act.now)
    if place is None:
        return  # nothing hangs there any more
    badge, legacy = place.meter.badge, place.meter.radio is Radio.NONE
    await act.work.controls.lock_meter(badge)
    optout = await act.work.optouts.in_force(badge)
    if optout is not None:
        await act.work.optouts.end(optout.optout_id, act.now, act.by)
        act.note("optout.meter.in", badge, enrolment=str(enrolment.enrolment_id))
    if not legacy and place.commodity is Commodity.ELECTRIC:
        return  # a command brings it back
    if not legacy and not await act.work.optouts.silent(badge):
        return  # it never fell silent
    order = FieldOrder(
        field_order_id=new_id(act.now),
        badge=badge,
        usage_point_id=usage_point_id,
        control_id=None,
        reason=code,
        detail=_INSTALL if legacy else _SWITCH_ON,
        is_safety=False,
        opened_at=act.now,
    )
    if await act.work.field_orders.open(order):
        act.note("field_order.opened", badge, order=str(order.field_order_id), reason=code)
