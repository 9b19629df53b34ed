"""Starts and sequence numbers of collectors, kept from one process to the next."""

import json
from collections.abc import Mapping
from pathlib import Path

from simulators.seeds import generator


class CounterFile:
    """The file that keeps them; a new start of a collector takes a new boot id."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._counters: dict[str, dict[str, int]] = {}
        if path.exists():
            self._counters = json.loads(path.read_text(encoding="utf-8"))

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
        aside = self._path.with_suffix(".part")
        aside.write_text(json.dumps(self._counters), encoding="utf-8")
        aside.replace(self._path)
