"""From messages to rows: decode each message, find whose frames it holds, put rows together."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Final

import numpy as np
import structlog

from ingest import codecs, state
from ingest.admission import admit, check_sender
from ingest.alarm_bits import AlarmBits, Noticed
from ingest.channels import ChannelIndex, Resolved
from ingest.clock_watch import ClockWatch, Sighting
from ingest.codecs import fnb1, fnb1_readings
from ingest.codecs.decoded import Decoded, Opened
from ingest.joined import Joined, join
from ingest.overflow import overflows
from ingest.quota import Quotas
from ingest.reads import BACKFILL, reads_of
from ingest.refused import keepable
from ingest.reported import report, violations
from ingest.sequence import Offer, Seen
from ingest.tags import TagCheck
from ingest.trailers import TrailerCheck
from mdms.domain.collectors import CollectorReport
from mdms.domain.errors import DecodeError, RejectReason
from mdms.domain.events import EndDeviceEvent
from mdms.domain.readings import Int32, IntervalReads, RegisterReads
from mdms.domain.time import to_epoch_us
from mdms.ports.controls import ReceivedAnswer
from mdms.ports.messages import Envelope, Rejected, UplinkMessage

LETTERS_MAX: Final = 1_000
"""Of one message; honest ones have half as many frames. The rest of it is one letter more."""

_NOBODY = np.empty(0, np.int32)

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
    alarms: Noticed = field(default_factory=Noticed)
    """Alarms in readings."""
    shed: Counter[str] = field(default_factory=Counter)
    """How many frames, events and letters were beyond a quota."""


def assemble(
    batch: Sequence[Envelope],
    roster: Roster,
    newest_seq: Mapping[int, int],
    *,
    received_at: datetime,
    recorded_at: datetime,
    tags: TagCheck | None = None,
    trailers: TrailerCheck | None = None,
    clocks: ClockWatch | None = None,
    alarms: AlarmBits | None = None,
    quotas: Quotas | None = None,
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
        trailers: Checks collectors' trailers; None where that was done when the messages came.
        clocks: Watches meters' clocks; None where nobody does.
        alarms: Watches alarms in readings; None where nobody does.
        quotas: What meters and collectors may cost; None where all is to be read.
    """
    assembled = Assembled()
    opened: list[tuple[Envelope, Opened]] = []
    for envelope, plain in zip(batch, codecs.open_plain(batch, received_at), strict=True):
        try:
            if plain is None and state.is_state(envelope.topic):
                _add_state(assembled, envelope, roster, newest_seq, received_at)
                continue
            message = admit(
                envelope, received_at, roster.collector_ids, newest_seq, trailers, opened=plain
            )
            if message.schema_id != fnb1_readings.SCHEMA_ID:
                message = _read(message, tags)
        except DecodeError as error:
            assembled.rejected.append(
                _refuse(envelope, error.reason, error.detail, received_at, roster.channels)
            )
        except Exception:  # a poison message must not stop the line behind it
            log.exception("ingest.message.poisonous", payload_bytes=len(envelope.payload))
            assembled.rejected.append(_poisonous(envelope, received_at, roster.channels))
        else:
            opened.append((envelope, message))
            assembled.counted.append(_seen(message))
    if opened:
        opened, joined = _join(opened, assembled, tags, roster.channels)
        resolved = roster.channels.resolve(joined.frames)
        if quotas is not None:
            resolved, assembled.shed["frame"], told = quotas.shed(joined, resolved, roster.channels)
            assembled.events += told
        _add_messages(assembled, opened, joined, resolved, channels=roster.channels, tags=tags)
        assembled.intervals, assembled.registers = reads_of(
            joined, resolved, to_epoch_us(recorded_at)
        )
        _watch(assembled, joined, resolved, roster.channels, clocks=clocks, alarms=alarms)
    _shed_rest(assembled, quotas, roster.collector_ids, received_at)
    return assembled


def _add_state(
    assembled: Assembled,
    envelope: Envelope,
    roster: Roster,
    newest_seq: Mapping[int, int],
    received_at: datetime,
) -> None:
    said = state.read(envelope.topic, envelope.payload, received_at, retained=envelope.retained)
    newest = said.offer.seq if said.offer else 0
    check_sender(said.report.collector_id, newest, roster.collector_ids, newest_seq)
    assembled.reports.append(said.report)
    if said.offer is not None:
        assembled.counted.append(said.offer)


def _shed_rest(
    assembled: Assembled, quotas: Quotas | None, collector_ids: frozenset[int], at: datetime
) -> None:
    """Let go of events and dead letters that are too many."""
    if quotas is None:
        return
    events = quotas.events(assembled.events, at)
    letters = quotas.letters(assembled.rejected, collector_ids)
    assembled.shed["event"] += len(assembled.events) - len(events)
    assembled.shed["letter"] += len(assembled.rejected) - len(letters)
    assembled.events, assembled.rejected = events, letters


def _read(message: Opened, tags: TagCheck | None) -> Decoded:
    decoded = fnb1.read(message)
    return tags.sieve(decoded) if tags else decoded


def _join(
    opened: list[tuple[Envelope, Opened]],
    assembled: Assembled,
    tags: TagCheck | None,
    channels: ChannelIndex,
) -> tuple[list[tuple[Envelope, Opened]], Joined]:
    """Read all frames of readings at once; refuse the messages that break the decoder."""
    try:
        return opened, join(_readings(opened), tags)
    except Exception:  # noqa: BLE001 - whose fault it is, each message alone will show
        sound = []
        for envelope, message in opened:
            try:
                fnb1.read(message)
            except Exception:
                log.exception("ingest.message.poisonous", payload_bytes=len(envelope.payload))
                received_at = message.message.received_at
                assembled.rejected.append(_poisonous(envelope, received_at, channels))
                assembled.counted.remove(_seen(message))
            else:
                sound.append((envelope, message))
        return sound, join(_readings(sound), tags)


def _readings(opened: Sequence[tuple[Envelope, Opened]]) -> list[Opened]:
    return [message for _, message in opened if message.schema_id == fnb1_readings.SCHEMA_ID]


def _seen(opened: Opened) -> Seen:
    message = opened.message
    return Seen(
        message.collector_id,
        message.boot_id,
        message.batch_seq,
        message.batch_us,
        empty=message.frame_count == 0,
        last_of_backfill=opened.last_of_backfill,
        asked_for=message.kind == BACKFILL,
        misdated=message.misdated,
    )


def _add_messages(
    assembled: Assembled,
    opened: Sequence[tuple[Envelope, Opened]],
    joined: Joined,
    resolved: Resolved,
    *,
    channels: ChannelIndex,
    tags: TagCheck | None,
) -> None:
    """Add each message, with its events and answers and what cannot be used of it."""
    remarkable = joined.has_refused.copy()
    remarkable[joined.message[list(resolved.reasons)]] = True
    rows = np.lexsort((joined.frames.index, joined.message)) if remarkable.any() else _NOBODY
    edges = np.searchsorted(joined.message[rows], np.arange(len(joined.messages) + 1))
    number = 0
    for envelope, message in opened:
        assembled.frame_count += message.message.frame_count
        if isinstance(message, Decoded):
            _add_careful(assembled, envelope, message, channels, unresolved={}, opted_out=_NOBODY)
            continue
        if remarkable[number]:
            mine = rows[edges[number] : edges[number + 1]]
            opted_out = joined.frames.index[mine[resolved.opted_out[mine]]]
            reasons = {
                int(joined.frames.index[row]): resolved.reasons[row]
                for row in mine.tolist()
                if row in resolved.reasons
            }
            decoded = _read(message, tags)
            _add_careful(
                assembled, envelope, decoded, channels, unresolved=reasons, opted_out=opted_out
            )
        else:
            assembled.messages.append(message.message)
        number += 1


def _add_careful(
    assembled: Assembled,
    envelope: Envelope,
    decoded: Decoded,
    channels: ChannelIndex,
    *,
    unresolved: Mapping[int, tuple[RejectReason, str]],
    opted_out: Int32,
) -> None:
    """Add one message of which something has to be said."""
    reported = report(decoded, channels)
    reasons = {each.frame: (each.reason, each.detail) for each in decoded.refused}
    reasons |= unresolved
    reasons |= reported.reasons
    kept = _hide_opted_out(decoded, [*opted_out.tolist(), *reported.silent], channels)
    assembled.events += reported.events
    assembled.events += violations(decoded, opted_out, channels)
    received_at = decoded.message.received_at
    assembled.answers += (
        ReceivedAnswer(decoded.message.collector_id, decoded.schema_id, record, received_at)
        for record in decoded.answers
    )
    assembled.messages.append(kept.message)
    assembled.rejected += _letters(kept, envelope.topic, reasons, received_at)


def _letters(
    kept: Decoded,
    topic: str,
    reasons: Mapping[int, tuple[RejectReason, str]],
    received_at: datetime,
) -> Iterator[Rejected]:
    """Yield a letter for each of the first frames, and one for each reason of the rest."""
    for frame, (reason, detail) in islice(reasons.items(), LETTERS_MAX):
        content = kept.frame_bytes(frame)
        yield Rejected(reason, detail, topic, content, frame, received_at, kept.schema_id)
    rest = Counter(reason for reason, _ in islice(reasons.values(), LETTERS_MAX, None))
    for reason, count in rest.items():
        yield Rejected(
            reason, f"{count} more frames", topic, kept.message.payload, None, received_at
        )


def _watch(
    assembled: Assembled,
    joined: Joined,
    resolved: Resolved,
    channels: ChannelIndex,
    *,
    clocks: ClockWatch | None,
    alarms: AlarmBits | None,
) -> None:
    """Add what frames tell of their meters beside what those measured."""
    assembled.events += islice(overflows(joined, resolved, channels), LETTERS_MAX)
    if clocks is not None:
        messages = [message.message for message in joined.messages]
        assembled.clocks = clocks.look(joined.stamps, messages, channels)
        assembled.events += assembled.clocks.events
    if alarms is not None:
        assembled.alarms = alarms.look(joined, resolved, channels)
        assembled.events += assembled.alarms.events


def _hide_opted_out(decoded: Decoded, opted_out: Sequence[int], channels: ChannelIndex) -> Decoded:
    """Blank the frames of meters that should be silent, unusable ones too (design D21)."""
    unusable = [each.frame for each in decoded.refused if channels.is_silent(each.radio_id)]
    hidden = np.array([*opted_out, *unusable], np.int32)
    return fnb1.blank(decoded, hidden) if len(hidden) else decoded


def _refuse(
    envelope: Envelope,
    reason: RejectReason,
    detail: str,
    received_at: datetime,
    channels: ChannelIndex,
) -> Rejected:
    waits = reason is RejectReason.UNKNOWN_COLLECTOR
    kept = keepable(envelope.topic, envelope.payload, received_at, channels, waits=waits)
    return Rejected(reason, detail, envelope.topic, kept, None, received_at)


def _poisonous(envelope: Envelope, received_at: datetime, channels: ChannelIndex) -> Rejected:
    return _refuse(envelope, RejectReason.BAD_BODY, "the decoder failed", received_at, channels)
