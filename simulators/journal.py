"""
What a run was told from outside, step by step, so that a killed simulator can go on.

All else follows from the seed: a new process plays the steps of the journal again without
publishing anything, and is then where the old one was, to the byte.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Received:
    """A message that a collector got; `kind` is the last level of its topic."""

    collector_id: int
    kind: str
    payload: bytes


@dataclass(slots=True)
class Step:
    """
    One step: its end, what collectors had received before it, and calls made until its start.
    """

    at_s: int
    received: Sequence[Received]
    called: int


@dataclass(slots=True)
class Journal:
    """
    The file; a line is written before its step begins.

    Attributes:
        boots: Boot id and last sequence number of each collector when the run began.
        past: Steps of an earlier process of the same run.
        called: Calls that were made.
    """

    path: Path
    boots: Mapping[int, tuple[int, int]]
    past: Sequence[Step] = ()
    called: int = 0

    @classmethod
    def resume(cls, path: Path, arguments: Mapping[str, Any]) -> Self | None:
        """Return the journal of an unfinished run with the same arguments, if there is one."""
        if not path.exists():
            return None
        lines = _lines(path)
        if not lines or lines[0].get("arguments") != arguments or "end" in lines[-1]:
            return None
        boots = {int(key): (boot, seq) for key, (boot, seq) in lines[0]["boots"].items()}
        past: list[Step] = []
        called = 0
        for line in lines[1:]:
            if "called" in line:
                called = line["called"]
            else:
                received = [Received(c, kind, bytes.fromhex(h)) for c, kind, h in line["in"]]
                past.append(Step(line["at"], received, called))
        journal = cls(path, boots, past, called)
        journal._rewrite(lines)
        return journal

    @classmethod
    def begin(
        cls, path: Path, arguments: Mapping[str, Any], boots: Mapping[int, tuple[int, int]]
    ) -> Self:
        """Start a new journal."""
        journal = cls(path, boots)
        journal._rewrite([{"arguments": arguments, "boots": boots}])
        return journal

    def step(self, at_s: int, received: Sequence[Received]) -> None:
        """Write down what the step to this instant begins with."""
        told = [[each.collector_id, each.kind, each.payload.hex()] for each in received]
        self._append({"at": at_s, "in": told})

    def call(self) -> None:
        """Write down that the next call is about to be made; it is made at most once."""
        self.called += 1
        self._append({"called": self.called})

    def end(self) -> None:
        """Write down that the run is over; the next one begins anew."""
        self._append({"end": True})

    def _append(self, line: Mapping[str, Any]) -> None:
        with self.path.open("a", encoding="utf-8") as journal:
            journal.write(json.dumps(line) + "\n")

    def _rewrite(self, lines: Sequence[Mapping[str, Any]]) -> None:
        aside = self.path.with_suffix(".part")
        aside.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        aside.replace(self.path)


def _lines(path: Path) -> list[dict[str, Any]]:
    """Return the whole lines; one that a kill cut short was not acted upon."""
    *whole, _ = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in whole]
