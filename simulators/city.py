"""A city: its registry and, meter by meter, what the simulation knows beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mdms.domain.reading_types import ReadingType
from mdms.domain.readings import Int64
from mdms.domain.registry import Commodity, PremiseKind, Registry

VOLTAGE_INTERVAL_S = 3600
"""Voltage is told as hourly means."""

DEFAULT_INTERVALS_S = {Commodity.ELECTRIC: 900, Commodity.WATER: 3600, Commodity.GAS: 3600}


@dataclass(frozen=True, slots=True)
class MeterSite:
    """
    What the simulation knows of one meter beside its registry row.

    Attributes:
        kind: What stands at the premise.
        latitude: Of the premise [degrees].
        longitude: Of the premise [degrees].
        household: Number of the first household behind the meter; for commerce a number of
            its own in the same count.
        households: How many households are behind it; 0 for commerce.
        net_metered: Whether a roof feeds back, so that there are two channels.
        initial: Register of each channel at the start [quanta], below the modulus; 0 for voltage.
        reading_types: Reading type of each channel; voltage, where it is measured, comes last.
    """

    kind: PremiseKind
    commodity: Commodity
    latitude: float
    longitude: float
    household: int
    households: int
    net_metered: bool
    initial: tuple[int, ...]
    reading_types: tuple[ReadingType, ...]


@dataclass(frozen=True, slots=True)
class City:
    """
    The registry and, row by row with its meters, what the simulation needs to know of them.

    Attributes:
        registry: What `mdms registry import` reads.
        sites: One for each of `registry.meters`.
        customers: How many households and businesses there are.
        start_s: Start of the first interval, seconds since 1970-01-01 UTC.
        seed: What the city was grown from.
    """

    registry: Registry
    sites: Sequence[MeterSite]
    customers: int
    start_s: int
    seed: int

    def moduli(self) -> Int64:
        """Return where each meter's register wraps [quanta], shape (meters,)."""
        return np.array([10**meter.register_dials for meter in self.registry.meters], np.int64)


@dataclass(frozen=True, slots=True)
class Intervals:
    """
    Interval length of each kind of channel [s]; a replayed series brings its own.

    Attributes:
        by_commodity: Of meters that only deliver.
        net_metered: Of electric meters with a roof behind them.
    """

    by_commodity: Mapping[Commodity, int] = field(default_factory=lambda: DEFAULT_INTERVALS_S)
    net_metered: int = DEFAULT_INTERVALS_S[Commodity.ELECTRIC]
