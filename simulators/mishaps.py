"""What a storm does to collectors and their batches; the same seed, the same mishaps."""

from dataclasses import dataclass
from enum import Enum, auto

from simulators.radio import Faults
from simulators.seeds import generator

_STEP_S = 900
_DELAY_S = (900, 7_200)
_TURN_S = 86_400
"""A collector's clock goes wrong in two of three of these."""
_WRONG_S = (1_800, 6 * 3600)
_JUMP_S = 5 * 3600
_CENTURY_END_S = (1 << 32) - 1


class Fate(Enum):
    """What becomes of a batch on its way."""

    SENT = auto()
    SENT_TWICE = auto()
    LATE = auto()
    DAMAGED_COPY = auto()
    """A damaged copy goes before the good one."""
    DAMAGED = auto()
    """Only a damaged copy arrives; the collector believes that all is well."""
    LOST = auto()
    """Nothing arrives; the collector believes that all is well. One at a time, or many in turn."""


_SHARES = {
    Fate.SENT_TWICE: 0.03,
    Fate.LATE: 0.02,
    Fate.DAMAGED_COPY: 0.01,
    Fate.DAMAGED: 0.003,
    Fate.LOST: 0.005,
}


_RUN, _FULL_SHARE = 16, 0.02
"""Of so many batches in turn this share is lost whole: the broker's queue is full, it confirms
them and drops them."""


class Restart(Enum):
    """How a collector starts again."""

    COUNTER_KEPT = auto()
    COUNTER_LOST = auto()


_RESTART_SHARES = {Restart.COUNTER_KEPT: 1 / 192, Restart.COUNTER_LOST: 1 / 960}
"""Per 15 minutes: every other day, and every tenth day."""


@dataclass(frozen=True, slots=True)
class Mishaps:
    """The mishaps of one collector."""

    seed: int
    collector_id: int
    faults: Faults

    def fate(self, boot_id: int, seq: int) -> Fate:
        """Return what becomes of a batch."""
        if self.faults is not Faults.STORM:
            return Fate.SENT
        full = generator(self.seed, "full", self.collector_id, boot_id, seq // _RUN).random()
        if full < _FULL_SHARE:
            return Fate.LOST
        drawn = generator(self.seed, "fate", self.collector_id, boot_id, seq).random()
        for fate, share in _SHARES.items():
            if drawn < share:
                return fate
            drawn -= share
        return Fate.SENT

    def delay_s(self, boot_id: int, seq: int) -> int:
        """Return how much later a late batch, or a second copy, leaves."""
        rng = generator(self.seed, "delay", self.collector_id, boot_id, seq)
        return int(rng.integers(*_DELAY_S))

    def damaged(self, payload: bytes, boot_id: int, seq: int) -> bytes:
        """Return a message with one byte changed."""
        rng = generator(self.seed, "damage", self.collector_id, boot_id, seq)
        at, flip = int(rng.integers(len(payload))), int(rng.integers(1, 256))
        return payload[:at] + bytes([payload[at] ^ flip]) + payload[at + 1 :]

    def restart(self, at_s: int) -> Restart | None:
        """Return whether the collector starts again now."""
        if self.faults is not Faults.STORM or at_s % _STEP_S:
            return None
        drawn = generator(self.seed, "restart", self.collector_id, at_s).random()
        for kind, share in _RESTART_SHARES.items():
            if drawn < share:
                return kind
            drawn -= share
        return None

    def clock_s(self, at_s: int) -> int:
        """Return what a collector's clock says; for some hours it may be anything."""
        if self.faults is not Faults.STORM:
            return at_s
        turn, into_s = divmod(at_s, _TURN_S)
        rng = generator(self.seed, "clock", self.collector_id, turn)
        begin_s, length_s = rng.integers(_TURN_S), rng.integers(*_WRONG_S)
        jump_s = int(rng.integers(-_JUMP_S, _JUMP_S))
        said_s = (at_s, at_s, at_s + jump_s, at_s + jump_s, into_s, _CENTURY_END_S)
        wrong_s = said_s[rng.integers(len(said_s))]
        return wrong_s if begin_s <= into_s < begin_s + length_s else at_s

    def new_boot_id(self, at_s: int) -> int:
        """Return what a collector calls itself after it started again."""
        rng = generator(self.seed, "reboot", self.collector_id, at_s)
        return int(rng.integers(1, 1 << 32))
