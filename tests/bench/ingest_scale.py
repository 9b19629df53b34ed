"""Does a read cost more where there are more channels? And what does a million of them weigh?"""

import asyncio
import gc
import time
from typing import Final

import numpy as np
import psutil

from ingest.preparing import Preparer, Stored
from tests.bench.measure import Figures, Row, interleave
from tests.bench.traffic import COLLECTOR_ID, NOW, SLOT_S, Traffic
from tests.channels import Installed, channel_table

SIZES: Final = {"1k": 1_000, "100k": 100_000, "1m": 1_000_000}
WINDOW_SLOTS: Final = 64
REPORTS_MIN: Final = 2
FRAMES_MIN: Final = 60_000
"""Fewer would take too little time to be told from the noise."""
BATCH_MESSAGES: Final = 64
"""Of 500 frames: 2 MiB, as a transaction holds at most."""
MIB: Final = 1 << 20

UNITS = {f"ingest.scale.{name}": "reads/CPU-s" for name in SIZES} | {"ingest.scale.memory": "MiB"}


def rows(rounds: int) -> list[Row]:
    """Measure decode, look-up and de-duplication; the database is left out."""
    with asyncio.Runner() as runner:
        cities = [_City(name, size, runner) for name, size in SIZES.items()]
        found = interleave([city.prepare for city in cities], UNITS, rounds)
    base = found["ingest.scale.1k"]
    return [
        base.row(),
        found["ingest.scale.100k"].row(base, goal="ratio >= 0.87"),
        found["ingest.scale.1m"].row(base, goal="ratio >= 0.81"),
        found["ingest.scale.memory"].row(goal="value < 2048"),
    ]


class _City:
    """Every channel reports in turn, in any order, to a head-end that knows all of them."""

    def __init__(self, name: str, size: int, runner: asyncio.Runner) -> None:
        self._name, self._runner = name, runner
        self._traffic = Traffic(
            meters=size, reports=max(REPORTS_MIN, FRAMES_MIN // size), intervals=12, frames=500
        )
        table = channel_table(
            *(
                Installed(channel_id=number, radio_id=radio_id, interval_s=SLOT_S)
                for number, radio_id in enumerate(self._traffic.radio_ids())
            )
        )
        self._stored = Stored(table, frozenset([COLLECTOR_ID]), sequences=())
        self._messages = self._traffic.messages()

    def prepare(self) -> Figures:
        before = psutil.Process().memory_info().rss
        preparer = Preparer(WINDOW_SLOTS, None)
        self._runner.run(preparer.start(self._stored))
        gc.collect()
        count, spent_s = self._runner.run(self._prepare_all(preparer))
        assert count == self._traffic.meters * self._traffic.slots, "every read is new"
        figures = {f"ingest.scale.{self._name}": count / spent_s}
        if self._name == "1m":
            figures["ingest.scale.memory"] = (psutil.Process().memory_info().rss - before) / MIB
        return figures

    async def _prepare_all(self, preparer: Preparer) -> tuple[int, float]:
        count, begun_s = 0, time.process_time()
        for first in range(0, len(self._messages), BATCH_MESSAGES):
            batch = self._messages[first : first + BATCH_MESSAGES]
            prepared = await preparer.prepare(batch, NOW)
            assert not np.any(prepared.intervals.unsure.channel_id), "nothing is in doubt"
            count += len(prepared.intervals.sure)
            preparer.leave()
        return count, time.process_time() - begun_s
