"""SIGKILL of the signer at seeded moments: no counter twice, no budget exceeded, nothing lost."""

import asyncio
import random
from collections import Counter
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from commands.codecs import Command
from commands.signer import QuarantinedError, Signed, SignerRefusedError
from commands.signing.client import SocketSigner
from mdms.app.clock import SystemClock
from mdms.domain.controls import Opcode, new_id
from mdms.domain.errors import UnavailableError
from mdms.storage.unit_of_work import open_store
from tests.faults import seeds
from tests.integration.commands.town import a_town, an_open, command_of, store_opens
from tests.signing import SignerProcess, an_edition, write_signer_files

pytestmark = [pytest.mark.db, pytest.mark.slow]

CLOCK = SystemClock()
METERS = 40
KILLS = 3
SEEDS = seeds.chosen("MDMS_FAULT_SEEDS", "1")


async def persistently(line: SocketSigner, command: Command) -> Any:
    """Ask until there is an answer, as the dispatcher does."""
    while True:
        try:
            return await line.sign(command)
        except SignerRefusedError as error:
            return error
        except UnavailableError:
            await CLOCK.sleep(0.01)


@pytest.mark.parametrize("seed", SEEDS)
async def test_kills_at_any_moment_cost_time_only(tmp_path, database, seed):
    rng = random.Random(seed)
    config = write_signer_files(
        tmp_path / "signer", database, edition=an_edition(open_per_cent_max=50)
    )
    opens = [an_open(n, CLOCK.now()) for n in range(METERS)]
    commands = [command_of(each) for each in opens]
    commands += [
        replace(each, opcode=Opcode.CLOSE, command_id=new_id(CLOCK.now()))
        for each in commands
        for _ in range(5)
    ]
    rng.shuffle(commands)
    process = SignerProcess(config)
    line = SocketSigner(process.socket, CLOCK)
    async with open_store(database, connections_max=2, statement_timeout_s=30) as store:
        async with store() as work:
            await work.registry.merge(a_town(METERS, transformer_count=METERS))
        await store_opens(store, opens)

        asked = []
        for part in range(KILLS + 1):
            few = commands[part :: KILLS + 1]
            asked += [(each, asyncio.create_task(persistently(line, each))) for each in few]
            await CLOCK.sleep(rng.uniform(0, 0.08))
            if part < KILLS:
                process.kill()
                process = SignerProcess(config)
        answers = [(command, await task) for command, task in asked]
        again = [await persistently(line, command) for command, _ in answers]
    await line.close()
    assert process.stop() == 0

    signed = {
        command.command_id: answer for command, answer in answers if isinstance(answer, Signed)
    }
    opened = [each for each in commands if each.opcode is Opcode.OPEN and each.command_id in signed]
    assert len(signed) == len(opened) + 5 * METERS
    for (command, answer), repeated in zip(answers, again, strict=True):
        if command.opcode is Opcode.CLOSE:
            assert repeated == answer
        else:
            assert isinstance(repeated, QuarantinedError)
    per_meter = Counter(
        (each.radio_id, signed[each.command_id].counter)
        for each in commands
        if each.command_id in signed
    )
    assert max(per_meter.values()) == 1
    _check_memory(database, {each.command_id for each in opened})


def _check_memory(database: str, opened: set[Any]) -> None:
    with psycopg.connect(database) as connection:
        spent = connection.execute("SELECT command_id FROM signer.open").fetchall()
        issued_opens = connection.execute(
            "SELECT command_id FROM signer.issued WHERE get_byte(envelope, 4) = 1"
        ).fetchall()
        behind = connection.execute(
            "SELECT count(*) FROM signer.counter c WHERE counter <> (SELECT max(counter)"
            " FROM signer.issued i WHERE (i.radio_id, i.key_id) = (c.radio_id, c.key_id))"
        ).fetchone()
    assert {each for (each,) in spent} == {each for (each,) in issued_opens}
    # Who was killed before it answered may have signed: that one is counted, and not given again.
    assert len(spent) == 10
    assert opened <= {each for (each,) in spent}
    assert behind == (0,)
