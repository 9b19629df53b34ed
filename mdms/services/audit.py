"""The audit, for those who read it: the chain followed from end to end, and what one thing saw."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from mdms.domain.audit import (
    BEGINNING,
    AuditHead,
    AuditRecord,
    SealedHead,
    followed,
    sealed_text,
)
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory

_PAGE: Final = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """
    What following the whole chain found.

    Attributes:
        head: The last link that fits.
        broken_at: Number of the first link that does not; None if all do.
        contradicted: What tables and links say differently.
        seals: How many seals fit the chain.
        unsealed: Seals that do not: forged, of another key, or of a chain that was made anew.
    """

    head: AuditHead
    broken_at: int | None
    contradicted: tuple[str, ...]
    seals: int
    unsealed: tuple[str, ...]

    @property
    def intact(self) -> bool:
        """Whether nothing was changed, as far as can be seen."""
        return self.broken_at is None and not self.contradicted and not self.unsealed


class AuditService:
    """
    Reads the audit; what writes it is every transaction that does something.

    Args:
        unit_of_work: Opens a transaction.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    async def verify(
        self, *, kept: Iterable[SealedHead] = (), keys: Sequence[Ed25519PublicKey] = ()
    ) -> Verified:
        """
        Follow the chain from its beginning, and hold the seals against it.

        Args:
            kept: Seals as the second place has them; those in the database are looked at too.
            keys: Public halves of the sealing keys; none leaves signatures unlooked at.
        """
        async with self._unit_of_work() as work:
            sealed = {*kept, *await work.audit.seals()}
            wanted = {each.head.number for each in sealed}
            head, broken_at, seen = await _follow(work, wanted)
            contradicted = () if broken_at else tuple(await work.audit.contradicted())
            if broken_at is None and await work.audit.head() != head:
                broken_at = head.number + 1  # links were cut off at the end
        unsealed = [
            problem
            for each in sorted(sealed, key=lambda each: (each.head.number, each.at))
            if (problem := _wrong_with(each, seen, keys))
        ]
        return Verified(
            head=head,
            broken_at=broken_at,
            contradicted=contradicted,
            seals=len(sealed) - len(unsealed),
            unsealed=tuple(unsealed),
        )

    async def about(self, subject: str) -> list[dict[str, Any]]:
        """Return what happened to a command, badge or token, oldest first."""
        async with self._unit_of_work() as work:
            return [_view(record) for record in await work.audit.about(subject)]

    async def newest(
        self, count_max: int, *, subject: str | None = None, before: int | None = None
    ) -> list[dict[str, Any]]:
        """Return links, the newest first; see `AuditStore.newest`."""
        async with self._unit_of_work() as work:
            found = await work.audit.newest(subject=subject, before=before, count_max=count_max)
        return [_view(record) for record in found]


async def _follow(
    work: UnitOfWork, wanted: set[int]
) -> tuple[AuditHead, int | None, dict[int, bytes]]:
    """Return the last head that fits, the first that does not, and the hashes of wanted links."""
    head, seen = BEGINNING, {BEGINNING.number: BEGINNING.hash}
    while records := await work.audit.after(head.number, _PAGE):
        head, broken_at = followed(head, records)
        seen |= _hashes(records, wanted, head.number)
        if broken_at is not None:
            return head, broken_at, seen
    return head, None, seen


def _hashes(records: Sequence[AuditRecord], wanted: set[int], last: int) -> dict[int, bytes]:
    return {
        each.number: each.hash for each in records if each.number in wanted and each.number <= last
    }


def _wrong_with(
    sealed: SealedHead, seen: dict[int, bytes], keys: Sequence[Ed25519PublicKey]
) -> str | None:
    name = f"seal of {sealed.at.isoformat()} over record {sealed.head.number}"
    if keys and not any(_signed(sealed, key) for key in keys):
        return f"{name}: not signed by a key that was named"
    if seen.get(sealed.head.number) != sealed.head.hash:
        return f"{name}: the chain was another one then"
    return None


def _signed(sealed: SealedHead, key: Ed25519PublicKey) -> bool:
    try:
        key.verify(sealed.signature, sealed_text(sealed.head, sealed.at, sealed.own))
    except InvalidSignature:
        return False
    return True


def _view(record: AuditRecord) -> dict[str, Any]:
    view: dict[str, Any] = json.loads(record.content)
    return view | {"hash": record.hash.hex()}
