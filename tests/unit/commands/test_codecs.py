"""Commands and answers as bytes."""

import struct
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands import codecs
from commands.codecs import Command, CommandFlag, Stage
from mdms.domain.controls import Opcode, Result, SwitchPosition
from mdms.domain.errors import DecodeError

KEY = bytes(range(16))
COMMAND_ID = UUID("0199f3c4-7a00-7008-8000-000000000001")
COMMAND = Command(
    radio_id=47622887,
    opcode=Opcode.OPEN,
    flags=CommandFlag.REFUSE_ON_LOAD_SIDE_VOLTAGE | CommandFlag.REFUSE_ON_CURRENT,
    key_id=1,
    not_before=datetime(2026, 12, 1, tzinfo=UTC),
    not_after=datetime(2026, 12, 1, 0, 15, tzinfo=UTC),
    command_id=COMMAND_ID,
)
GOLDEN_COMMAND = bytes.fromhex(
    "e7aad602010301002a00000000000000000e0e6b84110e6b0199f3c47a0070008000000000000001"
    "0000000000000000df13c0c66ca1bd9205e1940c94ff4fe0"
)
GOLDEN_ANSWER = bytes.fromhex(
    "e7aad602010001002a000000000000000c0e0e6b010170fc0199f3c47a0070008000000000000001"
    "26607f0200000000dc7711d8b50e1f8e92ceb694ffdc56dc"
)


def test_the_golden_command_is_encoded_to_the_byte():
    command = Command(
        radio_id=COMMAND.radio_id,
        opcode=COMMAND.opcode,
        flags=COMMAND.flags,
        key_id=COMMAND.key_id,
        not_before=COMMAND.not_before,
        not_after=COMMAND.not_after,
        command_id=UUID(bytes=GOLDEN_COMMAND[24:40]),
    )

    assert codecs.encode(command, 42, KEY) == GOLDEN_COMMAND
    assert COMMAND.not_after - COMMAND.not_before == timedelta(seconds=900)


def test_the_golden_answer_says_what_the_notes_say():
    answer = codecs.decode_answer(GOLDEN_ANSWER)

    assert codecs.answer_is_genuine(GOLDEN_ANSWER, KEY)
    assert answer == codecs.Answer(
        radio_id=47622887,
        opcode=Opcode.OPEN,
        result=Result.OK,
        key_id=1,
        counter=42,
        acted_at=datetime(2026, 12, 1, 0, 0, 12, tzinfo=UTC),
        switch=SwitchPosition.OPEN,
        line_voltage=True,
        load_side_voltage=False,
        repeated=False,
        falls_silent=False,
        heard_dbm=-91.2,
        command_id=UUID(bytes=GOLDEN_COMMAND[24:40]),
        register=41_902_118,
    )


@given(st.integers(0, 511))
def test_one_flipped_bit_makes_an_answer_a_forgery(bit):
    forged = bytearray(GOLDEN_ANSWER)
    forged[bit // 8] ^= 1 << bit % 8

    assert not codecs.answer_is_genuine(bytes(forged), KEY)


def test_a_collectors_progress_is_read():
    record = struct.pack("<16sIBBHI36x", COMMAND_ID.bytes, 47622887, 2, 0, 0, 1_796_083_212)

    progress = codecs.decode_progress(record)

    assert (progress.command_id, progress.stage) == (COMMAND_ID, Stage.ON_AIR)
    assert progress.at == datetime(2026, 12, 1, 0, 0, 12, tzinfo=UTC)


@pytest.mark.parametrize("decode", [codecs.decode_answer, codecs.decode_progress])
@given(record=st.binary(max_size=80) | st.binary(min_size=64, max_size=64))
def test_arbitrary_bytes_only_raise_decode_errors(decode, record):
    try:
        decode(record)
    except DecodeError:
        return


def test_a_code_of_rfc_4493_is_reproduced():
    key = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
    message = bytes.fromhex("6bc1bee22e409f96e93d7e117393172a")

    assert codecs.cmac(key, message).hex() == "070a16b46b4d4144f79bdd9dd04a287c"
