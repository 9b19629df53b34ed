"""
How a command leaves: signed once, sent to one collector after the other, the same bytes each time.

Nothing is handed over here: what is to be sent is stored first, and the caller hands it over once
its transaction is committed.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final

import structlog

from commands.codecs import Command, CommandFlag
from commands.journal import record
from commands.machine import Event
from commands.signer import Signed, Signer
from commands.timing import Timing
from mdms.domain.controls import (
    OPCODE_OF,
    Action,
    ControlState,
    EndDeviceControl,
    Opcode,
    SignedEnvelope,
    new_id,
)
from mdms.domain.errors import UnavailableError
from mdms.ports.controls import CommandTransport
from mdms.ports.unit_of_work import UnitOfWork
from mdms.telemetry import metrics

ACTOR: Final = "dispatcher"
SIGNER: Final = "signer"

_FLAGS = {
    Action.RECONNECT: CommandFlag.REFUSE_ON_LOAD_SIDE_VOLTAGE | CommandFlag.REFUSE_ON_CURRENT,
    Action.ARM: CommandFlag.REFUSE_ON_LOAD_SIDE_VOLTAGE,
}

Effect = Callable[[], Awaitable[None]]
"""What is done once a transaction is committed."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Series:
    """Attempts with one envelope: those of the command itself, or of asking for its switch."""

    event: Event
    counted: str
    """The field of the command that counts them."""
    envelope: SignedEnvelope
    count: int
    count_max: int
    not_after: datetime


class Sender:
    """
    Signs, and sends by the best collector that has not been asked yet.

    Args:
        signer: Signs commands.
        transport: Takes envelopes to collectors.
        timing: Waits and limits.
        collectors: Returns the collectors that hear a radio, best first; the rest of the registry
            follows by number.
    """

    def __init__(
        self,
        signer: Signer,
        transport: CommandTransport,
        timing: Timing,
        collectors: Callable[[int], Sequence[int]] | None,
    ) -> None:
        self._signer = signer
        self._transport = transport
        self._timing = timing
        self._collectors = collectors

    async def sign(
        self, work: UnitOfWork, control: EndDeviceControl, now: datetime
    ) -> tuple[EndDeviceControl, SignedEnvelope]:
        """
        Sign a command, keep its envelope, and return both.

        Raises:
            SignerRefusedError: The signer does not sign this.
            QuarantinedError: It signs no open now.
            UnavailableError: It is away; nothing is lost.
        """
        command = _command(control)
        signed = await self._signer.sign(command)
        envelope = _kept(signed, command, control, now)
        await work.controls.add_envelope(envelope)
        detail = f"counter {signed.counter}, key {control.key_id}"
        control = await record(
            work, control, Event.SIGNED, now, actor=SIGNER, detail=detail, refusals=(), due_at=now
        )
        return control, envelope

    async def first(
        self,
        work: UnitOfWork,
        control: EndDeviceControl,
        envelope: SignedEnvelope | None,
        now: datetime,
    ) -> list[Effect]:
        """
        Send a signed command for the first time; wait where there is no collector at all.

        Args:
            work: A transaction.
            control: The command.
            envelope: What was signed; None: it was signed before, and is looked up.
            now: What time it is.
        """
        series = (
            await self.own(work, control) if envelope is None else self._series(control, envelope)
        )
        if sent := await self.again(work, control, series, now):
            return sent
        await work.controls.save(replace(control, due_at=now + self._timing.collector))
        return []

    async def again(
        self, work: UnitOfWork, control: EndDeviceControl, series: Series, now: datetime
    ) -> list[Effect]:
        """Send by the next collector, or begin the next attempt; nothing if none is left."""
        if now >= series.not_after:
            return []
        if control.state is ControlState.SENT and series.count:
            collector_id = await self._next_collector(work, control, control.collector_ids)
            if collector_id is not None:
                asked = (*control.collector_ids, collector_id)
                return await self._send(work, control, series, asked, now)
        if series.count == series.count_max:
            return []
        collector_id = await self._next_collector(work, control, ())
        if collector_id is None:
            return []
        return await self._send(
            work, control, replace(series, count=series.count + 1), (collector_id,), now
        )

    async def _send(
        self,
        work: UnitOfWork,
        control: EndDeviceControl,
        series: Series,
        collector_ids: tuple[int, ...],
        now: datetime,
    ) -> list[Effect]:
        await record(
            work,
            control,
            series.event,
            now,
            actor=ACTOR,
            detail=f"collector {collector_ids[-1]}, attempt {series.count} of {series.count_max}",
            collector_ids=collector_ids,
            due_at=now + self._timing.collector,
            sent_at=control.sent_at or now,
            **{series.counted: series.count},
        )
        envelope = series.envelope.envelope
        return [partial(self._hand_over, collector_ids[-1], envelope, control.action)]

    async def _hand_over(self, collector_id: int, envelope: bytes, action: Action) -> None:
        try:
            await self._transport.send(collector_id, envelope)
        except UnavailableError as error:  # it counts as sent: its deadline sends it again
            log.warning("command.broker.unavailable", error=str(error))
        else:
            metrics.COMMAND_SENT.labels(action).inc()

    async def _next_collector(
        self, work: UnitOfWork, control: EndDeviceControl, asked: Sequence[int]
    ) -> int | None:
        known = await work.registry.collector_ids()
        best = self._collectors(control.radio_id) if self._collectors else ()
        order = [*(each for each in best if each in known), *sorted(known)]
        return next((each for each in order if each not in asked), None)

    async def own(self, work: UnitOfWork, control: EndDeviceControl) -> Series:
        """Return the attempts with a command's own envelope, which was signed before."""
        envelope = await work.controls.envelope(control.control_id)
        assert envelope is not None, "what is sent was signed"
        return self._series(control, envelope)

    def _series(self, control: EndDeviceControl, envelope: SignedEnvelope) -> Series:
        return Series(
            event=Event.SENT,
            counted="attempt_count",
            envelope=envelope,
            count=control.attempt_count,
            count_max=self._timing.attempts_max,
            not_after=control.not_after,
        )

    async def probe(self, work: UnitOfWork, control: EndDeviceControl, now: datetime) -> Series:
        """Return the question for the switch state; it is signed when it is first needed."""
        for envelope in await work.controls.envelopes(control.control_id):
            if envelope.opcode is Opcode.SWITCH_STATUS:
                break
        else:
            envelope = await self._sign_probe(work, control, now)
        return Series(
            event=Event.PROBED,
            counted="probe_count",
            envelope=envelope,
            count=control.probe_count,
            count_max=self._timing.probes_max,
            not_after=envelope.signed_at + self._timing.probe_valid,
        )

    async def _sign_probe(
        self, work: UnitOfWork, control: EndDeviceControl, now: datetime
    ) -> SignedEnvelope:
        command = Command(
            radio_id=control.radio_id,
            opcode=Opcode.SWITCH_STATUS,
            flags=CommandFlag.NONE,
            key_id=control.key_id,
            not_before=now,
            not_after=now + self._timing.probe_valid,
            command_id=new_id(now),
        )
        envelope = _kept(await self._signer.sign(command), command, control, now)
        await work.controls.add_envelope(envelope)
        return envelope


def _command(control: EndDeviceControl) -> Command:
    return Command(
        radio_id=control.radio_id,
        opcode=OPCODE_OF[control.action],
        flags=_FLAGS.get(control.action, CommandFlag.NONE),
        key_id=control.key_id,
        not_before=control.not_before,
        not_after=control.not_after,
        command_id=control.control_id,
    )


def _kept(
    signed: Signed, command: Command, control: EndDeviceControl, now: datetime
) -> SignedEnvelope:
    return SignedEnvelope(
        command_id=command.command_id,
        control_id=control.control_id,
        opcode=command.opcode,
        counter=signed.counter,
        envelope=signed.envelope,
        signed_at=now,
    )
