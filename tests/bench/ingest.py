"""Ingest: from payload to commit, beside the least that any program would have to do."""

from tests.bench import ingest_memory, ingest_store
from tests.bench.measure import Row


def rows(rounds: int) -> list[Row]:
    """Measure what runs in memory, then the whole line to the database."""
    return [*ingest_memory.rows(rounds), *ingest_store.rows(rounds)]
