"""What stands in the city: how many meters of each commodity, and the premises that share them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mdms.domain.registry import Commodity, PremiseKind

MIX = {Commodity.ELECTRIC: 30_326, Commodity.WATER: 20_000, Commodity.GAS: 24_000}
"""Endpoints of Palo Alto by commodity; every city here has the same mix."""

_COMMERCIAL_SHARE = 0.06
_COMMERCE_FROM = 30
"""A hamlet of fewer premises has homes only."""
_UNITS_MAX = 12


@dataclass(frozen=True, slots=True)
class Site:
    """
    One premise before it has names.

    Attributes:
        kind: What stands there.
        units: Electric services: one, or one for each flat.
        gas_units: How many of them have gas of their own.
        has_water: Whether there is a water service, shared by all units.
    """

    kind: PremiseKind
    units: int
    gas_units: int
    has_water: bool


def meter_counts(meters: int) -> dict[Commodity, int]:
    """Split a number of meters by the mix, by largest remainder; the counts sum to `meters`."""
    total = sum(MIX.values())
    counts = {commodity: meters * share // total for commodity, share in MIX.items()}
    by_remainder = sorted(MIX, key=lambda commodity: -(meters * MIX[commodity] % total))
    for commodity in by_remainder[: meters - sum(counts.values())]:
        counts[commodity] += 1
    return counts


def plan_sites(counts: dict[Commodity, int], rng: np.random.Generator) -> Sequence[Site]:
    """
    Return premises that use up exactly these meters.

    Every premise has one water service. Electric services outnumber them, so the surplus lives
    in buildings of several flats; gas reaches every house first and then some of the flats.
    """
    electric, water, gas = (counts[c] for c in (Commodity.ELECTRIC, Commodity.WATER, Commodity.GAS))
    site_count = max(water, 1)
    surplus = electric - site_count
    assert surplus >= 0, "the mix has more electric than water services"
    buildings: list[int] = []
    while surplus:
        units = min(surplus + 1, int(rng.integers(3, _UNITS_MAX + 1)))
        buildings.append(units)
        surplus -= units - 1
    houses = site_count - len(buildings)
    assert houses >= 0, "a building never holds less than two flats"
    commercial = round(_COMMERCIAL_SHARE * houses) if houses >= _COMMERCE_FROM else 0

    sites = []
    for number in range(houses):
        kind = PremiseKind.COMMERCIAL if number < commercial else PremiseKind.SINGLE_FAMILY
        sites.append(Site(kind, 1, min(gas, 1), water > 0))
        gas -= min(gas, 1)
    for units in buildings:
        with_gas = min(gas, units)
        sites.append(Site(PremiseKind.MULTI_UNIT, units, with_gas, water > 0))
        gas -= with_gas
    assert gas == 0, "the mix has fewer gas than electric services"
    return [sites[position] for position in rng.permutation(len(sites))]
