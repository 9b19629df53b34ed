"""Starts and sequence numbers of collectors, kept from one process to the next."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from simulators.seeds import generator


class CounterFile:
    """The file that keeps them; a new start of a collector takes a new boot id."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._counters: dict[str, dict[str, int]] = {}
        self._size = 0
        if path.exists():
            text = path.read_text(encoding="utf-8")
            self._counters, self._size = json.loads(text), len(text)

    def boot(self, collector_id: int, seed: int) -> tuple[int, int]:
        """Return the boot id of a fresh start and the last sequence number that was used."""
        known = self._counters.get(str(collector_id), {"starts": 0, "seq": 0})
        starts = known["starts"] + 1
        self._counters[str(collector_id)] = {"starts": starts, "seq": known["seq"]}
        rng = generator(seed, "boot", collector_id, starts)
        return int(rng.integers(1, 1 << 32)), known["seq"]

    def keep(self, seqs: Mapping[int, int]) -> None:
        """Write the numbers down before the batches that carry them leave."""
        for collector_id, seq in seqs.items():
            self._counters[str(collector_id)]["seq"] = seq
        # Once a step: one write over the old text, padded to its length, is whole or not at
        # all when the process is killed, and costs a tenth of a new file under the old name.
        content = json.dumps(self._counters).encode()
        self._size = max(self._size, len(content))
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            os.pwrite(file, content.ljust(self._size), 0)
        finally:
            os.close(file)
