"""
The read tag: four bytes by which a meter signs a frame; headend notes 2.7 and 2.9.

A frame that carries none is taken as it is, unless its meter must sign. One that carries a wrong
one was made or changed by somebody who does not have the meter's read key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from ingest.codecs import fnb1_events, fnb1_readings
from ingest.codecs.decoded import Decoded
from ingest.codecs.frames import Refusal
from mdms.domain.errors import RejectReason
from mdms.domain.readings import Bool

TAG_SIZE: Final = 4
_SIGNED_SIZE: Final = 60
_PURPOSE: Final = b"mdms-read"
_RADIO_ID_SIZE: Final = 4

_LAYOUTS = {
    fnb1_readings.SCHEMA_ID: (fnb1_readings.READ, ("rx_age", "rssi", "snr", "repeat")),
    fnb1_events.SCHEMA_ID: (fnb1_events.EVENT, ("rssi", "snr", "repeat")),
}
"""Of each schema its frame, and the fields that the collector writes."""


def tag(key: bytes, frame: bytes, schema_id: int) -> bytes:
    """Return the tag of a frame under its meter's read key."""
    layout, written_by_collector = _LAYOUTS[schema_id]
    signed = np.frombuffer(frame, layout).copy()
    for name in written_by_collector:
        signed[name] = 0
    return _cmac(key, signed.tobytes()[:_SIGNED_SIZE])[:TAG_SIZE]


class TagCheck:
    """
    Verifies tags; meters' keys are derived when they are first needed, and kept.

    Args:
        masters: Master keys by key id. A frame does not say which it is signed with, so the
            newest (highest id) is tried first.
        required: Ranges of radio ids, ends included, whose frames must carry a tag.
    """

    def __init__(
        self, masters: Mapping[int, bytes], *, required: Sequence[tuple[int, int]] = ()
    ) -> None:
        self._masters = [masters[key_id] for key_id in sorted(masters, reverse=True)]
        self._required = tuple(required)
        self._signers: dict[int, tuple[CMAC, ...]] = {}

    def sieve(self, decoded: Decoded) -> Decoded:
        """Return the message without the frames whose tag is wrong; they are refused."""
        wrong = self.wrong(decoded.body, decoded.schema_id)
        if not wrong:
            return decoded
        known = {each.frame for each in decoded.refused}
        radio_ids = np.frombuffer(decoded.body, _LAYOUTS[decoded.schema_id][0])["meter_id"]
        refused = [
            Refusal(frame, int(radio_ids[frame]), RejectReason.BAD_TAG, "tag wrong, or missing")
            for frame in wrong
            if frame not in known
        ]
        return replace(
            decoded,
            frames=decoded.frames.take(~np.isin(decoded.frames.index, wrong)),
            events=tuple(event for event in decoded.events if event.index not in wrong),
            refused=(*decoded.refused, *refused),
        )

    def wrong(self, body: bytes, schema_id: int) -> list[int]:
        """Return the positions of frames whose tag is wrong, or missing where it must not be."""
        if schema_id not in _LAYOUTS:
            return []
        layout, written_by_collector = _LAYOUTS[schema_id]
        raw = np.frombuffer(body, layout)
        is_tagged = raw["tag"] != 0
        missing = np.flatnonzero(~is_tagged & self._must_sign(raw["meter_id"])).tolist()
        tagged = np.flatnonzero(is_tagged)
        if len(tagged) == 0:
            return missing
        signed = raw[tagged].copy()
        for name in written_by_collector:
            signed[name] = 0
        of_tagged = raw["meter_id"][tagged]
        return missing + self._wrong(tagged, of_tagged, signed.tobytes(), layout.itemsize)

    def _must_sign(self, radio_ids: npt.NDArray[np.uint32]) -> Bool:
        must = np.zeros(len(radio_ids), np.bool_)
        for first, last in self._required:
            must |= (radio_ids >= first) & (radio_ids <= last)
        return must

    def _wrong(
        self,
        frames: npt.NDArray[np.intp],
        radio_ids: npt.NDArray[np.uint32],
        signed: bytes,
        size: int,
    ) -> list[int]:
        wrong = []
        for at, (frame, radio_id) in enumerate(
            zip(frames.tolist(), radio_ids.tolist(), strict=True)
        ):
            begin = at * size
            head = signed[begin : begin + _SIGNED_SIZE]
            said = signed[begin + _SIGNED_SIZE : begin + size]
            if not any(_finish(signer, head) == said for signer in self._of_meter(radio_id)):
                wrong.append(frame)
        return wrong

    def _of_meter(self, radio_id: int) -> tuple[CMAC, ...]:
        signers = self._signers.get(radio_id)
        if signers is None:
            label = _PURPOSE + radio_id.to_bytes(_RADIO_ID_SIZE, "little")
            keys = (_cmac(master, label) for master in self._masters)
            signers = self._signers[radio_id] = tuple(CMAC(AES(key)) for key in keys)
        return signers


def _finish(signer: CMAC, content: bytes) -> bytes:
    """Return the tag; to copy a key's set-up is much quicker than to make it again."""
    fresh = signer.copy()
    fresh.update(content)
    return fresh.finalize()[:TAG_SIZE]


def _cmac(key: bytes, content: bytes) -> bytes:
    signer = CMAC(AES(key))
    signer.update(content)
    return signer.finalize()
