"""The registry on a real database: merged once, merged again, loaded back."""

import threading
from dataclasses import replace

import psycopg
import pytest

from mdms.domain.errors import UsageError
from mdms.domain.registry import STILL_INSTALLED_S, Channel, Registry
from mdms.domain.time import to_epoch_s
from mdms.storage import registry
from tests.integration.storage.registries import (
    E100,
    E100_MOVED,
    INSTALLED,
    MOVED,
    SMALL_TOWN,
    W200,
)

pytestmark = pytest.mark.db

FILES = {
    "transformers.csv": 1,
    "premises.csv": 2,
    "usage_points.csv": 2,
    "accounts.csv": 1,
    "agreements.csv": 1,
    "meters.csv": 3,
    "collectors.csv": 1,
    "channels.csv": 3,
    "contacts.csv": 1,
}
NOTHING = dict.fromkeys(FILES, 0)


async def test_a_new_registry_is_added_and_loads_back_as_it_was(store):
    async with store() as work:
        result = await work.registry.merge(SMALL_TOWN)

    async with store() as work:
        loaded = await work.registry.load()
    assert (result.added, result.changed, result.unchanged) == (FILES, NOTHING, NOTHING)
    assert loaded == SMALL_TOWN


async def test_the_table_of_a_city_is_laid_out_beside_the_event_loop(store, monkeypatch):
    threads, lay_out = [], registry._table

    def noted(*arguments):
        threads.append(threading.current_thread())
        return lay_out(*arguments)

    monkeypatch.setattr(registry, "_table", noted)
    async with store() as work:
        await work.registry.merge(SMALL_TOWN)
        await work.registry.channels()

    assert threads
    assert threading.main_thread() not in threads


async def test_importing_twice_changes_nothing(store):
    async with store() as work:
        await work.registry.merge(SMALL_TOWN)
        channels = await work.registry.channels()

    async with store() as work:
        result = await work.registry.merge(SMALL_TOWN)

    async with store() as work:
        assert await work.registry.load() == SMALL_TOWN
        again = await work.registry.channels()
    assert (result.added, result.changed, result.unchanged) == (NOTHING, NOTHING, FILES)
    assert again.channel_id.tolist() == channels.channel_id.tolist()


async def test_only_what_differs_is_changed_and_what_is_not_named_stays(store):
    async with store() as work:
        await work.registry.merge(SMALL_TOWN)
    shielded = replace(W200, serial="S-new")
    finer = replace(SMALL_TOWN.channels[2], interval_s=900)
    richer = replace(SMALL_TOWN.premises[0], flags=("solar", "ev", "pool"))
    new = Channel("W200", 1, "0.0.7.4.1.9.58.0.0.0.0.0.0.0.0.-1.128.0", 3600, "0.1gal")

    async with store() as work:
        result = await work.registry.merge(
            Registry(
                premises=(richer, SMALL_TOWN.premises[1]),
                meters=(E100, replace(E100_MOVED, pilot=False), shielded),
                channels=(finer, new),
            )
        )

    async with store() as work:
        loaded = await work.registry.load()
    assert result.added == NOTHING | {"channels.csv": 1}
    assert result.changed == NOTHING | {"premises.csv": 1, "meters.csv": 2, "channels.csv": 1}
    assert result.unchanged == NOTHING | {"premises.csv": 1, "meters.csv": 1}
    assert loaded == replace(
        SMALL_TOWN,
        premises=(richer, SMALL_TOWN.premises[1]),
        meters=(E100, replace(E100_MOVED, pilot=False), shielded),
        channels=(*SMALL_TOWN.channels[:2], finer, new),
    )


async def test_a_row_that_names_what_does_not_exist_is_refused_with_its_name(store):
    orphan = Registry(channels=(replace(SMALL_TOWN.channels[0], badge="X404"),))

    async def merge_orphan() -> None:
        async with store() as work:
            await work.registry.merge(orphan)

    with pytest.raises(UsageError, match="X404"):
        await merge_orphan()


async def test_the_channel_table_has_a_row_per_installation(store):
    async with store() as work:
        await work.registry.merge(SMALL_TOWN)

        table = await work.registry.channels()
        collector_ids = await work.registry.collector_ids()

    first, second, water = sorted(set(table.channel_id.tolist()))
    assert table.channel_id.tolist() == [first, first, second, second, water]
    assert table.badge.tolist() == ["E100"] * 4 + ["W200"]
    assert table.radio_id.tolist() == [47_622_887, 47_622_888] * 2 + [9]
    assert table.wire_channel.tolist() == [0x10, 0x10, 0x11, 0x11, 0x20]
    assert table.installed_s.tolist() == [to_epoch_s(INSTALLED), to_epoch_s(MOVED)] * 2 + [
        to_epoch_s(INSTALLED)
    ]
    assert table.removed_s.tolist() == [to_epoch_s(MOVED), STILL_INSTALLED_S] * 2 + [
        STILL_INSTALLED_S
    ]
    assert table.register_modulus.tolist() == [10**8] * 4 + [10**7]
    assert table.multiplier.tolist() == [1, 40, 1, 40, 1]
    assert table.transformer_id.tolist() == ["T1"] * 4 + [""]
    assert table.radio_on.tolist() == [True] * 4 + [False]
    assert collector_ids == {4_026_531_840}


async def test_an_empty_registry_has_an_empty_channel_table(store):
    async with store() as work:
        assert len(await work.registry.channels()) == 0
        assert await work.registry.load() == Registry()


async def test_every_change_that_is_seen_is_counted_and_an_import_that_changes_nothing_is_not(
    store, database
):
    async def count() -> int:
        async with store() as work:
            return int(await work.registry.change_count())

    empty = await count()
    async with store() as work:
        await work.registry.merge(SMALL_TOWN)
    imported = await count()
    async with store() as work:
        await work.registry.merge(SMALL_TOWN)
    again = await count()
    changes = (
        "UPDATE meter_installation SET radio = 'off' WHERE badge = 'E100'",
        "INSERT INTO collector (collector_id, name, latitude, longitude) VALUES (5, 'E', 37, -122)",
        "DELETE FROM collector WHERE collector_id = 5",
        "UPDATE collector SET name = 'B' WHERE collector_id = -1",
    )
    grown = []
    for statement in changes:
        before = await count()
        with psycopg.connect(database) as other:
            other.execute(statement)
            unseen = await count() - before
        grown.append((unseen, await count() - before))

    assert empty == 0
    assert imported > 0
    assert again == imported
    assert grown == [(0, 1), (0, 1), (0, 1), (0, 0)]
