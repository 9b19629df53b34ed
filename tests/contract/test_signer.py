"""One suite for both adapters of the port `Signer`: in this process, and behind a socket."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from commands import codecs
from commands.codecs import Command, CommandFlag
from commands.signer import QuarantinedError, SignerRefusedError
from commands.signing import breaker
from commands.signing.client import SocketSigner
from commands.signing.keys import KeyRing, meter_key
from commands.signing.local import LocalSigner
from commands.signing.server import listening
from mdms.domain.controls import Opcode, new_id
from mdms.domain.errors import DecodeError, OperatorError, UnavailableError
from mdms.storage.signer import open_signer_memory
from mdms.storage.unit_of_work import open_store
from tests.controls import AT
from tests.fakes import FakeClock
from tests.integration.commands.town import a_town, an_open, command_of, store_opens
from tests.meters import MASTER, ObedientMeter
from tests.signing import an_edition, open_rules, supervisors

pytestmark = pytest.mark.db

CLOSE = Command(
    radio_id=47622887,
    opcode=Opcode.CLOSE,
    flags=CommandFlag.NONE,
    key_id=1,
    not_before=AT,
    not_after=AT + timedelta(minutes=15),
    command_id=new_id(AT),
)


@pytest.fixture
def clock():
    return FakeClock(AT)


@pytest.fixture
async def town(database):
    """Where the daemon keeps its commands."""
    async with open_store(database, connections_max=2, statement_timeout_s=30) as store:
        async with store() as work:
            await work.registry.merge(a_town(8, transformer_count=8))
        yield store


@pytest.fixture(params=["local", "socket"])
async def signer(request, database, clock, tmp_path):
    async with open_signer_memory(database, statement_timeout_s=30) as memory:
        local = LocalSigner(
            KeyRing({1: MASTER}),
            memory,
            clock,
            open_rules(an_edition(approvals=2, per_hour=3)),
            supervisors=supervisors(),
        )
        if request.param == "local":
            yield local
            return
        path = tmp_path / "s" / "signer"
        async with listening(local, path):
            client = SocketSigner(path, clock)
            yield client
            await client.close()


async def test_the_same_command_gets_the_same_bytes_again(signer):
    first = await signer.sign(CLOSE)

    assert await signer.sign(CLOSE) == first
    assert first.counter == 1
    assert ObedientMeter().hear(first.envelope, AT)


async def test_many_may_ask_at_once_and_no_counter_is_given_twice(signer):
    commands = [replace(CLOSE, command_id=new_id(AT)) for _ in range(40)]

    signed = await asyncio.gather(*(signer.sign(each) for each in commands))

    assert sorted(each.counter for each in signed) == list(range(1, 41))


async def test_an_answer_is_believed_under_its_meters_key_only(signer):
    signed = await signer.sign(CLOSE)
    record = ObedientMeter().hear(signed.envelope, AT)

    assert (await signer.verify(record)).counter == 1
    with pytest.raises(DecodeError, match="bad_tag"):
        await signer.verify(record[:48] + codecs.cmac(meter_key(MASTER, 8), record[:48]))
    with pytest.raises(DecodeError, match="bad_length"):
        await signer.verify(record[:63])


async def test_a_refusal_tells_every_reason(signer, town):
    control = an_open(0, AT, cause="LOAD_SHED")
    await store_opens(town, [control], approvers=("carol",))

    with pytest.raises(SignerRefusedError) as refused:
        await signer.sign(command_of(control))

    assert not isinstance(refused.value, QuarantinedError)
    assert [each.code for each in refused.value.refusals] == ["RD_DUAL", "RD_REASON"]


async def test_one_open_too_many_trips_the_breaker_and_two_supervisors_release_it(signer, town):
    opens = [an_open(number, AT) for number in range(5)]
    await store_opens(town, opens)
    for each in opens[:3]:
        await signer.sign(command_of(each))

    with pytest.raises(QuarantinedError) as held:
        await signer.sign(command_of(opens[3]))
    trip = await signer.standing_trip()
    with pytest.raises(OperatorError, match="not a proof"):
        await signer.release("ada", trip.trip_id, b"")
    first = await signer.release("ada", trip.trip_id, breaker.prove("ada", trip))
    second = await signer.release("bob", trip.trip_id, breaker.prove("bob", trip))

    assert [each.code for each in held.value.refusals] == ["RD_BUDGET"]
    assert "3 of 3 opens in an hour" in trip.reason
    assert (first.released_by, second) == (("ada",), None)
    assert await signer.standing_trip() is None


async def test_the_windows_slide_and_what_is_held_back_is_signed_later(signer, town, clock):
    opens = [an_open(n, AT, not_after=AT + timedelta(hours=3)) for n in range(4)]
    await store_opens(town, opens)
    for each in opens[:3]:
        await signer.sign(command_of(each))
        await clock.sleep(600)

    await clock.sleep(1799)
    with pytest.raises(QuarantinedError):
        await signer.sign(command_of(opens[3]))
    trip = await signer.standing_trip()
    for name in ("ada", "bob"):
        await signer.release(name, trip.trip_id, breaker.prove(name, trip))
    await clock.sleep(1)

    assert (await signer.sign(command_of(opens[3]))).counter == 1


async def test_a_switch_counts_as_open_until_its_meter_says_otherwise(database, town, clock):
    """A close that was signed and never sent makes no room for another open."""
    opens = [an_open(n, AT) for n in range(5)]
    await store_opens(town, opens)
    async with open_signer_memory(database, statement_timeout_s=30) as memory:
        rules = open_rules(an_edition(open_per_cent_max=25))
        signer = LocalSigner(KeyRing({1: MASTER}), memory, clock, rules)
        for each in opens[:2]:
            await signer.sign(command_of(each))
        close = replace(command_of(opens[0]), opcode=Opcode.CLOSE, command_id=new_id(AT))
        signed = await signer.sign(close)
        async with memory() as work:
            before = await work.spent(None, AT)

        await signer.verify(ObedientMeter(radio_id=1000).hear(signed.envelope, AT))

        async with memory() as work:
            after = await work.spent(None, AT)
        assert (before.open_now, after.open_now, after.pilot) == (2, 1, 8)
        await signer.sign(command_of(opens[2]))
        with pytest.raises(QuarantinedError, match="2 of 2 switches open at once"):
            await signer.sign(command_of(opens[3]))


async def test_a_signer_that_is_away_is_unavailable_and_is_found_again(database, clock, tmp_path):
    path = tmp_path / "s" / "signer"
    client = SocketSigner(path, clock)
    with pytest.raises(UnavailableError, match="does not answer"):
        await client.sign(CLOSE)

    async with open_signer_memory(database, statement_timeout_s=30) as memory:
        local = LocalSigner(KeyRing({1: MASTER}), memory, clock, open_rules())
        async with listening(local, path):
            first = await client.sign(CLOSE)
        async with listening(local, path):
            again = await client.sign(CLOSE)
    with pytest.raises(UnavailableError):
        await client.standing_trip()
    await client.close()

    assert again == first
