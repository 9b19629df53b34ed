"""The keys that ingest verifies with, from the files that the settings name."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ingest.tags import TagCheck
from ingest.trailers import KEY_SIZE, CollectorKeys, TrailerCheck
from mdms.domain.errors import UsageError
from mdms.settings import IngestSettings, read_master_keys, read_private

_RADIO_ID_MAX = 2**32 - 1
_NAMES = {"keys", "required"}


def read_tags(ingest: IngestSettings) -> TagCheck | None:
    """
    Return what verifies meters' tags; None where no keys are known.

    Raises:
        UsageError: The file is away, others than its owner may read it, or it holds something else.
    """
    if not ingest.read_keys:
        return None
    path = Path(ingest.read_keys)
    return TagCheck(read_master_keys(path), required=_signers(path))


def read_trailers(ingest: IngestSettings) -> TrailerCheck:
    """
    Return what verifies collectors' trailers.

    Raises:
        UsageError: The file is away, others than its owner may read it, or it holds something else.
    """
    path = ingest.collector_keys
    return TrailerCheck(_collectors(Path(path)) if path else {})


def _signers(path: Path) -> list[tuple[int, int]]:
    """Read which radios must sign: table [required], `radio_ids`, numbers and ranges of them."""
    try:
        table = tomllib.loads(read_private(path)).get("required", {"radio_ids": []})
        ranges = table["radio_ids"]
        if not isinstance(ranges, list) or len(table) > 1:
            raise TypeError("one list is due")
        return [_range(each) for each in ranges]
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise UsageError(
            f"{path}: [required] must hold a line such as "
            'radio_ids = ["0-4294967295"], a list of numbers and of ranges'
        ) from error


def _range(written: int | str) -> tuple[int, int]:
    first, _, last = str(written).partition("-")
    found = int(first), int(last or first)
    if not 0 <= found[0] <= found[1] <= _RADIO_ID_MAX:
        raise ValueError(written)
    return found


def _collectors(path: Path) -> Mapping[int, CollectorKeys]:
    """Read a table [collectors.ID] of `keys` and `required` for each collector that signs."""
    text = read_private(path)
    try:
        tables = tomllib.loads(text)["collectors"]
        return {int(collector_id): _keys(table) for collector_id, table in tables.items()}
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise UsageError(
            f"{path} must hold a table such as [collectors.17] for each collector, with a line "
            f'keys = ["..."] of {2 * KEY_SIZE} hexadecimal digits each'
        ) from error


def _keys(table: Mapping[str, Any]) -> CollectorKeys:
    keys, required = table["keys"], table.get("required", True)
    if not isinstance(keys, list) or not isinstance(required, bool) or table.keys() - _NAMES:
        raise TypeError("a list of keys, and perhaps required = false")
    return CollectorKeys(tuple(bytes.fromhex(key) for key in keys), required)
