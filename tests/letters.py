"""Stores in memory, with a quarantine whose letters can be looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Self

from mdms.ports.messages import Rejected
from mdms.ports.quarantine import CURABLE, Letter
from tests.channels import channel_table
from tests.fakes import FakeMessageStore, FakeUnitOfWork


class Letters(FakeMessageStore):
    """Dead letters, numbered as they come, and which of them were cured."""

    def __init__(self) -> None:
        super().__init__()
        self.cured_ids: set[int] = set()
        self._numbers: dict[tuple[object, ...], int] = {}

    async def reject(self, rejected: Sequence[Rejected]) -> int:
        for each in rejected:
            digest = each.topic, each.frame_index, each.reason, each.payload
            number = self._numbers.setdefault(digest, len(self.rejected) + 1)
            if number > len(self.rejected):
                self.rejected.append(each)
            elif number in self.cured_ids or self.rejected[number - 1].reason is not each.reason:
                self.rejected[number - 1] = each
                self.cured_ids.discard(number)
        return len(rejected)

    @property
    def waiting(self) -> dict[int, Rejected]:
        return {
            number: each
            for number, each in enumerate(self.rejected, 1)
            if number not in self.cured_ids and each.reason in CURABLE
        }


class Database(FakeUnitOfWork):
    """Stores in memory; it stands in for `mdms.ports.QuarantineStore`, too."""

    def __init__(self) -> None:
        super().__init__(channel_table(), ())
        self.messages: Letters = Letters()

    @property
    def quarantine(self) -> Self:
        return self

    async def curable(self, after_id: int, count_max: int) -> Sequence[Letter]:
        waiting = self.messages.waiting.items()
        known = [Letter(number, each) for number, each in waiting if number > after_id]
        return [each for each in known if self.is_known(each.rejected)][:count_max]

    async def cured(self, letter_ids: Sequence[int], at: datetime) -> None:
        self.messages.cured_ids.update(letter_ids)

    async def still_refused(self, refused: Mapping[int, Rejected]) -> None:
        for number, each in refused.items():
            before = self.messages.rejected[number - 1]
            self.messages.rejected[number - 1] = replace(
                before, reason=each.reason, detail=each.detail, payload=each.payload
            )

    def is_known(self, letter: Rejected) -> bool:
        """Tell whether the registry knows by now who sent what a letter holds."""
        if letter.frame_index is None:
            return int(letter.topic.split("/")[4]) in self.registry.ids
        return int.from_bytes(letter.payload[:4], "little") in self.registry.table.radio_id
