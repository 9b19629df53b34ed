"""Calls about exceptions and edits."""

from collections.abc import Sequence
from typing import Any

from mdms.client.params import Instant, given
from mdms.client.transport import Transport


class EditCalls(Transport):
    """What analysts of reads ask the daemon."""

    def queue(
        self,
        *,
        meter: str | None = None,
        rule: str | None = None,
        severity: str | None = None,
        assigned_to: str | None = None,
        older_than_days: int = 0,
        answered: bool = False,
        limit: int | None = 500,
    ) -> list[dict[str, Any]]:
        """
        Return exceptions, the oldest first.

        Args:
            meter: Badge or usage point.
            rule: Such as V24.
            severity: FAIL, HOLD or WARN.
            assigned_to: A person; `-` for those that nobody looks into.
            older_than_days: Opened at least so long ago.
            answered: Those that are closed, too.
            limit: How many at most; None: all of them.
        """
        params = given(
            meter=meter,
            rule=rule,
            severity=severity,
            assigned_to=assigned_to,
            older_than_days=older_than_days or None,
            answered=answered or None,
        )
        return list(self._rows("/v1/exceptions", "exceptions", params, limit=limit))

    def exception(self, exception_id: int) -> dict[str, Any]:
        """Return an exception with its day: values, like days, registers, sums, edits."""
        return self._json("GET", f"/v1/exceptions/{exception_id}")

    def assign_exception(self, exception_id: int, to: str) -> dict[str, Any]:
        """Give an exception to a person; `-` gives it back to everybody."""
        return self._json("POST", f"/v1/exceptions/{exception_id}/assign", json={"to": to})

    def answer_exception(
        self, exception_id: int, answer: str, reason: str, *, text: str = "", ticket: str = ""
    ) -> dict[str, Any]:
        """
        Accept the suspect values of an exception's day, or reject its valid ones.

        Args:
            exception_id: Of the queue.
            answer: accept or reject.
            reason: A reason code.
            text: In words; OTHER needs it.
            ticket: Reference in another system.
        """
        body = {"answer": answer, "reason": reason, "text": text, "ticket": ticket}
        return self._json("POST", f"/v1/exceptions/{exception_id}/answer", json=body)

    def edit(
        self,
        operation: str,
        reason: str,
        from_: Instant,
        to: Instant | None = None,
        *,
        meter: str | None = None,
        exception_id: int | None = None,
        reading_type: str | None = None,
        values: Sequence[int] = (),
        total: int | None = None,
        reference: Instant | None = None,
        shift: int = 0,
        text: str = "",
        ticket: str = "",
        override_sum: str = "",
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """
        Ask for an edit; one that needs no second person is in force when this returns.

        Args:
            operation: set, scale, copy, interpolate, zero, shift, accept, reject or register.
            reason: A reason code.
            from_: Start of the first interval, with its offset; the instant of a register.
            to: End of the last interval; None for a register.
            meter: Badge or usage point; None where an exception names it.
            exception_id: Of the queue, where the edit answers one.
            reading_type: Which channel; None for the one that measures delivery.
            values: Quanta: one an interval, one for all, or a register's.
            total: Quanta to scale to; None: what the register leaves.
            reference: Start of the range to copy from.
            shift: Intervals to move values by, to later ones.
            text: In words; OTHER needs it.
            ticket: Reference in another system.
            override_sum: Why the bracket need not add up.
            dry_run: Only say what it would do.
        """
        assert (meter is None) != (exception_id is None), "a meter, or an exception that names it"
        body: dict[str, object] = {
            "operation": operation,
            "reason": reason,
            "from": str(from_),
            "values": list(values),
            "shift": shift,
            "text": text,
            "ticket": ticket,
            "override_sum": override_sum,
            "dry_run": dry_run,
        } | given(to=to, reference=reference)
        if total is not None:
            body["total"] = total
        if exception_id is not None:
            return self._json("POST", f"/v1/exceptions/{exception_id}/edit", json=body)
        body |= given(meter=meter, reading_type=reading_type)
        return self._json("POST", "/v1/edits", json=body)

    def edits(
        self, *, state: str | None = None, meter: str | None = None, limit: int | None = 200
    ) -> list[dict[str, Any]]:
        """Return edits, the newest first; `state` is waiting, approved or refused."""
        params = given(state=state, meter=meter)
        return list(self._rows("/v1/edits", "edits", params, limit=limit))

    def edit_shown(self, edit_id: str) -> dict[str, Any]:
        """Return one edit with everything that it changes."""
        return self._json("GET", f"/v1/edits/{edit_id}")

    def decide_edit(self, edit_id: str, *, approve: bool, text: str = "") -> dict[str, Any]:
        """Approve an edit that somebody else asked for, or refuse it."""
        body = {"approve": approve, "text": text}
        return self._json("POST", f"/v1/edits/{edit_id}/decision", json=body)

    def edit_reasons(self) -> list[dict[str, Any]]:
        """Return the reasons for which something may be edited."""
        return list(self._json("GET", "/v1/edits/reasons")["reasons"])
