"""Calls about bill windows and sums due."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mdms.client.files import read_text_file
from mdms.client.manifest import write_manifest
from mdms.client.params import Day, Instant, given
from mdms.client.transport import Transport
from mdms.domain.errors import UnavailableError, UsageError

if TYPE_CHECKING:
    from pandas import DataFrame

_TABLES: Final = ("csv", "parquet", "arrow")
_READS: Final = {
    "cmep": "readings.cmep",
    "nem12": "readings.nem12",
    "espi": "green_button.xml",
}


class BillingCalls(Transport):
    """What billing asks the daemon."""

    def freeze(
        self,
        window_start: Day,
        window_end: Day,
        *,
        cycle: int | None = None,
        any_length: bool = False,
    ) -> dict[str, Any]:
        """Freeze the determinants of a bill window; what is frozen stays as it is."""
        params = given(any_length=any_length, cycle=cycle)
        return self._json("POST", f"{_window(window_start, window_end)}/freeze", params=params)

    def billing_windows(self) -> list[dict[str, Any]]:
        """Return every window that was frozen, with what blocked the rest of its meters."""
        return list(self._json("GET", "/v1/billing/windows")["windows"])

    def billed(
        self, window_start: Day, window_end: Day, *, as_of: Instant | None = None
    ) -> dict[str, Any]:
        """Return what each service of a window comes to, or came to, and the digest of all."""
        path = f"{_window(window_start, window_end)}/services"
        pages = list(self._pages(path, given(as_of=as_of)))
        if len({page["services_sha256"] for page in pages}) > 1:
            raise UnavailableError("the window was corrected while it was read; ask again")
        services = [row for page in pages for row in page["services"]]
        return {"services_sha256": pages[-1]["services_sha256"], "services": services}

    def bills(
        self, window_start: Day, window_end: Day, *, as_of: Instant | None = None
    ) -> "DataFrame":
        """
        Return what each service of a window comes to, or came to, one row a service.

        A column for each quantity, such as `usage_kwh`: whole units, None where a service has none;
        besides account, usage_point, days, quality, estimated_share and the content's hash.
        """
        import pandas as pd  # noqa: PLC0415 no other call waits for its import

        services = self.billed(window_start, window_end, as_of=as_of)["services"]
        plain = ("quantities", "detail", "rules", "parts")
        return pd.DataFrame(
            [
                {name: value for name, value in each.items() if name not in plain}
                | each["quantities"]
                for each in services
            ]
        )

    def bills_of(self, meter: str, *, as_of: Instant | None = None) -> list[dict[str, Any]]:
        """Return every bill of a meter's place, each revision, as it was frozen."""
        answer = self._json("GET", f"/v1/billing/meters/{meter}", params=given(as_of=as_of))
        return list(answer["bills"])

    def meter_test(
        self, meter: str, error: Decimal | None = None, tested_on: Day | None = None
    ) -> dict[str, Any]:
        """Return which bills a meter's error made wrong, by how many units; None: it is dead."""
        path = f"/v1/billing/meters/{meter}/test"
        return self._json("GET", path, params=given(error=error, tested_on=tested_on))

    def acknowledge_billing(
        self, window_start: Day, window_end: Day, services_sha256: str, reference: str = ""
    ) -> dict[str, Any]:
        """Keep that billing has what a window says; `services_sha256` is in the manifest."""
        body = {"services_sha256": services_sha256, "reference": reference}
        return self._json("POST", f"{_window(window_start, window_end)}/ack", json=body)

    def billing_diff(
        self, window_start: Day, window_end: Day, *, as_of: Instant | None = None
    ) -> list[dict[str, Any]]:
        """Return what a frozen window would come to by the reads of now, where that differs."""
        path = f"{_window(window_start, window_end)}/diff"
        return list(self._json("GET", path, params=given(as_of=as_of))["differences"])

    def correct_billing(self, window_start: Day, window_end: Day) -> list[dict[str, Any]]:
        """Keep every difference as a correction, and replace what may be replaced."""
        path = f"{_window(window_start, window_end)}/corrections"
        return list(self._json("POST", path)["corrections"])

    def billing_corrections(self, *, untold: bool = False) -> list[dict[str, Any]]:
        """Return corrections, those first whose customers must be told soonest."""
        params = {"untold": untold}
        return list(self._rows("/v1/billing/corrections", "corrections", params))

    def told_of_correction(self, number: int) -> dict[str, Any]:
        """Keep that the customer was told of a correction."""
        return self._json("POST", f"/v1/billing/corrections/{number}/told")

    def correction_limits(
        self,
        amounts_usd: Mapping[int, Decimal],
        *,
        established: bool | None = None,
        approved: bool | None = None,
    ) -> dict[str, Any]:
        """Return what of the money Rule 11.I lets be billed, or returns; by correction."""
        body = {
            "amounts_usd": {str(number): str(usd) for number, usd in amounts_usd.items()},
            "established": established,
            "approved": approved,
        }
        return self._json("POST", "/v1/billing/corrections/limits", json=body)

    def estimate_billing(
        self, meter: str, window_start: Day, window_end: Day, reason: str
    ) -> list[dict[str, Any]]:
        """Estimate the registers of a meter that could not be read; the next freeze bills them."""
        body = {
            "meter": meter,
            "window_start": str(window_start),
            "window_end": str(window_end),
            "reason": reason,
        }
        return list(self._json("POST", "/v1/billing/estimates", json=body)["estimates"])

    def compare_billing(self, window_start: Day, window_end: Day, path: Path) -> dict[str, Any]:
        """Set another system's reads and bills beside a frozen window's."""
        url = f"{_window(window_start, window_end)}/compare"
        return self._json("POST", url, json=_text_of(path))

    def import_read_days(self, path: Path) -> int:
        """Hand in the read days of billing cycles; return how many they are."""
        return int(self._json("POST", "/v1/billing/cycles", json=_text_of(path))["read_days"])

    def billing_cycles(self) -> list[dict[str, Any]]:
        """Return the windows of every billing cycle: frozen, due or to come."""
        return list(self._json("GET", "/v1/billing/cycles")["windows"])

    def billing_cycle(self, cycle: int) -> dict[str, list[dict[str, Any]]]:
        """Return the begun windows of a cycle, and which meters hold them up."""
        found: dict[str, list[dict[str, Any]]] = self._json("GET", f"/v1/billing/cycles/{cycle}")
        return found

    def export_billing(
        self, window_start: Day, window_end: Day, directory: Path, *, form: str = "csv"
    ) -> list[Path]:
        """
        Write a frozen window's files; the manifest comes last.

        Args:
            window_start: Day of the opening read.
            window_end: Day of the closing read.
            directory: Made if it is not there.
            form: `csv`, `parquet`, `arrow`: its tables; `cmep`, `nem12`, `espi`: the reads it
                rests on.

        Raises:
            UsageError: There is no such form.
        """
        base = _window(window_start, window_end)
        if form in _READS:
            paths = [f"reads/{_READS[form]}"]
        elif form in _TABLES:
            paths = [f"files/{name}" for name in self._json("GET", f"{base}/files")["files"]]
        else:
            known = ", ".join((*_TABLES, *_READS))
            raise UsageError(f"there is no format {form!r}; there are {known}")
        if form in _TABLES[1:]:
            tables = (path for path in paths if path.endswith(".csv"))
            paths = [path.removesuffix(".csv") + f".{form}" for path in tables]
        made = [self._download(f"{base}/{path}", directory / Path(path).name) for path in paths]
        if form == "csv":
            return made  # its own manifest is the last of them
        return write_manifest(
            directory,
            f"billing.{form}.manifest.json",
            made,
            format=f"mdms billing {form}",
            window_start=str(window_start),
            window_end=str(window_end),
        )

    def billing_events(self, first: str, last: str) -> list[dict[str, Any]]:
        """Return the sums due on the local days first..last."""
        params = {"from": first, "to": last}
        return list(self._rows("/v1/billing/events", "events", params))


def _window(start: Day, end: Day) -> str:
    return f"/v1/billing/windows/{start}/{end}"


def _text_of(path: Path) -> dict[str, str]:
    return {"name": path.name, "text": read_text_file(path)}
