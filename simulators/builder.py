"""
Growing a city from a seed: premises, transformers, accounts and meters, in the order of a crew.

Homes share premises and accounts across commodities, so that a household's electricity, gas and
water tell the same story; the same seed gives the same city, whatever is simulated in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import numpy as np

from mdms.domain.reading_types import VOLTAGE_CHANNEL, ReadingType, reading_type
from mdms.domain.registry import (
    Account,
    Agreement,
    Channel,
    Collector,
    Commodity,
    Contact,
    Meter,
    Premise,
    PremiseKind,
    Radio,
    Registry,
    Transformer,
    UsagePoint,
)
from mdms.domain.time import from_epoch_s
from simulators import equipment
from simulators.calendar import LocalDay
from simulators.city import VOLTAGE_INTERVAL_S, City, Intervals, MeterSite
from simulators.people import contact
from simulators.premises import MIX, Site, meter_counts, plan_sites
from simulators.seeds import generator

COLLECTORS = (
    Collector(1, "Foothill Tank", 37.4070, -122.1640),
    Collector(2, "Bayshore Yard", 37.4510, -122.1130),
    Collector(3, "Civic Roof", 37.4445, -122.1600),
    Collector(4, "Creekside Substation", 37.4180, -122.1150),
    Collector(5, "Midtown Mast", 37.4310, -122.1320),
)
"""Five towers, as the city of that size has."""

SOLAR_SHARE = 0.08
SWITCH_SHARE = 500 / MIX[Commodity.ELECTRIC]
"""Meters of the pilot, which have a service switch."""
_SWITCHES_MIN = 2
"""Even a small city has some to command."""
_SWITCHES_MAX = 500
"""A larger city has no larger pilot."""
ROLLOVER_SHARE = 0.01
"""Electric meters whose register is about to wrap."""

_INSTALLED_BEFORE = timedelta(minutes=5)
"""Meters go live just before the start, so that the first interval at the start is whole."""
_HOMES_PER_TRANSFORMER = 10
_BELLWETHER_EVERY = 5
"""Every so many homes on a transformer have a meter that tells its voltage."""
_TRANSFORMERS_PER_FEEDER = 60
_CYCLES = 20
_WATER_ZONES = 4
_SOUTH, _NORTH, _WEST, _EAST = 37.405, 37.455, -122.168, -122.108


def build(*, meters: int, start: date, seed: int, intervals: Intervals | None = None) -> City:
    """
    Return the city of a seed.

    Args:
        meters: Meters of all commodities together, at least 1.
        start: Local day at whose midnight the first interval starts.
        seed: Everything follows from it; not negative.
        intervals: Lengths of intervals; by default 15 minutes for electricity and an hour for
            water and gas.
    """
    return _Builder(meters, start, seed, intervals or Intervals()).city()


@dataclass(frozen=True, slots=True)
class _Service:
    """
    One metered service at a premise.

    Attributes:
        customer: First household or the business behind the meter.
        customers: How many there are.
        has_roof: Whether it feeds back.
        has_switch: Whether its meter is of the pilot.
        before_wrap: How far the register is from its end [quanta], or None when far.
        tells_voltage: Whether its meter measures voltage too.
    """

    premise: Premise
    account: Account
    commodity: Commodity
    customer: int
    customers: int = 1
    has_roof: bool = False
    has_switch: bool = False
    before_wrap: int | None = None
    tells_voltage: bool = False


class _Builder:
    """Grows one city."""

    def __init__(self, meters: int, start: date, seed: int, intervals: Intervals) -> None:
        self._start, self._seed, self._intervals = start, seed, intervals
        self._start_s = LocalDay.of(start).start_s
        self._rng = generator(seed, "city")
        self._plan = plan_sites(meter_counts(meters), self._rng)
        self._radio_ids = self._rng.choice(80_000_000, size=meters, replace=False) + 10_000_000
        self._roofs, self._switches, self._wraps = self._choose_houses()
        self._transformers: list[Transformer] = []
        self._premises: list[Premise] = []
        self._usage_points: list[UsagePoint] = []
        self._accounts: list[Account] = []
        self._agreements: list[Agreement] = []
        self._contacts: list[Contact] = []
        self._meters: list[Meter] = []
        self._channels: list[Channel] = []
        self._sites: list[MeterSite] = []
        self._customers = 0

    def city(self) -> City:
        """Return the finished city."""
        on_transformer = _HOMES_PER_TRANSFORMER
        for site in self._plan:
            if on_transformer >= _HOMES_PER_TRANSFORMER:
                self._raise_transformer()
                on_transformer = 0
            self._settle(site, on_transformer)
            on_transformer += site.units
        registry = Registry(
            transformers=tuple(self._transformers),
            premises=tuple(self._premises),
            usage_points=tuple(self._usage_points),
            accounts=tuple(self._accounts),
            agreements=tuple(self._agreements),
            meters=tuple(self._meters),
            collectors=COLLECTORS,
            channels=tuple(self._channels),
            contacts=tuple(self._contacts),
        )
        return City(registry, self._sites, self._customers, self._start_s, self._seed)

    def _choose_houses(self) -> tuple[frozenset[int], frozenset[int], Mapping[int, int]]:
        """
        Choose premises: with a roof, with a switch, and with a register about to wrap.

        The last maps to how far the register is from its end [Wh]; the first of them wraps
        within the first day.
        """
        houses = [
            number
            for number, site in enumerate(self._plan)
            if site.kind is PremiseKind.SINGLE_FAMILY
        ]
        electric = sum(site.units for site in self._plan)
        solar = min(len(houses), round(SOLAR_SHARE * electric))
        switch = max(_SWITCHES_MIN, round(SWITCH_SHARE * electric))
        switch = min(len(houses), _SWITCHES_MAX, switch)
        wrapping = min(len(houses), max(1, round(ROLLOVER_SHARE * electric)))
        shuffled = [houses[k] for k in self._rng.permutation(len(houses))]
        distances = [2_000, *self._rng.integers(10_000, 300_000, size=len(houses)).tolist()]
        return (
            frozenset(shuffled[:solar]),
            frozenset(self._rng.permutation(shuffled)[:switch].tolist()),
            dict(zip(reversed(shuffled[-wrapping:]), distances, strict=False)),
        )

    def _raise_transformer(self) -> None:
        number = len(self._transformers)
        feeder = number // _TRANSFORMERS_PER_FEEDER
        # A feeder's transformers stand together.
        centre = generator(self._seed, "feeder", feeder).random(2)
        spread = self._rng.normal(0.0, 0.15, 2)
        across, along = np.clip(centre + spread, 0.0, 1.0)
        self._transformers.append(
            Transformer(
                transformer_id=f"TX{number + 1:05d}",
                feeder_id=f"FD{feeder + 1:02d}",
                kva=Decimal(str(self._rng.choice(["37.5", "50", "75", "100"]))),
                latitude=round(float(_SOUTH + (_NORTH - _SOUTH) * along), 6),
                longitude=round(float(_WEST + (_EAST - _WEST) * across), 6),
            )
        )

    def _settle(self, site: Site, on_transformer: int) -> None:
        """Add one premise with everything in it; so many homes are on its transformer already."""
        number = len(self._premises)
        premise = self._open_premise(site.kind)
        first_customer = self._customers
        account = None
        for unit in range(site.units):
            account = self._open_account(site.kind, number)
            self._serve(
                _Service(
                    premise,
                    account,
                    Commodity.ELECTRIC,
                    self._customers,
                    has_roof=number in self._roofs,
                    has_switch=number in self._switches,
                    before_wrap=self._wraps.get(number),
                    tells_voltage=(on_transformer + unit) % _BELLWETHER_EVERY == 0
                    and site.kind is not PremiseKind.COMMERCIAL
                    and number not in self._roofs | self._switches,
                )
            )
            if unit < site.gas_units:
                self._serve(_Service(premise, account, Commodity.GAS, self._customers))
            self._customers += 1
        if site.has_water:
            if site.kind is PremiseKind.MULTI_UNIT:
                account = self._open_account(site.kind, number, customer_type="landlord")
            assert account is not None, "somebody lives at every premise"
            self._serve(
                _Service(premise, account, Commodity.WATER, first_customer, customers=site.units)
            )

    def _open_premise(self, kind: PremiseKind) -> Premise:
        transformer = self._transformers[-1]
        north, east = self._rng.normal(0.0, 0.0006, 2)
        premise = Premise(
            premise_id=f"PR{len(self._premises) + 1:06d}",
            kind=kind,
            latitude=round(float(transformer.latitude + north), 6),
            longitude=round(float(transformer.longitude + east), 6),
            transformer_id=transformer.transformer_id,
            water_zone=f"Z{1 + self._feeder() % _WATER_ZONES}",
            flags=(),
        )
        self._premises.append(premise)
        return premise

    def _open_account(
        self, kind: PremiseKind, premise_number: int, customer_type: str | None = None
    ) -> Account:
        account_id = f"AC{len(self._accounts) + 1:06d}"
        usual = "commercial" if kind is PremiseKind.COMMERCIAL else "residential"
        account = Account(
            account_id=account_id,
            master_account_id=account_id,
            customer_type=customer_type or usual,
            opened_on=self._start - timedelta(days=int(self._rng.integers(30, 9_000))),
            closed_on=None,
        )
        self._accounts.append(account)
        self._contacts.append(contact(account_id, 100 + 4 * premise_number, self._rng))
        return account

    def _serve(self, service: _Service) -> None:
        """Add a usage point with its meter and channels, and who pays for it."""
        commodity, number = service.commodity, len(self._meters)
        sizes = equipment.SIZES.get(
            (commodity, service.premise.kind), equipment.USUAL_SIZES[commodity]
        )
        usage_point = UsagePoint(
            usage_point_id=f"UP{number + 1:06d}",
            premise_id=service.premise.premise_id,
            commodity=commodity,
            service_class=str(self._rng.choice(sizes)),
            billing_cycle=1 + self._feeder() % _CYCLES,
            net_metering=service.has_roof,
            temporary=False,
            irregular_usage=False,
        )
        self._usage_points.append(usage_point)
        self._agreements.append(
            Agreement(
                service.account.account_id,
                usage_point.usage_point_id,
                start_on=service.account.opened_on,
                end_on=None,
            )
        )
        meter = self._meter(service, usage_point)
        kinds = self._reading_types(service)
        self._meters.append(meter)
        self._channels.extend(
            Channel(meter.badge, kind.channel, kind.name, kind.interval_s, kind.unit)
            for kind in kinds
        )
        self._sites.append(self._meter_site(service, meter, kinds))

    def _meter(self, service: _Service, usage_point: UsagePoint) -> Meter:
        number, letter = len(self._meters), equipment.LETTER[service.commodity]
        return Meter(
            badge=f"{letter}{2_000_001 + number}",
            serial=f"{letter}S{self._rng.integers(10**9):09d}",
            radio_id=int(self._radio_ids[number]),
            usage_point_id=usage_point.usage_point_id,
            model=f"{usage_point.service_class}{'_switch' if service.has_switch else ''}",
            installed_at=from_epoch_s(self._start_s) - _INSTALLED_BEFORE,
            removed_at=None,
            has_switch=service.has_switch,
            pilot=service.has_switch,
            radio=Radio.ON,
            register_dials=int(self._rng.choice(equipment.DIALS[service.commodity])),
            register_resolution=1,
            multiplier=1,
            key_id=1,
        )

    def _reading_types(self, service: _Service) -> tuple[ReadingType, ...]:
        commodity, intervals = service.commodity, self._intervals
        if service.has_roof:
            return tuple(reading_type(commodity, k, intervals.net_metered) for k in (0, 1))
        delivered = reading_type(commodity, 0, intervals.by_commodity[commodity])
        if service.tells_voltage:
            return delivered, reading_type(commodity, VOLTAGE_CHANNEL, VOLTAGE_INTERVAL_S)
        return (delivered,)

    def _meter_site(
        self, service: _Service, meter: Meter, kinds: tuple[ReadingType, ...]
    ) -> MeterSite:
        modulus = 10**meter.register_dials
        initial = [
            0 if kind.channel == VOLTAGE_CHANNEL else int(self._rng.integers(0, modulus * 9 // 10))
            for kind in kinds
        ]
        if service.before_wrap is not None:
            initial[0] = modulus - service.before_wrap
        is_commercial = service.premise.kind is PremiseKind.COMMERCIAL
        return MeterSite(
            kind=service.premise.kind,
            commodity=service.commodity,
            latitude=service.premise.latitude,
            longitude=service.premise.longitude,
            household=service.customer,
            households=0 if is_commercial else service.customers,
            net_metered=service.has_roof,
            initial=tuple(initial),
            reading_types=kinds,
        )

    def _feeder(self) -> int:
        """Return the number of the feeder that is being built, from 0."""
        return (len(self._transformers) - 1) // _TRANSFORMERS_PER_FEEDER
