"""Whoever conquers the daemon has its socket and its database user, and no more than a budget."""

import asyncio
import re
import urllib.request
from collections import Counter
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from commands.codecs import Command
from commands.signer import QuarantinedError, Signed, SignerRefusedError
from commands.signing import breaker
from commands.signing.client import SocketSigner
from mdms.app.clock import SystemClock
from mdms.domain.controls import Opcode, new_id
from mdms.domain.errors import OperatorError
from mdms.embedded import processes
from mdms.storage.unit_of_work import open_store
from tests.integration.commands.town import a_town, an_open, command_of, store_opens
from tests.signing import SignerProcess, an_edition, write_signer_files

pytestmark = [pytest.mark.db, pytest.mark.slow]

METERS = 500
CLOCK = SystemClock()


@pytest.fixture
async def conquered(database):
    """The daemon's own database user."""
    dsn = make_conninfo(database, user="mdms")
    async with open_store(dsn, connections_max=4, statement_timeout_s=30) as store:
        async with store() as work:
            await work.registry.merge(a_town(METERS, transformer_count=200))
        yield store


@pytest.fixture
def process(tmp_path, database):
    edition = an_edition(approvals=2, per_transformer_hour=3, open_per_cent_max=5)
    config = write_signer_files(
        tmp_path / "signer", database, edition=edition, metrics_port=processes.free_port()
    )
    running = SignerProcess(config)
    yield running
    assert running.stop() == 0


@pytest.fixture
async def line(process):
    """The way to the signer that the daemon has; not the fixture of the other tests here."""
    client = SocketSigner(process.socket, CLOCK)
    yield client
    await client.close()


async def outcome(line: SocketSigner, command: Command) -> Any:
    try:
        return await line.sign(command)
    except SignerRefusedError as error:
        return error


def alarm(process: SignerProcess) -> bool:
    port = re.findall(r"metrics_port = (\d+)", process.config.read_text())[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        return "mdms_command_signer_breaker_tripped 1.0" in answer.read().decode()


async def test_five_hundred_valid_looking_opens_get_ten_signed_and_an_alarm(
    conquered, process, line
):
    causes = ("MOVE_OUT", "HAZARD")
    opens = [an_open(n, CLOCK.now(), cause=causes[n % 2]) for n in range(METERS)]
    await store_opens(conquered, opens)

    first = [await outcome(line, command_of(each)) for each in opens[:10]]
    quiet = not alarm(process)
    first.append(await outcome(line, command_of(opens[10])))
    alarmed = alarm(process)
    rest = await asyncio.gather(*(outcome(line, command_of(each)) for each in opens[11:]))

    kinds = Counter(type(each) for each in [*first, *rest])
    assert kinds == {Signed: 10, QuarantinedError: METERS - 10}
    assert quiet
    assert alarmed, "whoever looks once the first of them was refused"
    assert "signer.breaker.tripped" in process.log.read_text()
    codes = {refusal.code for each in rest for refusal in each.refusals}
    assert codes == {"RD_BUDGET"}


async def test_only_two_supervisors_release_and_what_they_said_opens_nothing_later(
    conquered, process, line
):
    opens = [an_open(n, CLOCK.now()) for n in range(14)]
    await store_opens(conquered, opens)
    for each in opens[:11]:
        await outcome(line, command_of(each))
    trip = await line.standing_trip()
    proofs = {name: breaker.prove(name, trip) for name in ("ada", "bob")}

    alone = await line.release("ada", trip.trip_id, proofs["ada"])
    twice = await line.release("ada", trip.trip_id, proofs["ada"])
    with pytest.raises(OperatorError, match="not a proof"):
        await line.release("bob", trip.trip_id, proofs["ada"])
    with pytest.raises(OperatorError, match="not a proof"):
        await line.release("mallory", trip.trip_id, breaker.prove("mallory", trip))
    held = await outcome(line, command_of(opens[11]))
    both = await line.release("bob", trip.trip_id, proofs["bob"])
    spent = await outcome(line, command_of(opens[12]))
    second = await line.standing_trip()
    for name, proof in proofs.items():
        with pytest.raises(OperatorError):
            await line.release(name, second.trip_id, proof)

    assert (alone.released_by, twice.released_by, both) == (("ada",), ("ada",), None)
    assert isinstance(held, QuarantinedError)
    assert isinstance(spent, QuarantinedError), "the hour's budget is still spent"
    assert second.trip_id != trip.trip_id


async def test_what_restores_service_is_signed_while_the_breaker_stands(conquered, process, line):
    opens = [an_open(n, CLOCK.now()) for n in range(11)]
    await store_opens(conquered, opens)
    signed = [await outcome(line, command_of(each)) for each in opens]

    closes = [
        await line.sign(_changed(command_of(each), opcode=opcode))
        for each, opcode in zip(
            opens[:3], (Opcode.CLOSE, Opcode.ARM, Opcode.SWITCH_STATUS), strict=True
        )
    ]

    assert isinstance(signed[-1], QuarantinedError)
    assert [each.counter for each in closes] == [2, 2, 2]


async def test_an_open_without_its_command_or_its_people_is_not_signed(conquered, process, line):
    unasked, alone, other, water = (an_open(n, CLOCK.now()) for n in range(4))
    water = an_open(3, CLOCK.now(), serial="S4")
    await store_opens(conquered, [alone], approvers=("clerk", "carol"))
    await store_opens(conquered, [other, water])

    answers = [
        await outcome(line, command_of(unasked)),
        await outcome(line, command_of(alone)),
        await outcome(line, _changed(command_of(other), radio_id=1005, keep_id=True)),
        await outcome(line, command_of(water)),
    ]

    codes = [{each.code for each in answer.refusals} for answer in answers]
    assert codes == [{"SIGNER_MISMATCH"}, {"RD_DUAL"}, {"SIGNER_MISMATCH"}, {"METER_CHANGED"}]
    assert await line.standing_trip() is None


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM signer.open",
        "UPDATE signer.trip SET released_at = at",
        "UPDATE signer.counter SET counter = 0",
        "SELECT * FROM signer.issued",
        "DELETE FROM signer.audit",
        "CREATE TABLE signer.mine ()",
        "ALTER SCHEMA signer OWNER TO mdms",
        "SET ROLE mdms_signer",
    ],
)
def test_the_daemons_user_has_no_right_to_the_signers_memory(database, statement):
    with (
        psycopg.connect(make_conninfo(database, user="mdms")) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE control SET state = 'POLICY_OK'",
        "DELETE FROM control_step",
        "SELECT * FROM interval_read",
    ],
)
def test_the_signers_user_may_look_at_what_it_judges_by_and_change_nothing(database, statement):
    with psycopg.connect(make_conninfo(database, user="mdms_signer")) as connection:
        connection.execute("SELECT * FROM control, control_step, meter, meter_installation")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)


def _changed(command: Command, *, keep_id: bool = False, **changes: Any) -> Command:
    if not keep_id:
        changes["command_id"] = new_id(CLOCK.now())
    return replace(command, **changes)
