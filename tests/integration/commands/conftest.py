"""A command line with one meter on a database of its own."""

from collections.abc import AsyncIterator

import pytest

from mdms.storage.signer import open_signer_memory
from mdms.storage.unit_of_work import Store
from tests.controls import AT, a_registry
from tests.integration.commands.line import Line
from tests.lawful import move_out


@pytest.fixture
async def line(database: str, store: Store) -> AsyncIterator[Line]:
    async with store() as work:
        await work.registry.merge(a_registry())
    await move_out(store, AT)
    async with open_signer_memory(database, statement_timeout_s=30) as signer_memory:
        yield Line(store, signer_memory)
