"""Calls about files of reads from others."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from mdms.client.params import Instant, given
from mdms.client.transport import Transport

_CHUNK: Final = 1 << 18


class ReadingImportCalls(Transport):
    """What whoever hands in files of reads asks the daemon."""

    def import_readings(
        self,
        path: Path,
        *,
        form: str | None = None,
        zone: str = "",
        meter: str = "",
        skip_refused: bool = False,
    ) -> dict[str, Any]:
        """
        Hand in a file; return what became of it (`state`: stored, partial, refused).

        Args:
            path: Of any length; it is sent as it is read.
            form: cmep, nem12, espi or csv; None: told by the file's beginning.
            zone: Of its times; empty: as its format rules.
            meter: Badge or usage point of all of it; empty: the file says.
            skip_refused: Take the other rows when some are refused.
        """
        params = given(
            name=path.name, format=form, zone=zone, meter=meter, skip_refused=skip_refused
        )
        return self._json("POST", "/v1/readings/imports", params=params, content=_chunks(path))

    def reading_imports(self, from_: Instant) -> list[dict[str, Any]]:
        """Return what was handed in since an instant, the newest first."""
        params = given(**{"from": from_})
        return list(self._rows("/v1/readings/imports", "imports", params))

    def refused_readings(self, reading_import_id: str) -> Iterator[dict[str, Any]]:
        """Yield the rows of a file that were refused, in its order."""
        return self._rows(f"/v1/readings/imports/{reading_import_id}/refused", "refused")


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
