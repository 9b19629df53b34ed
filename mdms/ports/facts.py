"""The store of what the customer system stated."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from mdms.domain.facts import CisFact, Subject


class FactStore(Protocol):
    """Statements with two clocks; added, never changed."""

    async def add(self, facts: Sequence[CisFact]) -> Sequence[CisFact]:
        """Keep statements and return those that were new: the very same one is kept once."""
        ...

    async def bearing(
        self, subjects: Collection[tuple[Subject, str]], at: datetime
    ) -> Sequence[CisFact]:
        """
        Return what bears on these subjects, as far as it had taken effect and was known.

        Of each subject's fact these are the statement that took effect last and the one that was
        heard last: where they differ, older ones change nothing.
        """
        ...

    async def stated(self, facts: Collection[str], at: datetime) -> Sequence[CisFact]:
        """Return all that was said by an instant under these names, in the order of its saying."""
        ...

    async def history(self, subject_id: str) -> Sequence[CisFact]:
        """Return everything that was stated about one subject, oldest first."""
        ...

    async def unknown(self, subjects: Collection[tuple[Subject, str]]) -> set[tuple[Subject, str]]:
        """Return those of these subjects that the registry has not."""
        ...
