from datetime import UTC, datetime
from uuid import UUID

import pytest

from mdms.domain.registry import Commodity, Meter, Radio
from simulators.envelopes import Command, Condition, Opcode, Position, Result
from simulators.keys import cmac
from simulators.switch import Code, Fault, SmartPoint, Surroundings

KEY = bytes(range(16))
NOW_S = 1_796_083_200


def meter(*, has_switch: bool = True) -> Meter:
    return Meter(
        badge="E1",
        serial="ES1",
        radio_id=77,
        usage_point_id="UP1",
        model="electric_200a",
        installed_at=datetime(2026, 11, 1, tzinfo=UTC),
        removed_at=None,
        has_switch=has_switch,
        pilot=has_switch,
        radio=Radio.ON,
        register_dials=8,
        register_resolution=1,
        multiplier=1,
        key_id=1,
    )


def smart_point(
    commodity: Commodity = Commodity.ELECTRIC, *, has_switch: bool = True, clock_error_s: int = 0
) -> SmartPoint:
    return SmartPoint(meter(has_switch=has_switch), commodity, clock_error_s)


def command(
    opcode: Opcode,
    counter: int = 1,
    *,
    number: int | None = None,
    not_before: int = NOW_S - 60,
    not_after: int = NOW_S + 900,
    key: bytes = KEY,
) -> Command:
    command_id = UUID(int=number or counter).bytes
    fields = (77, opcode, 0, 1, counter, not_before, not_after)
    sizes = (4, 1, 1, 2, 8, 4, 4)
    signed = b"".join(
        value.to_bytes(size, "little") for value, size in zip(fields, sizes, strict=True)
    )
    signed += command_id + bytes(8)
    return Command.of(signed + cmac(key, signed))


def now(at_s: int = NOW_S, fault: Fault | None = None) -> Surroundings:
    return Surroundings(at_s, KEY, -91.2, 1_000, fault)


def test_open_close_and_arm_move_the_switch_and_tell_the_voltage_behind_it():
    point = smart_point()

    opened = point.obey(command(Opcode.OPEN, 1), now()).answer
    armed = point.obey(command(Opcode.ARM, 2), now()).answer
    closed = point.obey(command(Opcode.CLOSE, 3), now()).answer

    assert [each.result for each in (opened, armed, closed)] == [Result.OK] * 3
    assert [each.position for each in (opened, armed, closed)] == [
        Position.OPEN,
        Position.ARMED,
        Position.CLOSED,
    ]
    assert opened.condition == armed.condition == Condition.LINE_VOLTAGE
    assert closed.condition == Condition.LINE_VOLTAGE | Condition.LOAD_SIDE_VOLTAGE


def test_the_same_command_again_is_answered_from_store_and_acts_once():
    point = smart_point()
    point.obey(command(Opcode.OPEN, 5), now())
    point.position = Position.CLOSED

    again = point.obey(command(Opcode.OPEN, 5), now(NOW_S + 5_000))

    assert not again.acted
    assert again.answer.acted_at == NOW_S
    assert again.answer.condition == Condition.LINE_VOLTAGE | Condition.REPEATED
    assert point.position is Position.CLOSED


@pytest.mark.parametrize(
    ("tried", "result", "complaint"),
    [
        (command(Opcode.OPEN, 9, key=KEY[::-1]), Result.NACK_MAC, Code.NOT_GENUINE),
        (command(Opcode.OPEN, 4), Result.NACK_REPLAY, Code.REPLAYED),
        (command(Opcode.OPEN, 5, number=99), Result.NACK_REPLAY, Code.REPLAYED),
        (command(Opcode.OPEN, 6, not_after=NOW_S - 1), Result.NACK_EXPIRED, None),
        (command(Opcode.OPEN, 6, not_before=NOW_S + 1), Result.NACK_EXPIRED, None),
        (command(Opcode.SET_TIME, 6), Result.NOT_SUPPORTED, None),
    ],
)
def test_what_breaks_the_meters_rules_is_refused(tried, result, complaint):
    point = smart_point()
    point.obey(command(Opcode.PING, 5), now())

    reaction = point.obey(tried, now())

    assert (reaction.answer.result, reaction.complaint) == (result, complaint)
    assert not reaction.acted
    assert point.position is Position.CLOSED


def test_a_refused_counter_may_be_used_again_in_time():
    point = smart_point()
    point.obey(command(Opcode.OPEN, 6, not_before=NOW_S + 10), now())

    reaction = point.obey(command(Opcode.OPEN, 6, not_before=NOW_S + 10), now(NOW_S + 10))

    assert reaction.answer.result is Result.OK


@pytest.mark.parametrize(
    ("opcode", "result"), [(Opcode.OPEN, Result.NACK_CLOCK), (Opcode.PING, Result.OK)]
)
def test_a_meter_with_a_wrong_clock_does_not_switch(opcode, result):
    point = smart_point(clock_error_s=600)

    assert point.obey(command(opcode), now()).answer.result is result


@pytest.mark.parametrize("opcode", [Opcode.OPEN, Opcode.CLOSE, Opcode.ARM])
def test_without_a_switch_nothing_switches(opcode):
    answer = smart_point(has_switch=False).obey(command(opcode), now()).answer

    assert (answer.result, answer.position) == (Result.NO_SWITCH, Position.NONE)


def test_a_welded_switch_says_that_it_did_not_open():
    answer = smart_point().obey(command(Opcode.OPEN), now(fault=Fault.FAIL_OPEN)).answer

    assert (answer.result, answer.position) == (Result.SWITCH_FAIL_OPEN, Position.CLOSED)
    assert Condition.LOAD_SIDE_VOLTAGE in answer.condition


def test_a_switch_that_does_not_close_leaves_the_load_without_voltage():
    point = smart_point()
    point.obey(command(Opcode.OPEN, 1), now())

    answer = point.obey(command(Opcode.CLOSE, 2), now(fault=Fault.FAIL_CLOSE)).answer

    assert (answer.result, answer.position) == (Result.SWITCH_FAIL_CLOSE, Position.OPEN)
    assert Condition.LOAD_SIDE_VOLTAGE not in answer.condition


def test_a_meter_refuses_to_close_on_voltage_and_closes_by_itself_when_it_is_gone():
    point = smart_point()
    opened = point.obey(command(Opcode.OPEN, 1), now(fault=Fault.BACKFEED)).answer
    refused = point.obey(command(Opcode.CLOSE, 2), now(NOW_S + 800, fault=Fault.BACKFEED)).answer

    late = point.close_late(NOW_S + 9_000, register=1_000)

    assert Condition.LOAD_SIDE_VOLTAGE not in opened.condition
    assert refused.result is Result.LOAD_SIDE_VOLTAGE
    assert Condition.LOAD_SIDE_VOLTAGE in refused.condition
    assert late is not None
    assert (late.command.counter, late.result, late.position) == (2, Result.OK, Position.CLOSED)
    assert late.acted_at == NOW_S + 9_000
    assert point.close_late(NOW_S + 9_001, register=1_000) is None


def test_an_armed_meter_waits_for_the_button():
    point = smart_point()
    assert point.press(NOW_S, register=1_000) is None
    point.obey(command(Opcode.OPEN, 1), now())
    point.obey(command(Opcode.ARM, 2), now())

    pressed = point.press(NOW_S + 60, register=1_000)

    assert pressed is not None
    assert (pressed.command.counter, pressed.position) == (2, Position.CLOSED)


def test_a_silenced_powered_meter_still_listens_and_a_battery_meter_never_again():
    powered, battery = smart_point(), smart_point(Commodity.WATER, has_switch=False)

    answers = [point.obey(command(Opcode.RADIO_OFF), now()).answer for point in (powered, battery)]

    assert all(Condition.SILENT_AFTER_THIS in answer.condition for answer in answers)
    assert powered.listens
    assert not battery.listens
    powered.obey(command(Opcode.RADIO_ON, 2), now())
    assert powered.transmits
