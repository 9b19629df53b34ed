"""The signer: its keys, its own rules, and counters that only rise."""

import asyncio
from dataclasses import replace

import pytest

from commands import codecs
from commands.codecs import Command, CommandFlag
from commands.signer import SignerRefusedError
from commands.signing.keys import KeyRing, meter_key
from commands.signing.local import LocalSigner
from mdms.domain.controls import Opcode, new_id
from mdms.domain.errors import DecodeError
from tests.controls import AT
from tests.meters import MASTER, ObedientMeter
from tests.signing import open_rules

COMMAND = Command(
    radio_id=47622887,
    opcode=Opcode.CLOSE,
    flags=CommandFlag.NONE,
    key_id=1,
    not_before=AT,
    not_after=AT,
    command_id=new_id(AT),
)


@pytest.fixture
def signer(line):
    return LocalSigner(KeyRing({1: MASTER}), line.signer_memory, line.clock, open_rules())


@pytest.mark.db
async def test_a_counter_is_drawn_once_for_each_command_and_meter(signer):
    first = await signer.sign(COMMAND)
    again = await signer.sign(COMMAND)
    second = await signer.sign(replace(COMMAND, command_id=new_id(AT)))
    other = await signer.sign(replace(COMMAND, command_id=new_id(AT), radio_id=7))

    assert again == first
    assert (first.counter, second.counter, other.counter) == (1, 2, 1)


@pytest.mark.db
async def test_counters_stay_unique_when_many_sign_at_once(signer):
    commands = [replace(COMMAND, command_id=new_id(AT)) for _ in range(10)]

    signed = await asyncio.gather(*(signer.sign(each) for each in commands * 2))

    assert sorted(each.counter for each in signed) == sorted([*range(1, 11)] * 2)
    assert len({each.envelope for each in signed}) == 10


@pytest.mark.db
async def test_a_command_id_stands_for_one_content_for_ever(signer):
    await signer.sign(COMMAND)

    with pytest.raises(SignerRefusedError, match="signed for something else"):
        await signer.sign(replace(COMMAND, opcode=Opcode.ARM))


@pytest.mark.db
async def test_a_meter_without_a_master_key_is_refused(signer):
    with pytest.raises(SignerRefusedError, match="no master key 2"):
        await signer.sign(replace(COMMAND, key_id=2))


@pytest.mark.db
async def test_an_answer_is_believed_only_under_the_meters_own_key(signer):
    signed = await signer.sign(COMMAND)
    record = ObedientMeter().hear(signed.envelope, AT)

    answer = await signer.verify(record)

    assert (answer.command_id, answer.counter) == (COMMAND.command_id, 1)
    stranger = record[:48] + codecs.cmac(meter_key(MASTER, 8), record[:48])
    for forged in (stranger, record[:6] + b"\x09" + record[7:]):
        with pytest.raises(DecodeError, match="bad_tag"):
            await signer.verify(forged)
