"""Calls about leaks of water."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from mdms.client.params import Instant, given
from mdms.client.transport import Transport


class LeakCalls(Transport):
    """What customer service asks the daemon of leaks."""

    def leaks(self, *, meter: str | None = None) -> list[dict[str, Any]]:
        """Return open leaks and those that ended lately, the newest first."""
        return list(self._rows("/v1/leaks", "leaks", given(meter=meter)))

    def leak(self, leak_id: str) -> dict[str, Any]:
        """Return one leak with its steps."""
        return self._json("GET", f"/v1/leaks/{quote(leak_id, safe='')}")

    def leak_notices(self, since: Instant) -> list[dict[str, Any]]:
        """Return what customers are to be told of leaks since an instant, oldest first."""
        params = {"since": str(since)}
        return list(self._rows("/v1/leaks/notices", "notices", params))

    def acknowledge_leak(self, leak_id: str, reason: str = "") -> dict[str, Any]:
        """Take the customer's word that a leak is normal flow."""
        path = f"/v1/leaks/{quote(leak_id, safe='')}/ack"
        return self._json("POST", path, json={"reason": reason})

    def announce_water(
        self, meter: str, *, pool_fill: bool = False, normal_gal_h: float | None = None
    ) -> dict[str, Any]:
        """Take what a customer says of the water ahead."""
        body = {"meter": meter, "pool_fill": pool_fill, "normal_gal_h": normal_gal_h}
        return self._json("POST", "/v1/leaks/announcements", json=body)

    def leak_credit(self, leak_id: str, stated: Mapping[str, object]) -> dict[str, Any]:
        """Return what a credit of Rule 11.L comes to, with its evidence."""
        path = f"/v1/leaks/{quote(leak_id, safe='')}/credit"
        return self._json("POST", path, json=stated)
