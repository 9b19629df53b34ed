"""Calls about meters and what they measure."""

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
