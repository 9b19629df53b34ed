"""Meters that report: at once what happens to them, and an outage before and after it."""

from collections.abc import Sequence
from functools import partial

from simulators.agenda import Agenda
from simulators.air import Air
from simulators.alarms import Event, EventCode, EventLog, Reporter
from simulators.city import City
from simulators.encoders import MTYPE_RESTORED
from simulators.gathered import Gathered
from simulators.keys import Keys
from simulators.seeds import generator
from simulators.supply import Outage

_GASP_SHARE = 0.6
"""How many meters' last gasp gets through."""
_GASPS = (3, 7)
_GASP_WAIT_S = (10, 162)
_GASP_SPREAD_S = 48
_RESTORES = 6
_RESTORE_SPREAD_S = (5, 300)


class Reports:
    """
    Everything that meters report unasked.

    Attributes:
        log: Every event that happened, reported or not.
        gathered: Where frames go when their time has come; whoever takes them leaves a new one.
    """

    def __init__(self, city: City, air: Air, agenda: Agenda, keys: Keys | None) -> None:
        """Plan the reports of the outages that `air.supply` knows."""
        self.log = EventLog()
        self.gathered = Gathered()
        self._seed, self._air, self._agenda = city.seed, air, agenda
        self._reporter = Reporter(city, air.radio, keys)
        for outage in air.supply.outages:
            for meter in outage.meters:
                self._plan_outage(outage, meter)

    def report(self, event: Event) -> None:
        """Write an event down and send it at once."""
        self._announce(event, [event.at_s], event.at_s)

    def _plan_outage(self, outage: Outage, meter: int) -> None:
        """Let a meter gasp when its power goes, and report when it is back."""
        rng = generator(self._seed, "outage", outage.start_s, meter)
        fails = Event(meter, outage.start_s, EventCode.POWER_FAIL)
        gasp_s = outage.start_s + rng.uniform(*_GASP_WAIT_S)
        gasps = gasp_s + rng.uniform(0, _GASP_SPREAD_S, int(rng.integers(*_GASPS)))
        is_heard = rng.random() < _GASP_SHARE
        self._agenda.plan(
            outage.start_s, partial(self._announce, fails, sorted(gasps) if is_heard else ())
        )
        back = Event(meter, outage.end_s, EventCode.RESTORED, value=outage.end_s - outage.start_s)
        restores = outage.end_s + rng.uniform(*_RESTORE_SPREAD_S, _RESTORES)
        self._agenda.plan(outage.end_s, partial(self._announce, back, sorted(restores)))
        self._agenda.plan(restores.max() + 1, partial(self._read_restored, meter))

    def _read_restored(self, meter: int, at_s: int) -> None:
        if not self._air.supply.is_silent(meter):
            self.gathered.heard.append(self._air.speak(meter, at_s, MTYPE_RESTORED))

    def _announce(self, event: Event, times_s: Sequence[float], at_s: int) -> None:
        """Write an event down, and send its frame at these times."""
        row = self.log.add(event)
        frame = self._reporter.frame(event, self._air.register_at(event.meter, at_s))
        if not self._air.supply.is_silent(event.meter):
            alarms = self._reporter.heard(event, frame, row)
            for time_s in times_s:
                self._agenda.plan(time_s, lambda _: self.gathered.alarms.append(alarms))
