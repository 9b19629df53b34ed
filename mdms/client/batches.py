"""Calls about batches of commands."""

from pathlib import Path
from typing import Any

from mdms.client.files import read_text_file
from mdms.client.transport import Transport


class BatchCalls(Transport):
    """What those who switch many meters ask the daemon."""

    def propose_batch(self, file: Path, *, every_s: int = 0, stop_after: int = 3) -> dict[str, Any]:
        """
        Ask for every command of a CSV file; nothing goes before another person approves the list.

        Args:
            file: `action,meter,cause,order,evidence,item`.
            every_s: Seconds between two commands.
            stop_after: So many failures pause it.
        """
        body = {
            "name": file.name,
            "text": read_text_file(file),
            "every_s": every_s,
            "stop_after": stop_after,
        }
        return self._json("POST", "/v1/batches", json=body)

    def batches(self, *, limit: int | None = 50) -> list[dict[str, Any]]:
        """Return batches, the newest first."""
        return list(self._rows("/v1/batches", "batches", limit=limit))

    def batch(self, batch_id: str) -> dict[str, Any]:
        """Return one batch: its list as it was judged, and what became of each row."""
        return self._json("GET", f"/v1/batches/{batch_id}")

    def approve_batch(self, batch_id: str, sha256: str, reason: str = "") -> dict[str, Any]:
        """Approve exactly the list with this hash."""
        body = {"sha256": sha256, "reason": reason}
        return self._json("POST", f"/v1/batches/{batch_id}/approve", json=body)

    def steer_batch(self, batch_id: str, verb: str, reason: str = "") -> dict[str, Any]:
        """Do `pause`, `resume` or `undo`; the last returns what was reconnected and cancelled."""
        return self._json("POST", f"/v1/batches/{batch_id}/{verb}", json={"reason": reason})
