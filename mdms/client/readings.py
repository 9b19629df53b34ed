"""Calls about readings, and where a value comes from."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdms.client.params import Day, Instant, given
from mdms.client.transport import Transport

if TYPE_CHECKING:
    from pandas import DataFrame


class ReadingCalls(Transport):
    """What readers of readings ask the daemon."""

    def readings(
        self,
        meter: str,
        from_: Day | Instant,
        to: Day | Instant,
        *,
        as_of: Instant | None = None,
        versions: bool = False,
    ) -> "DataFrame":
        """
        Return a meter's interval reads, one row an interval and channel.

        Args:
            meter: Badge.
            from_: First local day, or an instant with its offset.
            to: Last local day (included), or an instant (excluded).
            as_of: What was known then; None means now.
            versions: Every version instead of the current one.
        """
        import pandas as pd  # noqa: PLC0415 no other call waits for its import

        params = given(meter=meter, **{"from": from_}, to=to, as_of=as_of, versions=versions)
        with self._answer("GET", "/v1/readings", params=params) as answer:
            return pd.read_parquet(io.BytesIO(answer.read()))

    def export_readings(
        self, from_: Day | Instant, to: Day | Instant, directory: Path, *, form: str = "parquet"
    ) -> list[Path]:
        """
        Write reads and registers of every meter to files.

        Args:
            from_: First local day, or an instant with its offset.
            to: Last local day (included), or an instant (excluded).
            directory: Made if it is not there.
            form: `parquet` for every version (readings.parquet and registers.parquet), `csv` for
                current reads (readings.csv).
        """
        names = ["readings.csv"] if form == "csv" else ["readings.parquet", "registers.parquet"]
        params = given(**{"from": from_}, to=to)
        return [
            self._download(f"/v1/readings/files/{name}", directory / name, params) for name in names
        ]

    def explanation(
        self, meter: str, at: Instant, *, reading_type: str | None = None
    ) -> dict[str, Any]:
        """Return why the value of the interval in which an instant lies is what it is."""
        params = given(meter=meter, at=at, reading_type=reading_type)
        return self._json("GET", "/v1/readings/explanation", params=params)

    def trace(self, meter: str, at: Instant, *, reading_type: str | None = None) -> dict[str, Any]:
        """Return the versions of a value and the raw frames that carried it."""
        params = given(meter=meter, at=at, reading_type=reading_type)
        return self._json("GET", "/v1/readings/trace", params=params)
