"""Calls about bill windows and sums due."""

from pathlib import Path
from typing import Any

from mdms.client.params import Day
from mdms.client.transport import Transport


class BillingCalls(Transport):
    """What billing asks the daemon."""

    def freeze(self, window_start: Day, window_end: Day) -> dict[str, Any]:
        """Freeze the determinants of a bill window; what is frozen stays as it is."""
        return self._json("POST", f"/v1/billing/windows/{window_start}/{window_end}/freeze")

    def billing_windows(self) -> list[dict[str, Any]]:
        """Return every window that was frozen, with what blocked the rest of its meters."""
        return list(self._json("GET", "/v1/billing/windows")["windows"])

    def export_billing(self, window_start: Day, window_end: Day, directory: Path) -> list[Path]:
        """Write a frozen window's files; the manifest comes last."""
        base = f"/v1/billing/windows/{window_start}/{window_end}/files"
        names = self._json("GET", base)["files"]
        return [self._download(f"{base}/{name}", directory / Path(name).name) for name in names]

    def billing_events(self, first: str, last: str) -> list[dict[str, Any]]:
        """Return the sums due on the local days first..last."""
        params = {"from": first, "to": last}
        return list(self._json("GET", "/v1/billing/events", params=params)["events"])
