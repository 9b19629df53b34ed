"""Calls about outages, transformers and signs of tampering."""

from typing import Any

from mdms.client.params import Day, Instant
from mdms.client.transport import Transport


class GridCalls(Transport):
    """What operators of the grid ask the daemon."""

    def outages(self, from_: Day | Instant, to: Day | Instant) -> dict[str, Any]:
        """
        Return what failed, and the reliability indices.

        Args:
            from_: First local day, or an instant with its offset.
            to: Last local day (included), or an instant (excluded).
        """
        pages = list(self._pages("/v1/outages", {"from": str(from_), "to": str(to)}))
        outages = [row for page in pages for row in page["outages"]]
        return {"outages": outages, "indices": pages[-1]["indices"]}

    def transformer_load(
        self, from_: Day, to: Day, *, transformer: str | None = None
    ) -> list[dict[str, Any]]:
        """Return the load of transformers on local days, the most loaded first."""
        return self._transformers("load", from_, to, transformer)

    def transformer_voltage(
        self, from_: Day, to: Day, *, transformer: str | None = None
    ) -> list[dict[str, Any]]:
        """Return the voltage of transformers on local days, the worst first."""
        return self._transformers("voltage", from_, to, transformer)

    def theft(self, from_: Day, to: Day) -> list[dict[str, Any]]:
        """Return meters with direct signs of tampering on local days, the most points first."""
        params = {"from": str(from_), "to": str(to)}
        return list(self._rows("/v1/theft", "suspicions", params))

    def _transformers(
        self, what: str, from_: Day, to: Day, transformer: str | None
    ) -> list[dict[str, Any]]:
        params = {"from": str(from_), "to": str(to)}
        if transformer is not None:
            params["transformer"] = transformer
        return list(self._json("GET", f"/v1/transformers/{what}", params=params)["transformers"])
