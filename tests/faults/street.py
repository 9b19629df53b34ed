"""One meter, its collectors and its people, around a daemon and a signer that are killed."""

import random
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import psycopg

from commands.codecs import PROGRESS_SCHEMA, Stage, cmac
from commands.machine import Event
from commands.requests import Request
from commands.signing import breaker
from commands.signing.keys import meter_key
from mdms.domain.controls import (
    ENDED,
    Action,
    ControlState,
    EndDeviceControl,
    SwitchPosition,
)
from mdms.domain.errors import UnavailableError
from mdms.domain.people import Role
from mdms.policy.refusals import PolicyRefusedError
from mdms.ports.controls import ReceivedAnswer
from mdms.ports.unit_of_work import UnitOfWorkFactory
from tests.controls import AT, a_registry
from tests.fakes import FakeClock
from tests.faults import mortals
from tests.faults.mortals import Failed, Mortal
from tests.meters import MASTER, Air, ObedientMeter
from tests.signing import SUPERVISORS

Row = tuple[ControlState, Event]

SIGNING, SENDING = "signing", "sending"

_AWAY = Failed(UnavailableError, ("it was killed",))
_AWAITED = frozenset({ControlState.SENT, ControlState.COLLECTOR_ACK})
_AWAY_S_MAX = 20
_PATIENCE = timedelta(hours=30)


class Moment(StrEnum):
    """Where in a step of a command's life a process is hit."""

    WRITTEN = "written"
    """Before the commit: nothing of it was."""
    COMMITTED = "committed"
    """Before what follows from it: it is to be done again."""
    ASKED = "asked"
    """The signer was asked, and has not begun; or the broker has not got the envelope yet."""
    ANSWERED = "answered"
    """The signer has signed, or the broker has the envelope, and the daemon does not know."""


@dataclass(frozen=True, slots=True)
class Blow:
    """One kill: of whom, when."""

    victim: str
    moment: Moment


class KilledError(Exception):
    """The daemon is dead."""


class Street:
    """
    Plays what people do and lets time pass; restarts whatever was killed.

    Args:
        store: Transactions of our own, to look and to set the scene.
        administrator: DSN to change the scene where no transaction of the daemon may.
        daemon_dsn: DSN for the daemon.
        seed: How long what was killed stays away.
        where: The step of a command's life at which the blows fall, each time it is passed;
            SIGNING or SENDING: while the signer or the broker are asked.
        blows: In order.
    """

    def __init__(
        self,
        store: UnitOfWorkFactory,
        administrator: str,
        daemon_dsn: str,
        *,
        seed: int,
        where: Row | str = "",
        blows: tuple[Blow, ...] = (),
    ) -> None:
        self.store = store
        self.where, self.blows = where, list(blows)
        self.passed: set[Row] = set()
        self.clock = FakeClock(AT)
        self.meter = ObedientMeter()
        self.air = Air(self.meter, self.clock.now)
        self.moved_at: list[datetime] = []
        self.approved: set[tuple[UUID, str]] = set()
        self.progress: Stage | None = Stage.ACCEPTED
        """What collectors say of what they got; None: nothing."""
        self._administrator, self._daemon_dsn = administrator, daemon_dsn
        self._random = random.Random(seed)
        self._rules: tuple[str | None, bool] = (None, True)
        self._edition: str | None = None
        self._daemon: Mortal | None = None
        self._signer: Mortal | None = None
        self._signer_back_at = self._broker_back_at = AT

    def close(self) -> None:
        """Kill what is left."""
        self._kill_daemon()
        self._kill_signer()

    # What people do: whoever got no answer looks whether it was done, and else asks again.

    async def ask(self, action: Action, **changes: Any) -> UUID:
        cause = "MOVE_OUT" if action is Action.DISCONNECT else "ERROR"
        request = Request(action=action, **{"meter": "E1", "cause": cause} | changes)
        known = {each.control_id for each in await self.commands()}
        while True:
            with suppress(KilledError, PolicyRefusedError):
                await self._deed("request", request, "clerk")
            made = [e.control_id for e in await self.commands() if e.control_id not in known]
            if made:
                assert len(made) == 1, "who asks once gets one command"
                return made[0]

    async def approve(self, control_id: UUID, by: str) -> None:
        while (control_id, by) not in self.approved:
            with suppress(KilledError):
                await self._deed("approve", control_id, by, {Role.SUPERVISOR}, "")
                self.approved.add((control_id, by))

    async def cancel(self, control_id: UUID) -> None:
        while (await self.find(control_id)).state is not ControlState.CANCELLED:
            with suppress(KilledError):
                await self._deed("cancel", control_id, "boss", "paid")

    async def release_breaker(self) -> None:
        while (trip := self._signature("standing_trip")) == _AWAY:
            await self.clock.sleep(1)
        for name in SUPERVISORS:
            self._signature("release", name, trip.trip_id, breaker.prove(name, trip))

    def daemon_rules(self, edition: str | None = None, *, remote_open: bool = True) -> None:
        """Put other rules in force for the daemon: it is restarted."""
        self._kill_daemon()
        self._rules = edition, remote_open

    def signer_rules(self, edition: str | None) -> None:
        self._kill_signer()
        self._edition = edition

    async def shorten_window(self, control_id: UUID) -> None:
        """Let an earlier end of the window be on file than the rules give by now."""
        async with self.store() as work:
            control = await work.controls.lock(control_id)
            assert control is not None
            earlier = control.not_after - timedelta(minutes=1)
            await work.controls.save(replace(control, not_after=earlier))

    async def exchange_meter(self) -> None:
        async with self.store() as work:
            registry = await work.registry.load()
            meters = tuple(
                replace(each, serial="OTHER") if each.badge == "E1" else each
                for each in registry.meters
            )
            await work.registry.merge(replace(registry, meters=meters))

    def take_collectors_away(self) -> None:
        with psycopg.connect(self._administrator) as connection:
            connection.execute("DELETE FROM collector")

    async def bring_collectors_back(self) -> None:
        async with self.store() as work:
            await work.registry.merge(a_registry())

    # What the meter and the collectors do.

    async def hear_again(self) -> None:
        """Let the meter hear the first envelope once more."""
        await self._hand_over(*self.air.sent[0])

    def tell(self, asked: UUID, switch: SwitchPosition) -> None:
        """Let the meter say by itself that its switch moved, naming a command it once answered."""
        first = self.meter.stored[asked.bytes]
        live = switch is SwitchPosition.CLOSED
        body = first[:5] + b"\0" + first[6:20] + bytes([switch, 1 | live << 1]) + first[22:48]
        record = body + cmac(meter_key(MASTER, self.meter.radio_id), body)
        self.meter.switch, self.meter.load_side_voltage = switch, live
        self.air.heard.append(ReceivedAnswer(17, 3, record, self.clock.now()))

    def say_progress(self, stage: Stage) -> None:
        """Let the collector that was asked last say how far it has come."""
        collector_id, envelope = self.air.sent[-1]
        self.air.heard.append(_said(self.air.progress(collector_id, envelope), stage))

    # Time.

    async def run(self, seconds: int, step_s: int = 1) -> None:
        for _ in range(0, seconds, step_s):
            self.air.away = self.clock.now() < self._broker_back_at
            woken = not self.air.away and await self._deliver()
            with suppress(KilledError, UnavailableError):
                await self._deed("run_due", woken=woken)
            await self.clock.sleep(step_s)

    async def settle(self) -> None:
        """Let time pass until every command has ended."""
        end = self.clock.now() + _PATIENCE
        while any(each.state not in ENDED for each in await self.commands()) or self.air.heard:
            assert self.clock.now() < end, "a command has no outcome"
            is_fast = any(each.state in _AWAITED for each in await self.commands())
            await self.run(60, 5) if is_fast or self.air.heard else await self.run(1800, 600)

    # What is stored.

    async def commands(self) -> list[EndDeviceControl]:
        async with self.store() as work:
            return sorted(await work.controls.newest(20), key=lambda each: each.control_id)

    async def find(self, control_id: UUID) -> EndDeviceControl:
        async with self.store() as work:
            found = await work.controls.find(control_id)
        assert found is not None, "what was asked for is on file"
        return found

    async def _deliver(self) -> bool:
        async with self.store() as work:
            await work.controls.receive(self.air.heard)
        heard = bool(self.air.heard)
        self.air.heard.clear()
        return heard

    async def _deed(self, name: str, *args: Any, **options: Any) -> Any:
        if self._daemon is None:
            self._daemon = Mortal(mortals.daemon, self._daemon_dsn, *self._rules)
        line = self._daemon.line
        line.send((name, self.clock.now(), args, options))
        while True:
            match line.recv():
                case ("done", outcome):
                    if isinstance(outcome, Failed):
                        raise outcome.error()
                    return outcome
                case ("passed", row, moment):
                    self.passed.add(row)
                    self._strike(row, Moment(moment))
                    line.send(None)
                case ("sign", command):
                    self._strike(SIGNING, Moment.ASKED)
                    signed = self._signature("sign", command)
                    self._strike(SIGNING, Moment.ANSWERED)
                    line.send(signed if self._signer else _AWAY)
                case ("verify", record):
                    line.send(self._signature("verify", record))
                case ("send", collector_id, envelope):
                    self._strike(SENDING, Moment.ASKED)
                    if not self.air.away:
                        await self._hand_over(collector_id, envelope)
                    self._strike(SENDING, Moment.ANSWERED)
                    line.send(_AWAY if self.air.away else None)
                case message:
                    raise AssertionError(f"a daemon does not say {message}")

    def _strike(self, where: Row | str, moment: Moment) -> None:
        """Deal the blows whose turn it is."""
        while where == self.where and self.blows and self.blows[0].moment is moment:
            victim = self.blows.pop(0).victim
            back_at = self.clock.now() + timedelta(seconds=self._random.uniform(0, _AWAY_S_MAX))
            if victim == "signer":
                self._kill_signer()
                self._signer_back_at = back_at
            elif victim == "broker":
                self.air.away, self._broker_back_at = True, back_at
            else:
                self._kill_daemon()
                raise KilledError

    def _signature(self, name: str, *args: Any) -> Any:
        """Ask the signer; one that was killed is away for a while, and then another."""
        if self._signer is None:
            if self.clock.now() < self._signer_back_at:
                return _AWAY
            self._signer = Mortal(mortals.signer, self._administrator, self._edition)
        line = self._signer.line
        line.send((name, self.clock.now(), *args))
        while (outcome := line.recv()) == mortals.COMMITTING:
            self._strike(SIGNING, Moment.WRITTEN)
            if line.closed:
                return _AWAY
            line.send(None)
        return outcome

    async def _hand_over(self, collector_id: int, envelope: bytes) -> None:
        """Pass an envelope to the air, and note when a switch moved."""
        before = len(self.air.heard), len(self.meter.moves)
        await self.air.send(collector_id, envelope)
        self.moved_at += [self.clock.now()] * (len(self.meter.moves) - before[1])
        for number, each in enumerate(self.air.heard[before[0] :], before[0]):
            if each.schema_id == PROGRESS_SCHEMA and self.progress is not None:
                self.air.heard[number] = _said(each, self.progress)
        if self.progress is None:
            self.air.heard = [e for e in self.air.heard if e.schema_id != PROGRESS_SCHEMA]

    def _kill_daemon(self) -> None:
        if self._daemon is not None:
            self._daemon.kill()
        self._daemon = None

    def _kill_signer(self) -> None:
        if self._signer is not None:
            self._signer.kill()
        self._signer = None


def _said(progress: ReceivedAnswer, stage: Stage) -> ReceivedAnswer:
    record = progress.record
    return replace(progress, record=record[:20] + bytes([stage]) + record[21:])
