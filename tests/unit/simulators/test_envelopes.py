import struct

import numpy as np

from simulators.encoders import READING
from simulators.envelopes import (
    Answer,
    Command,
    Condition,
    Opcode,
    Position,
    Result,
    Stage,
    progress,
)
from simulators.keys import cmac

KEY = bytes(range(16))
COMMAND = bytes.fromhex(
    "e7aad602010301002a00000000000000000e0e6b84110e6b0199f3c47a00700080000000000000010000000000000000"
    "df13c0c66ca1bd9205e1940c94ff4fe0"
)
ANSWER = bytes.fromhex(
    "e7aad602010001002a000000000000000c0e0e6b010170fc0199f3c47a007000800000000000000126607f0200000000"
    "dc7711d8b50e1f8e92ceb694ffdc56dc"
)


def test_the_golden_command_is_understood_and_genuine():
    command = Command.of(COMMAND)

    assert (command.radio_id, command.opcode, command.flags) == (47622887, Opcode.OPEN, 3)
    assert (command.key_id, command.counter) == (1, 42)
    assert command.not_after - command.not_before == 900
    assert command.command_id.hex() == "0199f3c47a0070008000000000000001"
    assert command.is_genuine(KEY)
    assert not command.is_genuine(KEY[::-1])


def test_the_golden_answer_comes_out_byte_for_byte():
    answer = Answer(
        Command.of(COMMAND),
        Result.OK,
        acted_at=0x6B0E0E0C,
        position=Position.OPEN,
        condition=Condition.LINE_VOLTAGE,
        level_dbm=-91.2,
        register=41902118,
    )

    assert answer.packed(KEY).hex() == ANSWER.hex()


def test_progress_names_the_command_the_meter_and_the_time():
    record = progress(Command.of(COMMAND), Stage.ON_AIR, 1_796_083_205)

    command_id, radio_id, stage, reason, rest, at = struct.unpack("<16sIBBHI36x", record)
    assert command_id == COMMAND[24:40]
    assert (radio_id, stage, reason, rest, at) == (47622887, 2, 0, 0, 1_796_083_205)


def test_the_golden_tag_covers_a_reading_without_what_the_collector_writes():
    frame = np.frombuffer(
        bytes.fromhex(
            "e7aad602000e0e6bc1010b000000000034122300edfb0c01100f0c0000000000d200c300bc00f00031012201"
            "0401ff00e600dd000000d6000000100000000000"
        ),
        READING,
    ).copy()
    for name in ("rx_age", "rssi", "snr", "repeat"):
        frame[name] = 0

    assert cmac(KEY, frame.tobytes()[:60])[:4].hex() == "95c26752"
