"""Edits as plain values: what REST, the command line and the audit show."""

from typing import Any

from mdms.domain.edits import Edit
from mdms.domain.reading_types import READING_TYPES
from mdms.domain.registry import ChannelTable
from mdms.domain.time import from_epoch_s


def edit_view(edit: Edit, table: ChannelTable) -> dict[str, Any]:
    """
    Return an edit as plain values.

    Args:
        edit: The edit.
        table: Installations of its channel.
    """
    kind = READING_TYPES[str(table.reading_type[0])]
    decision = edit.decision
    return {
        "edit_id": str(edit.edit_id),
        "meter": str(table.badge[0]),
        "reading_type": kind.name,
        "unit": kind.unit,
        "state": edit.state.value,
        "operation": edit.operation.value,
        "from": from_epoch_s(edit.start_s).isoformat(),
        "to": from_epoch_s(edit.end_s).isoformat(),
        "parameters": dict(edit.parameters),
        "reason": edit.reason.value,
        "text": edit.text,
        "ticket": edit.ticket,
        "override_sum": edit.override_sum,
        "before": list(edit.before),
        "before_status": edit.before_status,
        "after": list(edit.after),
        "after_status": edit.after_status,
        "residual_before": list(edit.residual_before),
        "residual_after": list(edit.residual_after),
        "change": edit.change,
        "four_eyes": list(edit.four_eyes),
        "editor": edit.editor,
        "editor_role": edit.editor_role,
        "asked_at": edit.asked_at.isoformat(),
        "exception_id": edit.exception_id,
        "decided_by": decision.by if decision else None,
        "decided_role": decision.role if decision else None,
        "decided_at": decision.at.isoformat() if decision else None,
        "decision_text": decision.text if decision else None,
    }
