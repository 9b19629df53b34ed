"""What a determinant proves: the version of every interval it used, and a hash over all of it."""

import hashlib
import json
from dataclasses import fields
from typing import Final

import numpy as np

from mdms.billing.registers import EdgeRegister
from mdms.domain.readings import Int16, IntervalReads
from mdms.ports.billing import BillingDeterminant

_NOT_HASHED: Final = {"channel_id", "content_hash", "revision"}
"""The database numbers channels, and billing corrections: neither says what was used."""
_HASHED_FIELDS: Final = tuple(
    field.name for field in fields(BillingDeterminant) if field.name not in _NOT_HASHED
)


def pack_versions(versions: Int16) -> bytes:
    """
    Pack the version of each expected interval, in time order, as ASCII runs.

    Runs read `count*version` and are joined by commas: 2,875 intervals as received and 5 of
    version 1 are `2875*0,5*1`; no interval is the empty text. Equal versions give equal bytes.
    """
    first = np.flatnonzero(np.diff(versions, prepend=versions[:1] - 1))
    counts = np.diff(first, append=len(versions))
    runs = zip(counts.tolist(), versions[first].tolist(), strict=True)
    return ",".join(f"{count}*{version}" for count, version in runs).encode("ascii")


def unpack_versions(packed: bytes) -> Int16:
    """Return the version of each expected interval, in time order; undoes `pack_versions`."""
    runs = [run.split("*") for run in packed.decode("ascii").split(",") if run]
    counts = [int(count) for count, _ in runs]
    return np.repeat(np.array([int(version) for _, version in runs], np.int16), counts)


def content_hash(
    determinant: BillingDeterminant, start: EdgeRegister, end: EdgeRegister, billed: IntervalReads
) -> str:
    """
    Return the SHA-256 of a determinant and of every value it was made from.

    Hashed are, one after the other: a JSON object with sorted keys and no blanks, ASCII, holding
    every field as text but the channel's number and the hash itself, and under `registers` the
    [at_s, version, value, status] of the two register reads; then the values of the window's
    intervals as little-endian int64, their statuses as one byte each; then start (int64),
    version (int16), value (int64) and status of the intervals that carried the opening and the
    closing register, little-endian, column by column.
    """
    entries: dict[str, object] = {name: str(getattr(determinant, name)) for name in _HASHED_FIELDS}
    entries["versions"] = determinant.versions.decode("ascii")
    entries["registers"] = [
        [int(column[0]) for column in (read.at_s, read.version, read.value, read.status)]
        for read in (start.read, end.read)
    ]
    digest = hashlib.sha256(
        json.dumps(entries, sort_keys=True, separators=(",", ":")).encode("ascii")
    )
    digest.update(billed.value.astype("<i8", copy=False).tobytes())
    digest.update(billed.status.tobytes())
    for carried in (start.carried, end.carried):
        digest.update(carried.start_s.astype("<i8", copy=False).tobytes())
        digest.update(carried.version.astype("<i2", copy=False).tobytes())
        digest.update(carried.value.astype("<i8", copy=False).tobytes())
        digest.update(carried.status.tobytes())
    return digest.hexdigest()
