"""
Between towers and meters: commands find their meter, meters act, speak and complain.

Powered meters always listen; battery meters only right after they talked. Everything that
happens has a time of its own within a step, and depends on the seed and on what was ordered.
"""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from mdms.domain.errors import UsageError
from mdms.domain.registry import Commodity
from simulators import floods
from simulators.agenda import Agenda
from simulators.air import Air, Heard
from simulators.alarms import Event, EventCode, EventLog
from simulators.city import City
from simulators.encoders import MTYPE_ON_DEMAND, SCHEMA_ANSWER, SCHEMA_PROGRESS
from simulators.envelopes import (
    ENVELOPE_SIZE,
    Answer,
    Command,
    Opcode,
    Position,
    Result,
    Stage,
    progress,
)
from simulators.floods import Flood
from simulators.gathered import Gathered, Record
from simulators.keys import Keys
from simulators.radio import Faults
from simulators.reports import Reports
from simulators.seeds import generator
from simulators.supply import Move
from simulators.switch import Code, Fault, SmartPoint, Surroundings

_log = logging.getLogger(__name__)

_REPLY_MEDIAN_S, _REPLY_SIGMA = 8.0, 1.05
_REPLY_MIN_S = 1.0
_UNANSWERED_SHARE = 0.02
_FAULTY_SHARE = 0.003
_WINDOW_S = 1
"""A battery meter listens this long after it talked, and answers at once."""
_BUTTON_S = (300, 7_200)
_GENERATOR_GONE_S = (3_600, 6 * 3_600)
_MOVES = {
    Opcode.OPEN: Position.OPEN,
    Opcode.CLOSE: Position.CLOSED,
    Opcode.ARM: Position.ARMED,
}
_FAILURES = {Result.SWITCH_FAIL_OPEN, Result.SWITCH_FAIL_CLOSE}
_COMPLAINTS = {Code.NOT_GENUINE: EventCode.AUTH_FAILURE, Code.REPLAYED: EventCode.REPLAY_SEEN}


@dataclass(frozen=True, slots=True)
class Order:
    """An envelope that a collector was given."""

    collector_id: int
    envelope: bytes


class Field:
    """The meters of a city, reachable through its air."""

    def __init__(
        self, city: City, air: Air, *, keys: Keys | None = None, faults: Faults = Faults.NONE
    ) -> None:
        """
        Set up the meters; the outages of `air.supply` will be reported as they come.

        Args:
            city: Whose meters.
            air: What carries their messages.
            keys: Without them meters believe nobody, and collectors refuse commands.
            faults: Whether answers get lost and switches fail now and then.
        """
        self._city, self._air, self._keys = city, air, keys
        self._is_harmless = faults is Faults.NONE
        self._agenda = Agenda()
        self._reports = Reports(city, air, self._agenda, keys)
        self._meter_of = {meter.radio_id: k for k, meter in enumerate(city.registry.meters)}
        self._points: dict[int, SmartPoint] = {}
        self._faults: dict[int, Fault] = {}
        self._floods: list[Flood] = []
        self._deliveries: Counter[int] = Counter()
        self._waiting: list[tuple[Order, Command]] = []

    @property
    def log(self) -> EventLog:
        """Every event that happened."""
        return self._reports.log

    def break_meter(self, badge: str, fault: Fault) -> None:
        """
        Let something be wrong with a meter from now on.

        Raises:
            UsageError: There is no such meter.
        """
        self._faults[self._named(badge)] = fault

    def flood(self, badge: str, begin_s: int, end_s: int, per_hour: int) -> None:
        """
        Let a meter repeat itself for a time.

        Raises:
            UsageError: There is no such meter.
        """
        self._floods.append(Flood(self._named(badge), begin_s, end_s, per_hour))

    def _named(self, badge: str) -> int:
        badges = [meter.badge for meter in self._city.registry.meters]
        if badge not in badges:
            raise UsageError(f"the script breaks {badge}, which is no meter of this city")
        return badges.index(badge)

    def step(self, until_s: int, orders: Sequence[Order] = ()) -> Gathered:
        """Let time pass, with orders that the collectors got at its beginning."""
        self._air.look_ahead()
        for order in orders:
            self._accept(order, self._air.now_s)
        self._agenda.run(self._air.now_s, until_s)
        self._reports.gathered.heard += floods.heard(self._floods, self._air, until_s)
        heard = self._air.step(until_s)
        if len(heard):
            self._reports.gathered.heard.append(heard)
            self._use_windows(heard)
        self._drop_expired(until_s)
        gathered, self._reports.gathered = self._reports.gathered, Gathered()
        return gathered

    def _accept(self, order: Order, at_s: int) -> None:
        """Take an envelope, or refuse it: the meter is unknown, or out of range."""
        if len(order.envelope) != ENVELOPE_SIZE:
            _log.warning("%d bytes are no envelope", len(order.envelope))
            return
        command = Command.of(order.envelope)
        meter = self._meter_of.get(command.radio_id)
        if (
            meter is None
            or self._keys is None
            or self._air.radio.level_dbm(meter, order.collector_id) is None
        ):
            self._tell(order, command, Stage.REFUSED, at_s)
        elif command.not_after < at_s:
            self._tell(order, command, Stage.EXPIRED, at_s)
        elif self._city.sites[meter].commodity is not Commodity.ELECTRIC:
            self._tell(order, command, Stage.ACCEPTED, at_s)
            self._waiting.append((order, command))
        else:
            self._tell(order, command, Stage.ACCEPTED, at_s)
            self._tell(order, command, Stage.ON_AIR, max(at_s, command.not_before))
            rng = generator(
                self._city.seed, "reply", command.radio_id, self._deliveries[command.radio_id]
            )
            delay_s = max(_REPLY_MIN_S, _REPLY_MEDIAN_S * rng.lognormal(0.0, _REPLY_SIGMA))
            self._agenda.plan(
                max(at_s, command.not_before) + delay_s,
                partial(self._arrive, order, command, meter),
            )

    def _use_windows(self, heard: Heard) -> None:
        """Speak to the battery meters that just talked."""
        for order, command in tuple(self._waiting):
            mine = (heard.frames["meter_id"] == command.radio_id) & (
                heard.collector == order.collector_id
            )
            if mine.any():
                heard_s = int(heard.arrived_s[mine].min())
                at_s = min(heard_s + _WINDOW_S, self._air.now_s)
                self._waiting.remove((order, command))
                self._tell(order, command, Stage.ON_AIR, at_s)
                self._arrive(order, command, self._meter_of[command.radio_id], at_s)

    def _drop_expired(self, at_s: int) -> None:
        for order, command in tuple(self._waiting):
            if command.not_after < at_s:
                self._waiting.remove((order, command))
                self._tell(order, command, Stage.EXPIRED, at_s)

    def _arrive(self, order: Order, command: Command, meter: int, at_s: int) -> None:
        """Let a command reach its meter, if that can hear."""
        radio, fault, point = self._air.radio, self._faults.get(meter), self._point(meter)
        level_dbm = radio.level_dbm(meter, order.collector_id)
        assert level_dbm is not None, "a collector refuses what is out of its range"
        deaf = radio.is_dead(meter) or fault is Fault.MUTE or not point.listens
        if deaf or not self._air.supply.has_line(meter, at_s):
            return
        rng = generator(self._city.seed, "arrival", command.radio_id, self._count(command.radio_id))
        is_lost = rng.random() < _UNANSWERED_SHARE
        is_faulty, kind = rng.random() < _FAULTY_SHARE, rng.integers(3)
        if self._is_harmless:
            is_lost = is_faulty = False
        if fault is None and is_faulty:
            fault = (Fault.FAIL_OPEN, Fault.FAIL_CLOSE, Fault.BACKFEED)[kind]
        could_transmit = point.transmits
        reaction = point.obey(
            command,
            Surroundings(
                at_s,
                self._key(meter),
                level_dbm,
                self._air.register_at(meter, at_s),
                fault,
            ),
        )
        if reaction.acted:
            self._follow(command, meter, at_s)
        self._complain(reaction.answer.result, reaction.complaint, meter, at_s)
        # Who is told to be silent says yes, however often it is told, and is silent after that.
        told_silence = command.opcode == Opcode.RADIO_OFF
        if (could_transmit or point.transmits or told_silence) and not is_lost:
            self._answer(order, reaction.answer, meter)
        if reaction.answer.result is Result.LOAD_SIDE_VOLTAGE:
            gone_s = at_s + int(rng.integers(*_GENERATOR_GONE_S))
            self._agenda.plan(gone_s, partial(self._close_late, order, meter))
        if reaction.acted and command.opcode == Opcode.ARM:
            pressed_s = at_s + int(rng.integers(*_BUTTON_S))
            self._agenda.plan(pressed_s, partial(self._press, order, meter))

    def _count(self, radio_id: int) -> int:
        self._deliveries[radio_id] += 1
        return self._deliveries[radio_id]

    def _follow(self, command: Command, meter: int, at_s: int) -> None:
        """Let the city feel what a meter did."""
        supply, point = self._air.supply, self._point(meter)
        opcode = Opcode(command.opcode)
        match opcode:
            case Opcode.OPEN | Opcode.CLOSE | Opcode.ARM:
                if point.position is _MOVES[opcode]:
                    self._move(meter, at_s, command.command_id)
            case Opcode.RADIO_OFF:
                if not supply.is_silent(meter):
                    supply.silence(meter, at_s + 1)
            case Opcode.RADIO_ON:
                if supply.is_silent(meter):
                    supply.unsilence(meter, at_s)
            case Opcode.READ_NOW:
                self._reports.gathered.heard.append(self._air.speak(meter, at_s, MTYPE_ON_DEMAND))
            case _:
                pass

    def _move(self, meter: int, at_s: int, command_id: bytes) -> None:
        """Note where a switch stands now, if it moved at all."""
        supply, position = self._air.supply, self._point(meter).position
        if supply.position(meter) is position:
            return
        supply.switch(Move(meter, at_s, position, command_id))
        self._air.changed(meter)
        self._reports.report(Event(meter, at_s, EventCode.SWITCH_CHANGED, sub=position))

    def _complain(self, result: Result, complaint: Code | None, meter: int, at_s: int) -> None:
        if complaint is not None:
            self._reports.report(Event(meter, at_s, _COMPLAINTS[complaint]))
        if result in _FAILURES:
            self._reports.report(Event(meter, at_s, EventCode.SWITCH_FAILED, sub=result))
        if result is Result.LOAD_SIDE_VOLTAGE:
            self._reports.report(Event(meter, at_s, EventCode.LOAD_SIDE_VOLTAGE))

    def _close_late(self, order: Order, meter: int, at_s: int) -> None:
        self._close_unasked(order, meter, self._point(meter).close_late, at_s)

    def _press(self, order: Order, meter: int, at_s: int) -> None:
        self._close_unasked(order, meter, self._point(meter).press, at_s)

    def _close_unasked(
        self, order: Order, meter: int, close: Callable[[int, int], Answer | None], at_s: int
    ) -> None:
        """Let a meter close by itself, if it has power and still wants to, and say so."""
        if not self._air.supply.has_line(meter, at_s):
            return
        answer = close(at_s, self._air.register_at(meter, at_s))
        if answer is not None:
            self._move(meter, at_s, answer.command.command_id)
            if self._point(meter).transmits:
                self._answer(order, answer, meter)

    def _answer(self, order: Order, answer: Answer, meter: int) -> None:
        content = answer.packed(self._key(meter))
        self._reports.gathered.records.append(Record(order.collector_id, SCHEMA_ANSWER, content))

    def _tell(self, order: Order, command: Command, stage: Stage, at_s: int) -> None:
        content = progress(command, stage, at_s)
        self._reports.gathered.records.append(Record(order.collector_id, SCHEMA_PROGRESS, content))

    def _point(self, meter: int) -> SmartPoint:
        if meter not in self._points:
            site, row = self._city.sites[meter], self._city.registry.meters[meter]
            error_s = int(self._air.radio.clock_error_s[meter])
            self._points[meter] = SmartPoint(row, site.commodity, error_s)
        return self._points[meter]

    def _key(self, meter: int) -> bytes:
        row = self._city.registry.meters[meter]
        assert self._keys is not None, "who has no keys accepts no commands"
        key = self._keys.command_key(row.radio_id, row.key_id)
        assert key is not None, "the registry names keys that there are"
        return key
