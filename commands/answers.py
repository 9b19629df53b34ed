"""
What came back: meters' answers and collectors' progress, matched to the commands they speak of.

Ingest stores records as they come; here each is verified, moves its command and is marked, in one
transaction, so that a kill repeats what was not finished and a copy changes nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from commands import codecs
from commands.codecs import Answer, Progress, Stage
from commands.journal import record
from commands.machine import TRANSITIONS, Event
from commands.outcome import describe, outcome, proves_counter
from commands.signer import Signer
from commands.timing import Timing
from mdms.domain.controls import (
    SWITCHING,
    Action,
    ControlState,
    EndDeviceControl,
    Opcode,
    Result,
    SignedEnvelope,
)
from mdms.domain.errors import DecodeError
from mdms.ports.controls import ReceivedAnswer
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from mdms.telemetry import metrics

RECORDS_MAX: Final = 200
"""Records in one transaction."""

METER: Final = "meter"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Word:
    """A meter's authentic answer and the envelope that it answers."""

    answer: Answer
    envelope: SignedEnvelope
    at: datetime
    """When we read it."""


class AnswerReader:
    """
    Reads what ingest stored.

    Args:
        unit_of_work: Opens a transaction.
        signer: Verifies answers.
        timing: How long is waited for what.
    """

    def __init__(self, unit_of_work: UnitOfWorkFactory, signer: Signer, timing: Timing) -> None:
        self._unit_of_work = unit_of_work
        self._signer = signer
        self._timing = timing

    async def read(self, now: datetime) -> bool:
        """Read everything that waits; return whether a radio came back on."""
        radio_changed = False
        while True:
            async with self._unit_of_work() as work:
                waiting = await work.controls.unhandled(RECORDS_MAX)
                for _, received in waiting:
                    radio_changed |= await self._read_one(work, received, now)
                await work.controls.mark_handled([number for number, _ in waiting], now)
            if len(waiting) < RECORDS_MAX:
                return radio_changed

    async def _read_one(self, work: UnitOfWork, received: ReceivedAnswer, now: datetime) -> bool:
        try:
            if received.schema_id == codecs.PROGRESS_SCHEMA:
                progress = codecs.decode_progress(received.record)
                await self._progress(work, progress, received.collector_id, now)
                metrics.COMMAND_ANSWERS.labels("collector").inc()
                return False
            answer = await self._signer.verify(received.record)
        except DecodeError as error:
            metrics.COMMAND_ANSWERS.labels("refused").inc()
            log.warning(
                "command.answer.refused", reason=str(error), collector_id=received.collector_id
            )
            return False
        metrics.COMMAND_ANSWERS.labels("meter").inc()
        return await self._answer(work, answer, now)

    async def _progress(
        self, work: UnitOfWork, progress: Progress, collector_id: int, now: datetime
    ) -> None:
        envelope = await work.controls.envelope(progress.command_id)
        if envelope is None:
            log.warning("command.progress.unknown", collector_id=collector_id)
            return
        control = await _locked(work, envelope)
        if control.state not in {ControlState.SENT, ControlState.COLLECTOR_ACK}:
            return  # a meter's word has overtaken it
        actor = f"collector {collector_id}"
        if progress.stage in {Stage.ACCEPTED, Stage.ON_AIR}:
            first = control.state is ControlState.SENT
            due_at = now + self._timing.meter(control) if first else control.due_at
            await record(
                work,
                control,
                Event.COLLECTOR_TOOK,
                now,
                actor=actor,
                detail=progress.stage.name.lower().replace("_", " "),
                accepted=True,
                due_at=due_at,
            )
        else:
            current = control.collector_ids[-1:] == (collector_id,)
            await record(
                work,
                control,
                Event.COLLECTOR_REFUSED,
                now,
                actor=actor,
                detail=f"{progress.stage.name.lower()}, reason {progress.reason}",
                due_at=now if current else control.due_at,
            )

    async def _answer(self, work: UnitOfWork, answer: Answer, now: datetime) -> bool:
        envelope = await work.controls.envelope(answer.command_id)
        if envelope is None or envelope.counter != answer.counter:
            log.warning("command.answer.unknown", command_id=str(answer.command_id))
            return False
        control = await _locked(work, envelope)
        word = _Word(answer, envelope, now)
        moved = await self._moved(work, control, word)
        if proves_counter(answer):
            await _settle_older(work, moved, word)
        back_on = moved.action is Action.RADIO_ON and moved.state is ControlState.VERIFIED
        if back_on and control.state is not ControlState.VERIFIED:
            await work.optouts.unsilence(moved.badge, answer.acted_at)
            return True
        return False

    async def _moved(
        self, work: UnitOfWork, control: EndDeviceControl, word: _Word
    ) -> EndDeviceControl:
        """Return the command after the meter's word; the same where that says nothing new."""
        is_probe = control.action in SWITCHING and word.envelope.opcode is Opcode.SWITCH_STATUS
        match control.state:
            case ControlState.SENT | ControlState.COLLECTOR_ACK:
                answered = self._probe_answered if is_probe else self._answered
                return await answered(work, control, word)
            case ControlState.UNKNOWN if control.action is Action.RADIO_OFF:
                return await self._answered(work, control, word)
            case ControlState.UNKNOWN | ControlState.FAILED if _settles(control, word.answer):
                return await _settled(work, control, word, keep=control.result)
            case ControlState.VERIFIED | ControlState.RECONCILED:
                return await _reported(work, control, word)
            case _:
                return control

    async def _answered(
        self, work: UnitOfWork, control: EndDeviceControl, word: _Word
    ) -> EndDeviceControl:
        result = outcome(control.action, word.answer)
        if word.answer.result is not Result.OK:
            if (control.state, Event.REFUSED) not in TRANSITIONS:
                return await _settled(work, control, word, keep=result)
            return await record(
                work,
                control,
                Event.REFUSED,
                word.at,
                actor=METER,
                detail=describe(word.answer),
                result=result,
                due_at=None,
                **_told(word.answer),
            )
        due_at = None
        if control.action is Action.RADIO_OFF:
            due_at = word.at + self._timing.silence(control)
        acknowledged = await record(
            work,
            control,
            Event.ANSWERED,
            word.at,
            actor=METER,
            detail=describe(word.answer),
            due_at=due_at,
            **_told(word.answer),
        )
        if control.action is Action.RADIO_OFF:
            return acknowledged
        return await _concluded(work, acknowledged, word, result)

    async def _probe_answered(
        self, work: UnitOfWork, control: EndDeviceControl, word: _Word
    ) -> EndDeviceControl:
        """The switch as commanded: it was done and only the answer was lost. Else it never was."""
        if word.answer.result is not Result.OK:
            return control
        result = outcome(control.action, word.answer)
        acknowledged = await record(
            work,
            control,
            Event.ANSWERED,
            word.at,
            actor=METER,
            detail=f"asked for its switch: {describe(word.answer)}",
            due_at=None,
            **_told(word.answer),
        )
        return await _concluded(
            work, acknowledged, word, result if result is Result.OK else Result.NO_REPLY
        )


def _settles(control: EndDeviceControl, answer: Answer) -> bool:
    """Any word ends not knowing; a failure ends only when a switch moved after all."""
    if control.state is ControlState.UNKNOWN:
        return True
    return control.action in SWITCHING and outcome(control.action, answer) is Result.OK


async def _concluded(
    work: UnitOfWork, control: EndDeviceControl, word: _Word, result: Result
) -> EndDeviceControl:
    if result is not Result.OK:
        return await record(
            work, control, Event.REFUSED, word.at, actor="dispatcher", detail=result, result=result
        )
    if control.action in SWITCHING:
        metrics.COMMAND_SECONDS.observe((word.at - control.requested_at).total_seconds())
    return await record(
        work,
        control,
        Event.CONFIRMED,
        word.at,
        actor="dispatcher",
        detail="answer, switch and load-side voltage agree",
        result=result,
        verified_at=word.at,
    )


async def _settled(
    work: UnitOfWork, control: EndDeviceControl, word: _Word, *, keep: Result | None
) -> EndDeviceControl:
    done = outcome(control.action, word.answer) is Result.OK
    return await record(
        work,
        control,
        Event.SETTLED,
        word.at,
        actor=METER,
        detail=describe(word.answer),
        result=Result.OK if done else keep,
        verified_at=word.at if done else None,
        due_at=None,
        **_told(word.answer),
    )


async def _reported(work: UnitOfWork, control: EndDeviceControl, word: _Word) -> EndDeviceControl:
    told = word.answer
    if (told.switch, told.load_side_voltage) == (control.switch, control.load_side_voltage):
        return control
    return await record(
        work,
        control,
        Event.REPORTED,
        word.at,
        actor=METER,
        detail=describe(told),
        switch=told.switch,
        line_voltage=told.line_voltage,
        load_side_voltage=told.load_side_voltage,
    )


async def _settle_older(work: UnitOfWork, answered: EndDeviceControl, word: _Word) -> None:
    """A meter that has seen a counter obeys no lower one: what was unknown before it, is known."""
    for other in await work.controls.of_meter(answered.badge):
        if other.state is not ControlState.UNKNOWN or other.control_id == answered.control_id:
            continue
        own = await work.controls.envelope(other.control_id)
        assert own is not None, "what is unknown was sent"
        if other.radio_id == answered.radio_id and own.counter < word.answer.counter:
            locked = await work.controls.lock(other.control_id)
            assert locked is not None, "commands are never deleted"
            if locked.state is ControlState.UNKNOWN:
                await _settled_by_another(work, locked, word)


async def _settled_by_another(work: UnitOfWork, control: EndDeviceControl, word: _Word) -> None:
    if control.action in SWITCHING and word.answer.result is Result.OK:
        await _settled(work, control, word, keep=control.result)
    else:
        detail = f"the meter answered a later command: {describe(word.answer)}"
        await record(work, control, Event.SETTLED, word.at, actor=METER, detail=detail)


def _told(answer: Answer) -> dict[str, object]:
    return {
        "answered_at": answer.acted_at,
        "switch": answer.switch,
        "line_voltage": answer.line_voltage,
        "load_side_voltage": answer.load_side_voltage,
        "register": answer.register,
    }


async def _locked(work: UnitOfWork, envelope: SignedEnvelope) -> EndDeviceControl:
    control = await work.controls.lock(envelope.control_id)
    assert control is not None, "an envelope belongs to a command"
    return control
