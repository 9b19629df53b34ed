"""Which source drives which channel: the whole city's load, block by block."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mdms.domain.readings import Int64
from mdms.domain.registry import Commodity, PremiseKind
from simulators.calendar import LocalDay
from simulators.channels import Block
from simulators.city import DEFAULT_INTERVALS_S, City
from simulators.households import Households
from simulators.load.electric import Commerce, HomePower, Homes
from simulators.load.gas import CommerceGas, HomeGas
from simulators.load.solar import SolarHomes
from simulators.load.source import Metered, Source
from simulators.load.voltage import Lines
from simulators.load.water import CommerceWater, HomeWater, Leaking, Leaks
from simulators.profiles import HALF_HOUR_S, HOUR_S, Profiles, Replay
from simulators.weather import Weather

_ELECTRIC_S = DEFAULT_INTERVALS_S[Commodity.ELECTRIC]


@dataclass(frozen=True, slots=True)
class Group:
    """Meters that one source drives; its rows are their first channels, then their second."""

    meter: Int64
    source: Source


@dataclass(frozen=True, slots=True)
class Customers:
    """
    Everyone who uses something.

    Attributes:
        groups: Every meter is in exactly one.
        leaks: `row` is the position of the leaking meter in the city.
        lines: What their use does to the voltage.
    """

    groups: Sequence[Group]
    leaks: Leaks
    lines: Lines


def customers_of(city: City, profiles: Profiles | None) -> Customers:
    """Return the people of a city; who has a series to follow follows it."""
    replayed = profiles or Profiles((), (), ())
    start, seed = LocalDay.at(city.start_s), city.seed
    weather, households = Weather(seed), Households(city.customers, seed)
    power = HomePower(households, weather, seed)
    household = np.array([site.household for site in city.sites], np.int64)
    behind = np.array([site.households for site in city.sites], np.int64)

    homes, shops = _meters(city, Commodity.ELECTRIC), _shops(city, Commodity.ELECTRIC)
    roofs = _meters(city, Commodity.ELECTRIC, net_metered=True)
    taps, shop_taps = _meters(city, Commodity.WATER), _shops(city, Commodity.WATER)
    stoves, shop_stoves = _meters(city, Commodity.GAS), _shops(city, Commodity.GAS)

    groups = [
        Group(stoves, HomeGas(households, weather, household[stoves], seed)),
        Group(shop_stoves, CommerceGas(len(shop_stoves), weather, seed)),
    ]
    if replayed.electric:
        both = np.concatenate([homes, shops])
        groups.append(Group(both, Replay(replayed.electric, len(both), HALF_HOUR_S, start, seed)))
    else:
        groups.append(Group(homes, Homes(power, household[homes], _ELECTRIC_S, seed)))
        groups.append(Group(shops, Commerce(len(shops), weather, _ELECTRIC_S, seed)))
    if replayed.solar:
        source: Source = Replay(replayed.solar, len(roofs), HALF_HOUR_S, start, seed)
    else:
        source = SolarHomes(power, weather, household[roofs], _ELECTRIC_S, seed)
    groups.append(Group(roofs, source))

    # A replayed series has leaks of its own that nobody wrote down: none are added to it.
    leaks = Leaks.spring(0 if replayed.water else len(taps), city.start_s, seed)
    if replayed.water:
        both = np.concatenate([taps, shop_taps])
        groups.append(Group(both, Replay(replayed.water, len(both), HOUR_S, start, seed)))
    else:
        water = HomeWater(households, weather, household[taps], behind[taps], seed)
        groups.append(Group(taps, Leaking(water, leaks)))
        groups.append(Group(shop_taps, CommerceWater(len(shop_taps), seed)))
    kept = [group for group in groups if len(group.meter)]
    return Customers(kept, leaks.at(taps), Lines.of(city))


def _meters(city: City, commodity: Commodity, *, net_metered: bool = False) -> Int64:
    """Return the positions of meters at homes."""
    return np.array(
        [
            meter
            for meter, site in enumerate(city.sites)
            if (site.commodity, site.net_metered) == (commodity, net_metered)
            and site.kind is not PremiseKind.COMMERCIAL
        ],
        np.int64,
    )


def _shops(city: City, commodity: Commodity) -> Int64:
    """Return the positions of meters at shops and offices."""
    return np.array(
        [
            meter
            for meter, site in enumerate(city.sites)
            if site.commodity is commodity and site.kind is PremiseKind.COMMERCIAL
        ],
        np.int64,
    )


class Load:
    """What every channel of the city measures on any day."""

    def __init__(self, customers: Customers, blocks: Sequence[Block]) -> None:
        self._blocks, self._lines = blocks, customers.lines
        groups = customers.groups
        meters = 1 + max(int(block.meter.max()) for block in blocks)
        number = np.full((meters, 2), -1, np.int64)
        for block in blocks:
            used = ~block.measures_voltage
            number[block.meter[used], block.ordinal[used]] = block.first + np.flatnonzero(used)
        self._channels: list[Int64] = []
        self._sources = [group.source for group in groups]
        for group in groups:
            channel = number[group.meter].T.ravel()
            self._channels.append(channel[channel >= 0])

    def day(self, day: LocalDay) -> Sequence[Metered]:
        """Return the day of each block."""
        days = [
            Metered.whole(np.full((len(block), day.slots(block.interval_s)), -1, np.int64))
            for block in self._blocks
        ]
        ends = np.array([block.first + len(block) for block in self._blocks])
        for source, channel in zip(self._sources, self._channels, strict=True):
            metered = source.day(day)
            at = int(np.searchsorted(ends, channel[0], side="right"))
            rows = channel - self._blocks[at].first
            days[at].value[rows] = metered.value
            days[at].gap[rows] = metered.gap
        self._lines.measure(day, self._blocks, days)
        assert all((one.value >= 0).all() for one in days), "every channel has a source"
        return days
