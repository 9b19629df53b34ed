"""Calls about readings, and where a value comes from."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mdms.client.manifest import write_manifest
from mdms.client.params import Day, Instant, given
from mdms.client.transport import Transport
from mdms.domain.errors import UsageError

if TYPE_CHECKING:
    from pandas import DataFrame


_FILES: Final = {
    "parquet": ("readings.parquet", "registers.parquet"),
    "csv": ("readings.csv", "registers.csv"),
    "cmep": ("readings.cmep",),
    "nem12": ("readings.nem12",),
    "espi": ("green_button.xml",),
}


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
        self,
        from_: Day | Instant,
        to: Day | Instant,
        directory: Path,
        *,
        form: str = "parquet",
        meter: str | None = None,
    ) -> list[Path]:
        """
        Write reads and registers to files; the manifest, which names each with its SHA-256, last.

        Args:
            from_: First local day, or an instant with its offset.
            to: Last local day (included), or an instant (excluded).
            directory: Made if it is not there.
            form: `parquet` for every version, else current values: `csv`, `cmep`, `nem12`, `espi`.
            meter: Badge or usage point; None for all.

        Raises:
            UsageError: There is no such form.
        """
        if form not in _FILES:
            raise UsageError(f"there is no format {form!r}; there are {', '.join(_FILES)}")
        params = given(**{"from": from_}, to=to, meter=meter)
        paths = [
            self._download(f"/v1/readings/files/{name}", directory / name, params)
            for name in _FILES[form]
        ]
        return write_manifest(
            directory,
            f"readings.{form}.manifest.json",
            paths,
            format=f"mdms readings {form}",
            **{"from": str(from_)},
            to=str(to),
            meter=meter,
        )

    def green_button(
        self, usage_point_id: str, from_: Day | Instant, to: Day | Instant, target: Path
    ) -> Path:
        """Write the usage at a usage point as a Green Button feed."""
        path = f"/v1/readings/green-button/{usage_point_id}"
        return self._download(path, target, given(**{"from": from_}, to=to))

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
