"""Admission: may a message be read at all, by who sends it, its number and its trailer."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Final

from ingest import codecs
from ingest.codecs.decoded import Opened
from ingest.trailers import TrailerCheck
from mdms.domain.errors import DecodeError, RejectReason
from mdms.ports.messages import Envelope

SEQUENCE_JUMP_MAX: Final = 100_000
"""A collector that is this far ahead of itself has a fault, or is another one."""


def admit(
    envelope: Envelope,
    received_at: datetime,
    collector_ids: AbstractSet[int],
    newest_seq: Mapping[int, int],
    trailers: TrailerCheck | None,
    *,
    opened: Opened | None = None,
) -> Opened:
    """
    Open a message that may be read; `opened` if that has been done.

    Raises:
        DecodeError: It may not.
    """
    opened = opened or codecs.open_message(envelope.topic, envelope.payload, received_at)
    message = opened.message
    check_sender(message.collector_id, message.batch_seq, collector_ids, newest_seq)
    if trailers is not None:
        trailers.verify(message)
    return opened


def check_sender(
    collector_id: int,
    batch_seq: int,
    collector_ids: AbstractSet[int],
    newest_seq: Mapping[int, int],
) -> None:
    """
    Pass a collector that is registered, and a number that it may have come to.

    Raises:
        DecodeError: One of them is not so.
    """
    if collector_id not in collector_ids:
        raise DecodeError(
            RejectReason.UNKNOWN_COLLECTOR, f"collector {collector_id} is not registered"
        )
    newest = newest_seq.get(collector_id)
    if newest is not None and batch_seq > newest + SEQUENCE_JUMP_MAX:
        raise DecodeError(RejectReason.BAD_SEQUENCE, f"batch_seq {batch_seq} after {newest}")
