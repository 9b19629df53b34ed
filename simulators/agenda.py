"""What will happen at which second, in order of time; of equal times the older plan goes first."""

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

Act = Callable[[int], None]
"""Is told the second at which it happens."""


class Agenda:
    """Acts that wait for their time."""

    def __init__(self) -> None:
        self._due: list[tuple[int, int, Act]] = []
        self._numbers = count()

    def plan(self, at_s: float, act: Act) -> None:
        """Let something happen at the nearest whole second."""
        heappush(self._due, (round(at_s), next(self._numbers), act))

    def run(self, now_s: int, until_s: int) -> None:
        """Let everything happen that is due; what is overdue happens now."""
        while self._due and self._due[0][0] <= until_s:
            at_s, _, act = heappop(self._due)
            act(max(at_s, now_s))
