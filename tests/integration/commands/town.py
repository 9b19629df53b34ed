"""A pilot of many switches, and opens of them as a daemon would have made them."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from commands.codecs import Command, CommandFlag
from mdms.domain.controls import ControlState, ControlStep, EndDeviceControl, Opcode, new_id
from mdms.domain.registry import Registry, Transformer
from mdms.ports.unit_of_work import UnitOfWorkFactory
from tests.controls import a_control, a_registry

APPROVERS = ("carol", "dave")


def a_town(meter_count: int, *, transformer_count: int) -> Registry:
    """Homes with an electric meter of the pilot each, spread over transformers."""
    home = a_registry()
    (premise,), point, meter = home.premises, home.usage_points[0], home.meters[0]
    numbers = range(meter_count)
    return replace(
        home,
        transformers=tuple(
            Transformer(f"T{number}", "F1", Decimal(50), 37.4, -122.1)
            for number in range(transformer_count)
        ),
        premises=tuple(
            replace(premise, premise_id=f"P{n}", transformer_id=f"T{n % transformer_count}")
            for n in numbers
        ),
        usage_points=tuple(
            replace(point, usage_point_id=f"U{n}", premise_id=f"P{n}") for n in numbers
        ),
        agreements=(),
        meters=tuple(
            replace(meter, badge=f"E{n}", serial=f"S{n}", radio_id=1000 + n, usage_point_id=f"U{n}")
            for n in numbers
        ),
        channels=(),
    )


def an_open(number: int, at: datetime, **changes: Any) -> EndDeviceControl:
    """A disconnect of the n-th meter of a town, as it waits to be signed."""
    at = at.replace(microsecond=0)
    control = a_control(
        control_id=new_id(at),
        badge=f"E{number}",
        serial=f"S{number}",
        radio_id=1000 + number,
        usage_point_id=f"U{number}",
        requested_at=at,
        not_before=at,
        not_after=at + timedelta(minutes=15),
        state=ControlState.POLICY_OK,
        due_at=at,
    )
    return replace(control, **changes)


def command_of(control: EndDeviceControl) -> Command:
    """What the daemon asks the signer to sign."""
    return Command(
        radio_id=control.radio_id,
        opcode=Opcode.OPEN,
        flags=CommandFlag.NONE,
        key_id=control.key_id,
        not_before=control.not_before,
        not_after=control.not_after,
        command_id=control.control_id,
    )


async def store_opens(
    store: UnitOfWorkFactory, opens: list[EndDeviceControl], approvers: tuple[str, ...] = APPROVERS
) -> None:
    """Write commands and their approvals where the daemon writes them."""
    async with store() as work:
        for each in opens:
            await work.controls.add(each)
            for name in approvers:
                await work.controls.add_step(
                    ControlStep(
                        each.control_id, 0, each.requested_at, "approved", each.state, name, ""
                    )
                )
