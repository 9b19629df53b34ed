"""The error of what the rules forbid: it carries every reason, each with its cure."""

from collections.abc import Sequence
from uuid import UUID

from mdms.domain.controls import Refusal
from mdms.domain.errors import OperatorError


class PolicyRefusedError(OperatorError):
    """
    The rules forbid it.

    Attributes:
        refusals: Every reason.
        control_id: The request as it was stored; None where nothing was.
    """

    def __init__(self, refusals: Sequence[Refusal], control_id: UUID | None = None) -> None:
        codes = ", ".join(refusal.code for refusal in refusals)
        super().__init__(f"refused by policy: {codes}")
        self.refusals = tuple(refusals)
        self.control_id = control_id


class AccessRefusedError(PolicyRefusedError):
    """Nobody shows it to who asks: not whose, not what, or not of those days."""
