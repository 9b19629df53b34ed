"""`controls.parquet`: every command that was ever asked for, refused ones with their codes."""

from datetime import UTC

import pyarrow.parquet as pq
import pytest

from mdms.domain.controls import Action
from mdms.policy.refusals import PolicyRefusedError
from mdms.services.controls import CONTROL_SCHEMA, ControlService

pytestmark = pytest.mark.db


async def test_every_command_is_in_the_file_oldest_first(line, tmp_path):
    with pytest.raises(PolicyRefusedError):
        await line.ask(Action.DISCONNECT, meter="E2")
    await line.clock.sleep(1)
    done = await line.ask(Action.DISCONNECT)
    await line.run(3)

    await ControlService(line.store).write_controls(tmp_path / "controls.parquet")

    table = pq.read_table(tmp_path / "controls.parquet")
    refused, verified = table.to_pylist()
    assert table.schema == CONTROL_SCHEMA
    assert (refused["state"], refused["codes"]) == (
        "POLICY_DENIED",
        ["RD_NO_SWITCH", "RD_NOT_PILOT"],
    )
    assert (verified["control_id"], verified["state"]) == (str(done.control_id), "VERIFIED")
    assert (verified["switch"], verified["load_side_voltage"]) == ("open", False)
    assert verified["sent_at"].astimezone(UTC) == done.requested_at
