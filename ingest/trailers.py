"""
The trailer of a batch: 32 bytes by which a collector signs what it sends; headend notes 2.9.

Whoever carries a batch, the broker included, could change it and put its checksum right. Nobody
can sign it again who does not have the collector's key.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ingest.codecs import fnb1
from mdms.domain.errors import DecodeError, RejectReason
from mdms.ports.messages import UplinkMessage

KEY_SIZE: Final = 32


@dataclass(frozen=True, slots=True)
class CollectorKeys:
    """
    What one collector signs with.

    Attributes:
        keys: Any of them is believed, so that a new one is known here before it is used there.
        required: A batch without a trailer is refused.
    """

    keys: tuple[bytes, ...]
    required: bool = True

    def __post_init__(self) -> None:
        if not self.keys or any(len(key) != KEY_SIZE for key in self.keys):
            raise ValueError(f"keys of {KEY_SIZE} bytes are needed, at least one")


class TrailerCheck:
    """
    Verifies trailers.

    Args:
        collectors: Keys by collector id. A collector that is not here may not sign: nobody could
            tell its own trailers from others.
    """

    def __init__(self, collectors: Mapping[int, CollectorKeys]) -> None:
        self._collectors = collectors

    def verify(self, message: UplinkMessage) -> None:
        """
        Believe a batch as it was received, or refuse it as a whole.

        Raises:
            DecodeError: Its trailer is wrong, or missing where it is required.
        """
        known = self._collectors.get(message.collector_id)
        if not fnb1.is_signed(message.payload):
            if known is not None and known.required:
                raise DecodeError(RejectReason.BAD_HMAC, "this collector signs, and this does not")
            return
        if known is None:
            raise DecodeError(RejectReason.BAD_HMAC, "no key of this collector is known")
        content, trailer = (
            memoryview(message.payload)[: -fnb1.HMAC_SIZE],
            message.payload[-fnb1.HMAC_SIZE :],
        )
        codes = (hmac.digest(key, content, "sha256") for key in known.keys)
        if not any(hmac.compare_digest(code, trailer) for code in codes):
            raise DecodeError(RejectReason.BAD_HMAC, "the trailer is wrong")
