"""
Between towers and meters: commands find their meter, meters act, speak and complain.

Powered meters always listen; battery meters only right after they talked. Everything that
happens has a time of its own within a step, and depends on the seed and on what was ordered.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from heapq import heappop, heappush
from itertools import count

from mdms.domain.registry import Commodity
from simulators.air import Air, Heard
from simulators.alarms import Alarms, Event, EventCode, EventLog, Reporter
from simulators.city import City
from simulators.encoders import (
    MTYPE_ON_DEMAND,
    MTYPE_RESTORED,
    SCHEMA_ANSWER,
    SCHEMA_PROGRESS,
)
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
from simulators.keys import Keys
from simulators.radio import Faults
from simulators.seeds import generator
from simulators.supply import Move, Outage
from simulators.switch import Code, Fault, SmartPoint, Surroundings

_REPLY_MEDIAN_S, _REPLY_SIGMA = 8.0, 1.05
_REPLY_MIN_S = 1.0
_UNANSWERED_SHARE = 0.02
_FAULTY_SHARE = 0.003
_WINDOW_S = 1
"""A battery meter listens this long after it talked, and answers at once."""
_BUTTON_S = (300, 7_200)
_GENERATOR_GONE_S = (3_600, 6 * 3_600)
_GASP_SHARE = 0.6
_GASPS = (3, 7)
_GASP_WAIT_S = (10, 162)
_GASP_SPREAD_S = 48
_RESTORES = 6
_RESTORE_SPREAD_S = (5, 300)
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


@dataclass(frozen=True, slots=True)
class Record:
    """64 bytes that a collector passes up: a meter's answer, or its own progress."""

    collector_id: int
    schema_id: int
    content: bytes


@dataclass(slots=True)
class Gathered:
    """What all collectors took in during one step."""

    heard: list[Heard] = field(default_factory=list)
    alarms: list[Alarms] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether nobody took in anything."""
        return not (self.heard or self.alarms or self.records)


class Field:
    """
    The meters of a city, reachable through its air.

    Attributes:
        log: Every event that happened.
    """

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
        self.log = EventLog()
        self._city, self._air, self._keys = city, air, keys
        self._is_harmless = faults is Faults.NONE
        self._reporter = Reporter(city, air.radio, keys)
        self._meter_of = {meter.radio_id: k for k, meter in enumerate(city.registry.meters)}
        self._points: dict[int, SmartPoint] = {}
        self._faults: dict[int, Fault] = {}
        self._deliveries: Counter[int] = Counter()
        self._waiting: list[tuple[Order, Command]] = []
        self._due: list[tuple[int, int, Callable[[int], None]]] = []
        self._numbers = count()
        self._gathered = Gathered()
        for outage in air.supply.outages:
            for meter in outage.meters:
                self._plan_outage(outage, meter)

    def break_meter(self, badge: str, fault: Fault) -> None:
        """Let something be wrong with a meter from now on."""
        badges = [meter.badge for meter in self._city.registry.meters]
        self._faults[badges.index(badge)] = fault

    def step(self, until_s: int, orders: Sequence[Order] = ()) -> Gathered:
        """Let time pass, with orders that the collectors got at its beginning."""
        self._air.look_ahead()
        for order in orders:
            self._accept(order, self._air.now_s)
        self._run(until_s)
        heard = self._air.step(until_s)
        if len(heard):
            self._gathered.heard.append(heard)
            self._use_windows(heard)
        self._drop_expired(until_s)
        gathered, self._gathered = self._gathered, Gathered()
        return gathered

    def _at(self, at_s: float, act: Callable[[int], None]) -> None:
        heappush(self._due, (round(at_s), next(self._numbers), act))

    def _run(self, until_s: int) -> None:
        while self._due and self._due[0][0] <= until_s:
            at_s, _, act = heappop(self._due)
            act(max(at_s, self._air.now_s))

    def _accept(self, order: Order, at_s: int) -> None:
        """Take an envelope, or refuse it: the meter is unknown, or out of range."""
        if len(order.envelope) != ENVELOPE_SIZE:
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
            self._at(
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
        if (could_transmit or point.transmits) and not is_lost:
            self._answer(order, reaction.answer, meter)
        if reaction.answer.result is Result.LOAD_SIDE_VOLTAGE:
            gone_s = at_s + int(rng.integers(*_GENERATOR_GONE_S))
            self._at(gone_s, partial(self._close_late, order, meter))
        if reaction.acted and command.opcode == Opcode.ARM:
            pressed_s = at_s + int(rng.integers(*_BUTTON_S))
            self._at(pressed_s, partial(self._press, order, meter))

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
                self._gathered.heard.append(self._air.speak(meter, at_s, MTYPE_ON_DEMAND))
            case _:
                pass

    def _move(self, meter: int, at_s: int, command_id: bytes) -> None:
        """Note where a switch stands now, if it moved at all."""
        supply, position = self._air.supply, self._point(meter).position
        if supply.position(meter) is position:
            return
        supply.switch(Move(meter, at_s, position, command_id))
        self._air.changed(meter)
        self._report(Event(meter, at_s, EventCode.SWITCH_CHANGED, sub=position))

    def _complain(self, result: Result, complaint: Code | None, meter: int, at_s: int) -> None:
        if complaint is not None:
            self._report(Event(meter, at_s, _COMPLAINTS[complaint]))
        if result in _FAILURES:
            self._report(Event(meter, at_s, EventCode.SWITCH_FAILED, sub=result))
        if result is Result.LOAD_SIDE_VOLTAGE:
            self._report(Event(meter, at_s, EventCode.LOAD_SIDE_VOLTAGE))

    def _close_late(self, order: Order, meter: int, at_s: int) -> None:
        answer = self._point(meter).close_late(at_s, self._air.register_at(meter, at_s))
        self._unasked(order, meter, at_s, answer)

    def _press(self, order: Order, meter: int, at_s: int) -> None:
        answer = self._point(meter).press(at_s, self._air.register_at(meter, at_s))
        self._unasked(order, meter, at_s, answer)

    def _unasked(self, order: Order, meter: int, at_s: int, answer: Answer | None) -> None:
        if answer is not None:
            self._move(meter, at_s, answer.command.command_id)
            self._answer(order, answer, meter)

    def _answer(self, order: Order, answer: Answer, meter: int) -> None:
        content = answer.packed(self._key(meter))
        self._gathered.records.append(Record(order.collector_id, SCHEMA_ANSWER, content))

    def _tell(self, order: Order, command: Command, stage: Stage, at_s: int) -> None:
        content = progress(command, stage, at_s)
        self._gathered.records.append(Record(order.collector_id, SCHEMA_PROGRESS, content))

    def _plan_outage(self, outage: Outage, meter: int) -> None:
        """Let a meter gasp when its power goes, and report when it is back."""
        rng = generator(self._city.seed, "outage", outage.start_s, meter)
        fails = Event(meter, outage.start_s, EventCode.POWER_FAIL)
        gasp_s = outage.start_s + rng.uniform(*_GASP_WAIT_S)
        gasps = gasp_s + rng.uniform(0, _GASP_SPREAD_S, int(rng.integers(*_GASPS)))
        is_heard = rng.random() < _GASP_SHARE
        self._at(outage.start_s, partial(self._announce, fails, sorted(gasps) if is_heard else ()))
        back = Event(meter, outage.end_s, EventCode.RESTORED, value=outage.end_s - outage.start_s)
        restores = outage.end_s + rng.uniform(*_RESTORE_SPREAD_S, _RESTORES)
        self._at(outage.end_s, partial(self._announce, back, sorted(restores)))
        self._at(restores.max() + 1, partial(self._read_restored, meter))

    def _read_restored(self, meter: int, at_s: int) -> None:
        if self._point(meter).transmits:
            self._gathered.heard.append(self._air.speak(meter, at_s, MTYPE_RESTORED))

    def _report(self, event: Event) -> None:
        self._announce(event, [event.at_s], event.at_s)

    def _announce(self, event: Event, times_s: Sequence[float], at_s: int) -> None:
        """Write an event down, and send its frame at these times."""
        row = self.log.add(event)
        frame = self._reporter.frame(event, self._air.register_at(event.meter, at_s))
        if self._point(event.meter).transmits:
            alarms = self._reporter.heard(event, frame, row)
            for time_s in times_s:
                self._at(time_s, lambda _: self._gathered.alarms.append(alarms))

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
