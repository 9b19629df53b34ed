"""What was written, named with its digest: a file that no manifest names is not to be trusted."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from mdms.storage.files import DirectorySink


def write_manifest(directory: Path, name: str, paths: Sequence[Path], **told: object) -> list[Path]:
    """Write a manifest of files that are complete; return their paths and its own, the last."""
    content = told | {
        "files": [
            {"name": path.name, "bytes": path.stat().st_size, "sha256": _sha256(path)}
            for path in paths
        ]
    }
    text = json.dumps(content, indent=2) + "\n"
    return [*paths, DirectorySink(directory).write_parts(name, (text.encode(),))]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
