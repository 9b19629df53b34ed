"""
The audit: who did what, when and why, in a chain of hashes that shows what was changed afterwards.

A record's hash is SHA-256 over the hash before it and the record's own bytes. Whoever changes,
removes or inserts a record must make every later hash anew, and the sealed heads, which are kept
in a second place under a key of their own, no longer fit.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mdms.domain.errors import UsageError

Value = str | int | bool | None | list["Value"] | Mapping[str, "Value"]
"""What a record may carry: plain values, money and instants as text."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """
    Something that happened, before it is a link of the chain.

    Attributes:
        kind: What sort of thing: `control.step`, `token.revoked`, `fact`.
        subject: What it happened to: the id of a command, a badge, the name of a token.
        actor: Name of a token, or of the part that acted.
        detail: All the rest, as plain values.
    """

    at: datetime
    kind: str
    subject: str
    actor: str
    detail: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class AuditHead:
    """The last link: its number and hash."""

    number: int
    hash: bytes


BEGINNING: Final = AuditHead(0, bytes(32))
"""What the first record is linked to."""


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """A link of the chain; `content` are the very bytes that were hashed."""

    number: int
    content: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class SealedHead:
    """
    A head that the holder of the sealing key has put its name to.

    Attributes:
        own: The last link of the signer's own record, which is a chain of the same kind.
    """

    head: AuditHead
    at: datetime
    signature: bytes
    own: AuditHead = BEGINNING


def chained(head: AuditHead, entries: Iterable[AuditEntry]) -> list[AuditRecord]:
    """Return entries as the links that follow a head."""
    records = []
    for entry in entries:
        content = canonical(head.number + 1, entry)
        head = AuditHead(head.number + 1, _linked(head.hash, content))
        records.append(AuditRecord(head.number, content, head.hash))
    return records


def canonical(number: int, entry: AuditEntry) -> bytes:
    """Return the one form of an entry that is hashed: JSON, keys sorted, no blanks, UTF-8."""
    record = {
        "number": number,
        "at": entry.at.isoformat(),
        "kind": entry.kind,
        "subject": entry.subject,
        "actor": entry.actor,
        "detail": entry.detail,
    }
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def followed(head: AuditHead, records: Iterable[AuditRecord]) -> tuple[AuditHead, int | None]:
    """
    Follow the chain from a head.

    Returns:
        The last head that fits, and the number of the first record that does not; None if all do.
    """
    for record in records:
        if record.number != head.number + 1 or record.hash != _linked(head.hash, record.content):
            return head, min(record.number, head.number + 1)
        head = AuditHead(record.number, record.hash)
    return head, None


def sealed_text(head: AuditHead, at: datetime, own: AuditHead = BEGINNING) -> bytes:
    """Return what a seal signs; where the signer has noted nothing, its record is not named."""
    text = f"mdms-audit {head.number} {head.hash.hex()} {at.isoformat()}"
    if own != BEGINNING:
        text += f" signer {own.number} {own.hash.hex()}"
    return text.encode()


def seal_line(sealed: SealedHead) -> str:
    """Return a sealed head as a line of the second place."""
    row = {
        "number": sealed.head.number,
        "hash": sealed.head.hash.hex(),
        "at": sealed.at.isoformat(),
        "signature": sealed.signature.hex(),
        "own_number": sealed.own.number,
        "own_hash": sealed.own.hash.hex(),
    }
    return json.dumps(row) + "\n"


def parse_seals(text: str) -> list[SealedHead]:
    """
    Read sealed heads as the second place keeps them: a JSON object a line.

    Raises:
        UsageError: A line is no sealed head.
    """
    seals = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            row = json.loads(line)
            head = AuditHead(int(row["number"]), bytes.fromhex(row["hash"]))
            at = datetime.fromisoformat(row["at"])
            own = BEGINNING
            if "own_number" in row:  # else of before the signer's record was sealed
                own = AuditHead(int(row["own_number"]), bytes.fromhex(row["own_hash"]))
            seals.append(SealedHead(head, at, bytes.fromhex(row["signature"]), own))
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(f"line {number} of the seals is none") from error
    return seals


def _linked(previous: bytes, content: bytes) -> bytes:
    return hashlib.sha256(previous + content).digest()
