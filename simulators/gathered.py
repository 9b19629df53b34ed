"""What collectors take in during a step, before they close it into batches."""

from dataclasses import dataclass, field

from simulators.air import Heard
from simulators.alarms import Alarms


@dataclass(frozen=True, slots=True)
class Record:
    """64 bytes that a collector passes up: a meter's answer, or its own progress."""

    collector_id: int
    schema_id: int
    content: bytes


@dataclass(slots=True)
class Gathered:
    """What all collectors took in during one step."""

    heard: list[Heard] = field(default_factory=list)
    alarms: list[Alarms] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether nobody took in anything."""
        return not (self.heard or self.alarms or self.records)
