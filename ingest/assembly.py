"""From messages to rows: decode each message, find whose frames it holds, put rows together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

import numpy as np
import structlog

from ingest import codecs, state
from ingest.channels import NO_CHANNEL, ChannelIndex, Resolved
from ingest.clock_watch import ClockWatch, Sighting
from ingest.codecs import fnb1
from ingest.codecs.decoded import Decoded
from ingest.codecs.frames import Frames
from ingest.reported import report, violations
from ingest.sequence import Offer, Seen
from ingest.tags import TagCheck
from mdms.domain.collectors import CollectorReport
from mdms.domain.errors import DecodeError, RejectReason
from mdms.domain.events import EndDeviceEvent
from mdms.domain.readings import Int16, IntervalReads, RegisterReads, Source
from mdms.domain.time import to_epoch_us
from mdms.ports.controls import ReceivedAnswer
from mdms.ports.messages import Envelope, Rejected, UplinkMessage

SEQUENCE_JUMP_MAX: Final = 100_000
"""A collector that is this far ahead of itself has a fault, or is another one."""

_BACKFILL = "backfill"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Roster:
    """Who may send; replaced as a whole when the registry changes."""

    channels: ChannelIndex
    collector_ids: frozenset[int]


@dataclass(slots=True)
class Assembled:
    """What a batch of messages holds, copies included, in the order of arrival."""

    messages: list[UplinkMessage] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    intervals: IntervalReads = field(default_factory=IntervalReads.empty)
    registers: RegisterReads = field(default_factory=RegisterReads.empty)
    events: list[EndDeviceEvent] = field(default_factory=list)
    answers: list[ReceivedAnswer] = field(default_factory=list)
    counted: list[Seen | Offer] = field(default_factory=list)
    """What moves collectors' counts on."""
    reports: list[CollectorReport] = field(default_factory=list)
    """What collectors say of themselves."""
    frame_count: int = 0
    clocks: Sighting = field(default_factory=Sighting)
    """Meters whose clock is off."""


def assemble(
    batch: Sequence[Envelope],
    roster: Roster,
    newest_seq: Mapping[int, int],
    *,
    received_at: datetime,
    recorded_at: datetime,
    tags: TagCheck | None = None,
    clocks: ClockWatch | None = None,
) -> Assembled:
    """
    Read a batch; whatever cannot be used becomes a dead letter.

    Args:
        batch: Messages as they came.
        roster: Who may send.
        newest_seq: Highest batch_seq of each collector so far.
        received_at: When they came; decides what is too old or in the future.
        recorded_at: When their reads are known; later, if the database was away.
        tags: Checks meters' tags; None where no keys are known.
        clocks: Watches meters' clocks; None where nobody does.
    """
    assembled = Assembled()
    opened: list[tuple[str, Decoded]] = []
    for envelope in batch:
        try:
            if state.is_state(envelope.topic):
                said = state.read(
                    envelope.topic, envelope.payload, received_at, retained=envelope.retained
                )
                newest = said.offer.seq if said.offer else 0
                _check_sender(said.report.collector_id, newest, roster, newest_seq)
                assembled.reports.append(said.report)
                if said.offer is not None:
                    assembled.counted.append(said.offer)
                continue
            decoded = codecs.decode(envelope.topic, envelope.payload, received_at)
            sender = decoded.message
            _check_sender(sender.collector_id, sender.batch_seq, roster, newest_seq)
        except DecodeError as error:
            assembled.rejected.append(_refuse(envelope, error.reason, error.detail, received_at))
        except Exception:  # a poison message must not stop the line behind it
            log.exception("ingest.message.poisonous", payload_bytes=len(envelope.payload))
            assembled.rejected.append(
                _refuse(envelope, RejectReason.BAD_BODY, "the decoder failed", received_at)
            )
        else:
            opened.append((envelope.topic, tags.sieve(decoded) if tags else decoded))
            assembled.counted.append(_seen(decoded))
    if opened:
        frames = _add_reads(assembled, opened, roster.channels, received_at, recorded_at)
        if clocks is not None:
            numbers = [len(decoded.frames) for _, decoded in opened]
            message = np.repeat(np.arange(len(opened)), numbers)
            messages = [decoded.message for _, decoded in opened]
            assembled.clocks = clocks.look(frames, message, messages, roster.channels)
            assembled.events += assembled.clocks.events
    return assembled


def _seen(decoded: Decoded) -> Seen:
    message = decoded.message
    return Seen(
        collector_id=message.collector_id,
        boot_id=message.boot_id,
        seq=message.batch_seq,
        at_us=message.batch_us,
        empty=message.frame_count == 0,
        last_of_backfill=decoded.last_of_backfill,
    )


def _check_sender(
    collector_id: int, batch_seq: int, roster: Roster, newest_seq: Mapping[int, int]
) -> None:
    if collector_id not in roster.collector_ids:
        raise DecodeError(
            RejectReason.UNKNOWN_COLLECTOR, f"collector {collector_id} is not registered"
        )
    newest = newest_seq.get(collector_id)
    if newest is not None and batch_seq > newest + SEQUENCE_JUMP_MAX:
        raise DecodeError(RejectReason.BAD_SEQUENCE, f"batch_seq {batch_seq} after {newest}")


def _add_reads(
    assembled: Assembled,
    opened: Sequence[tuple[str, Decoded]],
    channels: ChannelIndex,
    received_at: datetime,
    recorded_at: datetime,
) -> Frames:
    """Resolve the frames of all messages at once; add messages, refused frames and rows."""
    frames = Frames.concat(*(decoded.frames for _, decoded in opened))
    resolved = channels.resolve(frames)
    end = 0
    for topic, decoded in opened:
        begin, end = end, end + len(decoded.frames)
        index = frames.index[begin:end]
        reasons = {each.frame: (each.reason, each.detail) for each in decoded.refused}
        for row in range(begin, end) if resolved.reasons else ():
            if row in resolved.reasons:
                reasons[int(frames.index[row])] = resolved.reasons[row]
        opted_out = index[resolved.opted_out[begin:end]]
        reported = report(decoded, channels)
        reasons |= reported.reasons
        kept = _hide_opted_out(decoded, [*opted_out.tolist(), *reported.silent], channels)
        assembled.events += reported.events
        assembled.events += violations(decoded, opted_out, channels)
        assembled.answers += (
            ReceivedAnswer(decoded.message.collector_id, decoded.schema_id, record, received_at)
            for record in decoded.answers
        )
        assembled.messages.append(kept.message)
        assembled.frame_count += kept.message.frame_count
        assembled.rejected += (
            Rejected(reason, detail, topic, kept.frame_bytes(frame), frame, received_at)
            for frame, (reason, detail) in reasons.items()
        )
    sources = [
        np.int16(Source.BACKFILL if decoded.message.kind == _BACKFILL else Source.UPLINK)
        for _, decoded in opened
    ]
    source = np.repeat(sources, [len(decoded.frames) for _, decoded in opened])
    recorded_us = to_epoch_us(recorded_at)
    assembled.intervals = _intervals(frames, resolved, source, recorded_us)
    assembled.registers = _registers(frames, resolved, source, recorded_us)
    return frames


def _hide_opted_out(decoded: Decoded, opted_out: Sequence[int], channels: ChannelIndex) -> Decoded:
    """Blank the frames of meters that should be silent, unusable ones too (design D21)."""
    unusable = [each.frame for each in decoded.refused if channels.is_silent(each.radio_id)]
    hidden = np.array([*opted_out, *unusable], np.int32)
    return fnb1.blank(decoded, hidden) if len(hidden) else decoded


def _intervals(
    frames: Frames, resolved: Resolved, source: Int16, recorded_us: int
) -> IntervalReads:
    ours = resolved.interval_channel != NO_CHANNEL
    reads = IntervalReads.raw(
        resolved.interval_channel[ours],
        frames.start_s[ours],
        frames.value[ours],
        flags=frames.flags[ours],
        recorded_us=recorded_us,
        source=Source.UPLINK,
    )
    return replace(reads, source=np.repeat(source, ours.sum(axis=1)))


def _registers(
    frames: Frames, resolved: Resolved, source: Int16, recorded_us: int
) -> RegisterReads:
    ours = resolved.register_channel != NO_CHANNEL
    reads = RegisterReads.raw(
        resolved.register_channel[ours],
        frames.at_s[ours],
        frames.register[ours],
        recorded_us=recorded_us,
        source=Source.UPLINK,
    )
    return replace(reads, source=source[ours])


def _refuse(
    envelope: Envelope, reason: RejectReason, detail: str, received_at: datetime
) -> Rejected:
    return Rejected(reason, detail, envelope.topic, envelope.payload, None, received_at)
