"""
Whatever is put right in the registry, and whenever: every read is stored once, or waits for it.

MDMS_PAPERWORK_SEEDS=1-2000 plays these seeds instead of the few of every day; one that fails is
named and fails again.
"""

import os

import pytest

from tests.paperwork import Office

LOST_ONCE = "29,31,52"
"""These lost reads while only the first of the batches that wait was prepared again."""


def seeds() -> list[int]:
    numbers: list[int] = []
    for part in os.environ.get("MDMS_PAPERWORK_SEEDS", f"1-6,{LOST_ONCE}").split(","):
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return numbers


@pytest.mark.parametrize("seed", seeds())
async def test_every_read_is_stored_by_the_registry_of_its_commit_or_waits_for_another(seed):
    office = Office(seed)

    await office.work()

    assert "commit" in office.log
