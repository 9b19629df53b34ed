"""Calls about commands to meters, and what people do in their stead."""

from pathlib import Path
from typing import Any

from mdms.client.params import Instant, given
from mdms.client.transport import Transport


class ControlCalls(Transport):
    """What those who ask for commands, approve and examine them, ask the daemon."""

    def command(
        self,
        action: str,
        meter: str,
        cause: str,
        *,
        order: str = "",
        reason: str = "",
        evidence: str = "",
        item: str = "",
        not_before: Instant | None = None,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """
        Ask for a command to a meter; it is carried out by the daemon.

        Args:
            action: disconnect, reconnect, arm, radio_off, radio_on, read or ping.
            meter: Badge or usage point.
            cause: Why; a disconnect needs one of the causes that allow it.
            order: Reference in another system.
            reason: For the record.
            evidence: Identifier of the record that proves a hazard or theft.
            item: Item of Rule 9.D that an immediate disconnect rests on.
            not_before: From when on; None means now.
            dry_run: Only ask the rules.

        Raises:
            PolicyRefusedError: The rules forbid it; it has every reason.
        """
        body = {
            "action": action,
            "cause": cause,
            "dry_run": dry_run,
            "evidence": evidence,
            "item": item,
            "meter": meter,
            "order": order,
            "reason": reason,
        } | given(not_before=not_before)
        return self._json("POST", "/v1/controls", json=body)

    def controls(self, *, meter: str | None = None, limit: int | None = 50) -> list[dict[str, Any]]:
        """Return commands, the newest first."""
        params = given(meter=meter)
        return list(self._rows("/v1/controls", "controls", params, limit=limit))

    def export_controls(self, path: Path) -> Path:
        """Write every command, refused ones too, as Parquet."""
        return self._download("/v1/controls/files/controls.parquet", path)

    def control(self, control_id: str) -> dict[str, Any]:
        """Return one command with every step of its life."""
        return self._json("GET", f"/v1/controls/{control_id}")

    def approve(self, control_id: str, reason: str = "") -> dict[str, Any]:
        """Approve a command that another has asked for."""
        return self._json("POST", f"/v1/controls/{control_id}/approve", json={"reason": reason})

    def cancel(self, control_id: str, reason: str = "") -> dict[str, Any]:
        """Take back a command that nobody has sent yet."""
        return self._json("POST", f"/v1/controls/{control_id}/cancel", json={"reason": reason})

    def field_orders(self, *, every: bool = False, limit: int | None = 200) -> list[dict[str, Any]]:
        """Return what people must do at meters; `every` with what they have done."""
        params = given(every=every)
        return list(self._rows("/v1/field-orders", "field_orders", params, limit=limit))

    def close_field_order(self, field_order_id: str, outcome: str) -> dict[str, Any]:
        """Say that a field order was carried out, and what was done."""
        path = f"/v1/field-orders/{field_order_id}/close"
        return self._json("POST", path, json={"outcome": outcome})
