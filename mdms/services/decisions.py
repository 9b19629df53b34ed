"""Decisions about commands as the audit keeps them: what was judged, by what, to what end."""

import json
from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from mdms.domain.audit import AuditRecord
from mdms.domain.errors import NotFoundError
from mdms.ports.unit_of_work import UnitOfWorkFactory

JUDGED: Final = "control.judged"
"""Kind of the audit record that `commands.judgement` writes."""


class DecisionService:
    """
    Reprints decisions; nothing is judged again.

    Args:
        unit_of_work: Opens a transaction.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    async def explain(self, control_id: UUID) -> dict[str, Any]:
        """
        Return every judgement of a command, oldest first, with its inputs and their times.

        Raises:
            NotFoundError: There is no command with this id.
        """
        async with self._unit_of_work() as work:
            control = await work.controls.find(control_id)
            audited = await work.audit.about(str(control_id))
        if control is None:
            raise NotFoundError(f"there is no command {control_id}; see `mdms command ls`")
        return {
            "decision": str(control_id),
            "action": control.action.value,
            "meter": control.badge,
            "cause": control.cause,
            "state": control.state.value,
            "judgements": judgements(audited),
        }


def judgements(records: Iterable[AuditRecord]) -> list[dict[str, Any]]:
    """Return what the rules said, step by step, and by what; other records are left out."""
    told: list[dict[str, Any]] = [json.loads(record.content) for record in records]
    return [
        {"number": each["number"], "at": each["at"], "actor": each["actor"], **each["detail"]}
        for each in told
        if each["kind"] == JUDGED
    ]
