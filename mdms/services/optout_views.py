"""Enrolments, tasks and sums as plain values; days and instants in ISO 8601."""

from datetime import date, datetime
from typing import Any

from mdms.domain.controls import ControlState, EndDeviceControl
from mdms.domain.programme import RADIO_PAUSE, BillingEvent, EnrolledService, Enrolment, Task
from mdms.services.controls import refusal_view


def enrolment_view(enrolment: Enrolment) -> dict[str, Any]:
    """Return a request with what was decided for each service."""
    return {
        "optout_id": str(enrolment.enrolment_id),
        "account": enrolment.account_id,
        "state": enrolment.state.value,
        "meters": [service.badge for service in enrolment.services],
        "requester": enrolment.requester,
        "reason": enrolment.reason,
        "requested_by": enrolment.requested_by,
        "received_at": enrolment.received_at.isoformat(),
        "approved_by": enrolment.approved_by,
        "from_on": _iso(enrolment.from_on),
        "until_on": _iso(enrolment.until_on),
        "closed_by": enrolment.closed_by,
        "closing": enrolment.closing,
        "services": [_service_view(service) for service in enrolment.services],
    }


def radio_view(control: EndDeviceControl) -> dict[str, Any]:
    """Return what came of telling a radio to be silent."""
    tried_again_at = None
    if control.state is ControlState.POLICY_DENIED:
        tried_again_at = (control.requested_at + RADIO_PAUSE).isoformat()
    return {
        "control_id": str(control.control_id),
        "asked_at": control.requested_at.isoformat(),
        "state": control.state.value,
        "result": None if control.result is None else control.result.value,
        "reasons": [refusal_view(each) for each in control.refusals],
        "tried_again_at": tried_again_at,
    }


def task_view(task: Task) -> dict[str, Any]:
    """Return a task."""
    return {
        "number": task.number,
        "code": task.code,
        "subject": task.subject,
        "account": task.account_id,
        "occasion": task.occasion,
        "clause": task.clause,
        "cure": task.cure,
        "found_at": task.found_at.isoformat(),
        "done_at": _iso(task.done_at),
        "done_by": task.done_by,
    }


def event_view(event: BillingEvent) -> dict[str, Any]:
    """Return a sum to bill."""
    return {
        "number": event.number,
        "kind": event.kind,
        "account": event.account_id,
        "for": event.subject_id,
        "due_on": event.due_on.isoformat(),
        "amount_usd": str(event.amount_usd),
        "clause": event.clause,
        "at": event.at.isoformat(),
    }


def _service_view(service: EnrolledService) -> dict[str, Any]:
    return {
        "usage_point": service.usage_point_id,
        "premise": service.premise_id,
        "meter": service.badge,
        "verdict": service.verdict,
        "code": service.code,
        "action": service.action,
        "reasons": [refusal_view(refusal) for refusal in service.refusals],
    }


def _iso(when: date | datetime | None) -> str | None:
    return None if when is None else when.isoformat()
