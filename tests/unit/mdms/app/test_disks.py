"""How full the disks are: files, the database's volume, and what the database may grow to."""

from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from prometheus_client import REGISTRY

from mdms.app.disks import Disks
from mdms.domain.errors import UnavailableError
from mdms.ports.unit_of_work import UnitOfWorkFactory
from mdms.settings import DatabaseSettings
from tests.fakes import FakeClock

GIB = 1 << 30


def store(size: int, errors: list[Exception] | None = None) -> UnitOfWorkFactory:
    async def database_bytes() -> int:
        if errors:
            raise errors.pop()
        return size

    @asynccontextmanager
    async def unit_of_work():
        yield SimpleNamespace(board=SimpleNamespace(database_bytes=database_bytes))

    return cast("UnitOfWorkFactory", unit_of_work)


def told(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"mdms_{name}_bytes", labels)


async def test_every_disk_that_is_named_is_measured(tmp_path):
    settings = DatabaseSettings(volume=str(tmp_path), size_gib_max=4)

    await Disks(store(3 * GIB), settings, tmp_path).measure()

    for disk in ("files", "database"):
        size, free = told("disk_size", disk=disk), told("disk_free", disk=disk)
        assert size is not None
        assert free is not None
        assert size >= free > 0
    assert (told("disk_size", disk="quota"), told("disk_free", disk="quota")) == (4 * GIB, GIB)
    assert told("database_size") == 3 * GIB


async def test_a_database_beyond_its_quota_and_a_volume_that_is_away_have_nothing_left(tmp_path):
    settings = DatabaseSettings(volume=str(tmp_path / "away"), size_gib_max=1)

    await Disks(store(3 * GIB), settings, tmp_path).measure()

    assert told("disk_free", disk="quota") == 0
    assert (told("disk_size", disk="database"), told("disk_free", disk="database")) == (1, 0)


class Ending(FakeClock):
    """Ends the loop at its second pause."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        if len(self.slept_s) == 2:
            raise InterruptedError


async def test_a_database_that_is_away_delays_the_next_look_only():
    disks = Disks(store(GIB, [UnavailableError("away")]), DatabaseSettings(), Path("/"))

    with pytest.raises(InterruptedError):
        await disks.forever(Ending(datetime(2026, 11, 3, tzinfo=UTC)))

    assert told("database_size") == GIB
