"""
The audit's head, sealed every hour and kept in a second place.

The signer follows the chain itself, from the head that it sealed last: whoever owns the database
can write history anew, but not so that it leads through the heads in the second place. The signer's
own record is a chain of the same kind, and each seal holds its head too.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mdms.domain.audit import (
    BEGINNING,
    AuditHead,
    AuditRecord,
    SealedHead,
    followed,
    sealed_text,
)
from mdms.domain.errors import UnavailableError
from mdms.ports.audit import SealPlace
from mdms.ports.clock import Clock
from mdms.ports.signer import SignerMemoryFactory
from mdms.telemetry import metrics

PERIOD: Final = timedelta(hours=1)
_POLL_S: Final = 5.0
_PAGE: Final = 5_000

log = structlog.get_logger()


def sealing_key(kek: bytes) -> Ed25519PrivateKey:
    """Return the sealing key; it follows from the key-encryption key, and changes with it."""
    seed = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"mdms audit seal").derive(kek)
    return Ed25519PrivateKey.from_private_bytes(seed)


def public_pem(key: Ed25519PrivateKey) -> str:
    """Return the public half, as `mdms audit verify --key` reads it."""
    public = key.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


class Sealer:
    """
    Seals what was added to the audit.

    Args:
        key: Signs heads.
        memory: Shows the audit, and keeps a copy of each seal.
        place: The second place.
        clock: Tells when the next hour is over.
    """

    def __init__(
        self, key: Ed25519PrivateKey, memory: SignerMemoryFactory, place: SealPlace, clock: Clock
    ) -> None:
        self._key = key
        self._memory = memory
        self._place = place
        self._clock = clock
        self._last = place.last()

    async def forever(self) -> None:
        """Seal every hour; a database or a place that is away delays it."""
        while True:
            if self._last is None or self._clock.now() - self._last.at >= PERIOD:
                try:
                    await self.seal()
                except UnavailableError as error:
                    log.warning("audit.seal.delayed", error=str(error))
            await self._clock.sleep(_POLL_S)

    async def seal(self) -> SealedHead | None:
        """
        Follow the audit from the last seal and seal its head.

        Returns:
            The new seal; None if nothing was added, or if the chain does not lead on from the last
            one, which is an alarm and stays one.

        Raises:
            UnavailableError: The database or the second place are away.
        """
        last, last_own = BEGINNING, BEGINNING
        if self._last is not None:
            last, last_own = self._last.head, self._last.own
        async with self._memory() as memory:
            head, broken_at = await _follow(memory.audit.after, last)
            own, own_broken_at = await _follow(memory.noted_after, last_own)
            is_broken = broken_at is not None or own_broken_at is not None
            metrics.COMMAND_AUDIT_BROKEN.set(is_broken)
            if is_broken:
                log.error("audit.broken", record=broken_at, own_record=own_broken_at)
                return None
            if (head, own) == (last, last_own):
                return None
            at = self._clock.now()
            signature = self._key.sign(sealed_text(head, at, own))
            sealed = SealedHead(head, at, signature, own)
            await memory.audit.add_seal(sealed)
        self._place.append(sealed)
        self._last = sealed
        return sealed


_After = Callable[[int, int], Awaitable[Sequence[AuditRecord]]]
"""Returns the links of a chain that follow a number, as many as are asked for."""


async def _follow(after: _After, last: AuditHead) -> tuple[AuditHead, int | None]:
    """Return the head that a chain leads to, and the first record that does not fit."""
    if last != BEGINNING:
        before = await after(last.number - 1, 1)
        if not before or AuditHead(before[0].number, before[0].hash) != last:
            return last, last.number
    head = last
    while records := await after(head.number, _PAGE):
        head, broken_at = followed(head, records)
        if broken_at is not None:
            return head, broken_at
    return head, None
