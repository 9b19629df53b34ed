"""
What may be kept of a message that is refused: nothing that a silent radio measured (design D21).

A refused message is evidence and is kept as it came, except for such frames. One that is sound, and
refused for who sent it or for its number, may be read again one day, so it stays one that decodes.
Of others frames are sought where they would lie, whatever their header says of them.

A radio that was silent once may have been heard by right before or since. When a frame was sent is
believed where a message only waits for its collector's papers: what is read of it then must be all.
"""

from collections.abc import Callable
from datetime import datetime

import numpy as np
import numpy.typing as npt
import structlog

from ingest import codecs
from ingest.channels import ChannelIndex
from ingest.codecs import fnb1, fnb1_events, fnb1_readings
from ingest.codecs.decoded import Opened
from ingest.reported import report
from mdms.domain.errors import DecodeError

Frames = npt.NDArray[np.integer]
IsSilent = Callable[[int], bool]

_MEASURING = (fnb1_readings.SCHEMA_ID, fnb1_events.SCHEMA_ID)
_RADIO_ID_SIZE = 4

log = structlog.get_logger()


def keepable(
    topic: str, payload: bytes, received_at: datetime, channels: ChannelIndex, *, waits: bool
) -> bytes:
    """
    Return a refused message without what silent radios measured.

    Args:
        topic: On which it came.
        payload: The message.
        received_at: When it came.
        channels: Who carries which radio, and should not be heard.
        waits: It will be read when the registry knows its collector.
    """
    try:
        opened = codecs.open_message(topic, payload, received_at)
    except DecodeError:
        return _without(payload, channels.is_silent)
    if opened.schema_id not in _MEASURING:
        return payload
    silent = _silent(opened.body, channels.is_silent)
    if waits and len(silent):
        silent = np.intersect1d(silent, _heard_in_silence(opened, channels))
    return fnb1.blank(opened, silent).message.payload if len(silent) else payload


def _heard_in_silence(opened: Opened, channels: ChannelIndex) -> Frames:
    """Return the frames that were sent while they should not be, or of which nobody knows that."""
    try:
        decoded = fnb1.read(opened)
    except Exception:  # a poison message must not stop the line behind it
        log.exception("ingest.message.poisonous", payload_bytes=len(opened.message.payload))
        return np.arange(opened.message.frame_count)
    resolved = channels.resolve(decoded.frames)
    unusable = [each.frame for each in decoded.refused]
    told = report(decoded, channels).silent
    return np.array([*decoded.frames.index[resolved.opted_out], *told, *unusable], np.int64)


def _without(payload: bytes, is_silent: IsSilent) -> bytes:
    """Return a message that cannot be trusted; of frames of silent radios only the radio stays."""
    head, body = payload[: fnb1.HEADER.size], _body(payload)
    whole = body.ljust(-(-len(body) // fnb1.FRAME_SIZE) * fnb1.FRAME_SIZE, b"\0")  # cut off short
    silent = _silent(whole, is_silent)
    if not len(silent):
        return payload
    frames = np.frombuffer(whole, np.uint8).reshape(-1, fnb1.FRAME_SIZE).copy()
    frames[silent, _RADIO_ID_SIZE:] = 0
    return head + frames.tobytes()[: len(body)]


def _body(payload: bytes) -> bytes:
    """Return what lies behind the header, inflated where that can be done."""
    sent = payload[fnb1.HEADER.size :]
    try:
        header = fnb1.peek(payload)
        if header.flags & fnb1.FLAG_ZSTD and header.raw_len <= fnb1.RAW_BYTES_MAX:
            return fnb1.inflate(header, sent[: header.body_len])
    except DecodeError:
        pass  # nobody else can read it either, or it is no message at all
    return sent


def _silent(body: bytes, is_silent: IsSilent) -> Frames:
    """Return the positions of frames that begin with the id of a silent radio."""
    radio_ids = np.frombuffer(body, "<u4")[:: fnb1.FRAME_SIZE // 4]
    return np.array([at for at, each in enumerate(radio_ids.tolist()) if is_silent(each)], np.int64)
