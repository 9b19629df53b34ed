"""
Carries commands to meters: claim, judge, sign, send, wait, send again, ask, give up.

Every decision is stored before the bytes leave: a kill at any point repeats a sending of the same
bytes at most, never makes a second counter for the same command, and forgets none. The
dispatcher itself waits for nothing: it is asked what is due, by its own task in service, after
every granted step under a followed clock.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from commands.answers import AnswerReader
from commands.clearance import Clearance, withdraw
from commands.journal import record
from commands.judgement import Judge
from commands.machine import Event
from commands.quarantine import quarantine, quarantine_queued
from commands.sending import ACTOR, Effect, Sender
from commands.signer import QuarantinedError, Signer, SignerRefusedError
from commands.timing import Timing
from mdms.domain.controls import (
    READY,
    SWITCHING,
    Action,
    ControlState,
    EndDeviceControl,
    Result,
)
from mdms.domain.errors import UnavailableError
from mdms.domain.quiet import Quiet
from mdms.ports.clock import Clock
from mdms.ports.controls import Agenda, CommandTransport
from mdms.ports.unit_of_work import UnitOfWork, UnitOfWorkFactory
from mdms.telemetry import metrics

_POLL_S: Final = 1.0
_RETRY_S: Final = 2.0
_WATCH_PERIOD: Final = timedelta(hours=1)
_STEP_S, _FINE_STEP_S = 900, 1
_SHARE: Final = 8
"""Commands that each of those who work beside each other moves on before answers are read again."""
_LANES: Final = (True, False, False)
"""
Who works beside whom: one opens switches, so that each finds what the one before has spent; the
others do the rest, so that nobody who waits for power waits behind those who are to lose it.
"""

log = structlog.get_logger()


async def _nothing_changed() -> None:
    """Tell nobody."""


class Dispatcher:
    """Moves every command on that is due; several may run beside each other."""

    def __init__(
        self,
        unit_of_work: UnitOfWorkFactory,
        clock: Clock,
        signer: Signer,
        transport: CommandTransport,
        judge: Judge,
        *,
        timing: Timing | None = None,
        collectors: Callable[[int], Sequence[int]] | None = None,
        on_radio: Callable[[], Awaitable[None]] = _nothing_changed,
    ) -> None:
        """
        Make a dispatcher.

        Args:
            unit_of_work: Opens a transaction.
            clock: Civil time for deadlines, real time for pauses.
            signer: Signs commands and verifies answers.
            transport: Takes envelopes to collectors.
            judge: Knows the rules, and is asked before every sending.
            timing: Waits and limits.
            collectors: Returns the collectors that hear a radio, best first; the rest of the
                registry follows by number.
            on_radio: Told after a commit that switched a radio off or on: who keeps the channel
                table reads it again.
        """
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._clearance = Clearance(judge)
        self._on_radio = on_radio
        timing = timing or Timing()
        self._sender = Sender(signer, transport, timing, collectors)
        self._answers = AnswerReader(unit_of_work, signer, timing)
        self._woken = asyncio.Event()
        self._watched_at: datetime | None = None
        self._quiet = Quiet()
        self._agenda = Agenda()
        self._busy_looks = 0

    def wake(self) -> None:
        """Look at once: answers came, or a command was asked for."""
        self._quiet.disturb()
        self._woken.set()

    @property
    def busy_looks(self) -> int:
        """How many of our looks have found a command on its way: it grows with each."""
        return self._busy_looks

    def wanted_step_s(self) -> int:
        """
        Return the next step that a followed clock should take, in seconds.

        Fine while a mains-powered meter's answer is awaited, or its command about to leave.
        """
        horizon = self._clock.now() + timedelta(seconds=_STEP_S)
        awaited_at = self._agenda.next_mains_at
        return _FINE_STEP_S if awaited_at is not None and awaited_at <= horizon else _STEP_S

    async def forever(self) -> None:
        """Do what is due, every second or when woken."""
        while True:
            self._woken.clear()
            self._quiet.disturb()  # another process may have taken a request
            await self.run_due_surely(self._clock.now())
            await self._woken_or(_POLL_S)

    async def run_due_surely(self, now: datetime) -> None:
        """Do what is due by now, and wait out a database or a signer that is away."""
        while True:
            try:
                await self.run_due(now)
            except UnavailableError as error:
                log.warning("command.store.unavailable", error=str(error))
                await self._clock.sleep(_RETRY_S)
                now = self._clock.now()
            else:
                return

    async def run_due(self, now: datetime) -> None:
        """
        Read what came back, then move on every command that is due by now.

        Raises:
            UnavailableError: Database or signer are away; what was not done is done by the next
                call.
        """
        if self._quiet.lasts(now):
            return
        self._quiet.begin()
        has_work = await self._has_work(now)
        while has_work:
            if self._agenda.has_answers and await self._answers.read(now):
                await self._on_radio()
            moved = await self._advance(now)
            now = max(now, self._clock.now())
            has_work = await self._has_work(now) and moved
        if self._watched_at is None or now - self._watched_at >= _WATCH_PERIOD:
            await self._watch_silence(now)
            self._watched_at = now
        metrics.COMMAND_OPEN.set(self._agenda.count)
        due = () if self._agenda.next_at is None else (self._agenda.next_at,)
        self._quiet.until(now + _WATCH_PERIOD, due)

    async def _has_work(self, now: datetime) -> bool:
        """Look once before doing anything: nearly always there is nothing to do."""
        async with self._unit_of_work() as work:
            self._agenda = await work.controls.agenda()
        self._busy_looks += self._agenda.count > 0
        due_at = self._agenda.next_at
        return self._agenda.has_answers or (due_at is not None and due_at <= now)

    async def _woken_or(self, seconds: float) -> None:
        waits = {
            asyncio.ensure_future(self._woken.wait()),
            asyncio.ensure_future(self._clock.sleep(seconds)),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()

    async def _advance(self, now: datetime) -> bool:
        """Let every lane move its share on; return whether any moved anything."""
        lanes = [self._advance_share(now, opens=opens) for opens in _LANES]
        outcomes = await asyncio.gather(*lanes, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return any(outcomes)

    async def _advance_share(self, now: datetime, *, opens: bool) -> bool:
        for number in range(_SHARE):
            if not await self._advance_one(now, opens=opens):
                return number > 0
        return True

    async def _advance_one(self, now: datetime, *, opens: bool) -> bool:
        effects: list[Effect] = []
        async with self._unit_of_work() as work:
            control = await work.controls.lock_due(now, opens=opens)
            if control is None:
                return False
            match control.state:
                case state if state in READY or state is ControlState.QUARANTINED:
                    effects += await self._sign(work, control, now)
                case ControlState.SIGNED:
                    effects += await self._send_first(work, control, now)
                case ControlState.SENT | ControlState.COLLECTOR_ACK:
                    effects += await self._overdue(work, control, now)
                case ControlState.METER_ACK:
                    effects += await self._silent(work, control, now)
                case _:
                    raise AssertionError(f"nothing is due for a command that is {control.state}")
        for effect in effects:
            await effect()
        return True

    async def _sign(
        self, work: UnitOfWork, control: EndDeviceControl, now: datetime
    ) -> list[Effect]:
        """Sign a command and let it leave with this transaction: it was judged a moment ago."""
        if not await self._clearance.may_be_signed(work, control, now):
            return []
        try:
            signed = await self._sender.sign(work, control, now)
        except QuarantinedError as error:
            await quarantine(work, control, error.refusals, now)
            if control.state in READY:
                await quarantine_queued(work, error.refusals, now)
        except SignerRefusedError as error:
            await withdraw(work, control, error.refusals, now)
        else:
            return await self._sender.first(work, *signed, now)
        return []

    async def _send_first(
        self, work: UnitOfWork, control: EndDeviceControl, now: datetime
    ) -> list[Effect]:
        if not await self._clearance.may_be_sent(work, control, now):
            return []
        return await self._sender.first(work, control, None, now)

    async def _overdue(
        self, work: UnitOfWork, control: EndDeviceControl, now: datetime
    ) -> list[Effect]:
        """Nobody answered in time: another collector, another attempt, a question, the end."""
        if not control.probe_count:
            control, allowed = await self._clearance.may_be_repeated(work, control, now)
            own = await self._sender.own(work, control)
            if allowed and (sent := await self._sender.again(work, control, own, now)):
                return sent
        if control.action in SWITCHING:
            try:
                probe = await self._sender.probe(work, control, now)
            except SignerRefusedError as error:
                return await _give_up(work, control, now, detail=str(error))
            if sent := await self._sender.again(work, control, probe, now):
                return sent
        return await _give_up(work, control, now, detail="no answer came")

    async def _silent(
        self, work: UnitOfWork, control: EndDeviceControl, now: datetime
    ) -> list[Effect]:
        """Three transmit periods have passed since a radio said it goes silent: did it?"""
        assert control.action is Action.RADIO_OFF, "only silence is waited for after an answer"
        assert control.answered_at is not None, "the meter has acknowledged"
        heard_at = await work.controls.heard_at(control.badge, control.answered_at)
        if heard_at is not None:
            metrics.COMMAND_RADIO_VIOLATIONS.inc()
            result = Result.RADIO_OFF_VIOLATION
            detail = f"heard again: read of {heard_at:%Y-%m-%d %H:%M:%SZ}"
            await record(
                work, control, Event.REFUSED, now,
                actor=ACTOR, detail=detail, result=result, due_at=None,
            )  # fmt: skip
            return []
        await work.optouts.silence(control.badge, control.answered_at, control.control_id)
        await record(
            work, control, Event.CONFIRMED, now,
            actor=ACTOR, detail="silent for three transmit periods", result=Result.OK,
            verified_at=now, due_at=None,
        )  # fmt: skip
        return [self._on_radio]

    async def _watch_silence(self, now: datetime) -> None:
        """Note once that a radio which is off was heard; its values were never stored."""
        async with self._unit_of_work() as work:
            for control_id in await work.controls.violations():
                control = await work.controls.lock(control_id)
                assert control is not None, "commands are never deleted"
                log.error("command.radio_off.violated", control_id=str(control_id))
                metrics.COMMAND_RADIO_VIOLATIONS.inc()
                result = Result.RADIO_OFF_VIOLATION
                await record(work, control, Event.HEARD, now, actor=ACTOR, result=result)


async def _give_up(
    work: UnitOfWork, control: EndDeviceControl, now: datetime, *, detail: str
) -> list[Effect]:
    """End in not knowing: the meter may have acted or not."""
    result = Result.NO_REPLY if control.accepted else Result.COLLECTOR_DOWN
    await record(
        work, control, Event.GAVE_UP, now, actor=ACTOR, detail=detail, result=result, due_at=None
    )
    return []
