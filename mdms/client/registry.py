"""Calls about meters and what they measure."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from mdms.client.files import read_text_file
from mdms.client.transport import Transport


class RegistryCalls(Transport):
    """What those who keep the registry ask the daemon."""

    def import_registry(self, directory: Path) -> dict[str, Any]:
        """Send the CSV files of a registry directory; all rows are taken, or none."""
        files = {path.name: read_text_file(path) for path in directory.glob("*.csv")}
        return self._json("POST", "/v1/registry/imports", json={"files": files})

    def export_registry(self, directory: Path) -> list[Path]:
        """Write the registry as the CSV files that `import_registry` reads."""
        directory.mkdir(parents=True, exist_ok=True)
        written = []
        for name, text in self._json("GET", "/v1/registry")["files"].items():
            path = directory / Path(name).name
            path.write_text(text, encoding="utf-8", newline="")
            written.append(path)
        return written

    def meters(self) -> list[dict[str, Any]]:
        """Return every channel of every installed meter."""
        return list(self._rows("/v1/meters", "meters"))

    def exchange_meter(
        self,
        meter: str,
        new: str,
        *,
        radio_id: int,
        removed_at: str,
        installed_at: str | None = None,
        final: Mapping[str, Decimal],
        initial: Mapping[str, Decimal],
        dry_run: bool = False,
        **new_meter: object,
    ) -> dict[str, Any]:
        """
        Put a meter in the place of another.

        Args:
            meter: Badge of the old one, or usage point.
            new: Badge of the new one.
            radio_id: Its radio.
            removed_at: When the old one was taken out, with its offset.
            installed_at: When the new one was put in; None: at once.
            final: What the old registers showed, by channel (delivered, received, reactive).
            initial: What the new ones showed.
            dry_run: Only check.
            new_meter: More of the new one: serial, model, has_switch, register_dials,
                register_resolution, key_id, multiplier, radio, reading_types, reason.
        """
        body: dict[str, object] = {
            "badge": new,
            "radio_id": radio_id,
            "removed_at": removed_at,
            "final": {name: str(value) for name, value in final.items()},
            "initial": {name: str(value) for name, value in initial.items()},
            "dry_run": dry_run,
            "installed_at": installed_at,
        }
        body |= {name: value for name, value in new_meter.items() if value is not None}
        return self._json("POST", f"/v1/meters/{meter}/exchange", json=body)
