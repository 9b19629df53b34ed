"""
Voltage at some meters: what comes down their feeder, less what flows through wire and transformer.

Utilities read it from a few meters of each transformer and take their median for its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from mdms.domain.readings import Int64
from mdms.domain.registry import WIRE_COMMODITY, Commodity
from simulators.arrays import Floats
from simulators.calendar import LocalDay
from simulators.channels import Block
from simulators.city import VOLTAGE_INTERVAL_S, City
from simulators.load.source import Metered
from simulators.seeds import generator

BASE_V = 120.0
_SUBSTATION_V = (120.8, 1.9)
"""Mean and spread of what transformers give without load: taps are set once and differ."""
_FEEDER_DROP_V = (0.5, 4.0)
"""Lost on the way from the substation when all transformers are loaded as much as is usual."""
_USUAL_LOAD = 0.35
"""Of the nameplates."""
_IMPEDANCE = (-3.0, 0.6)
"""Voltage lost in a transformer and its mains at its full load, as a share: logarithm, spread."""
_SERVICE_OHM = (0.01, 0.05)
"""Of the wire between a transformer and its nearest and its farthest meter."""
_POWER_FACTOR = 0.95
_WANDERING_V = 0.35
"""Regulators step up and down."""
_DELIVERED, _RECEIVED = (WIRE_COMMODITY[Commodity.ELECTRIC] << 4 | low for low in (0, 1))


@dataclass(frozen=True, slots=True)
class Lines:
    """
    The wires between a substation and its meters.

    Attributes:
        transformer: Behind which transformer each meter of the city is, shape (meters,).
        feeder: On which feeder each transformer is, shape (transformers,).
        kva: Nameplate of each transformer.
        idle_v: What each transformer gives without any load.
        feeder_drop_v: What its feeder takes at the usual load.
        impedance: Share of the voltage that is lost at its full load.
        service_ohm: Of each meter's own wire, shape (meters,).
    """

    transformer: Int64
    feeder: Int64
    kva: Floats
    idle_v: Floats
    feeder_drop_v: Floats
    impedance: Floats
    service_ohm: Floats
    seed: int

    @classmethod
    def of(cls, city: City) -> Self:
        """Return those of a city."""
        registry, rng = city.registry, generator(city.seed, "lines")
        row = {each.transformer_id: number for number, each in enumerate(registry.transformers)}
        premises = {each.premise_id: row[each.transformer_id] for each in registry.premises}
        points = {each.usage_point_id: premises[each.premise_id] for each in registry.usage_points}
        names = [each.feeder_id for each in registry.transformers]
        count = len(row)
        return cls(
            transformer=np.array(
                [points[each.usage_point_id] for each in registry.meters], np.int64
            ),
            feeder=np.unique(names, return_inverse=True)[1].astype(np.int64),
            kva=np.array([float(each.kva) for each in registry.transformers]),
            idle_v=rng.normal(*_SUBSTATION_V, count),
            feeder_drop_v=rng.uniform(*_FEEDER_DROP_V, count),
            impedance=rng.lognormal(*_IMPEDANCE, count),
            service_ohm=rng.uniform(*_SERVICE_OHM, len(registry.meters)),
            seed=city.seed,
        )

    def measure(self, day: LocalDay, blocks: Sequence[Block], metered: Sequence[Metered]) -> None:
        """
        Fill in what the meters that measure voltage saw of a day.

        Args:
            day: The day.
            blocks: All channels of the city.
            metered: The day of each block; energy is known, voltages are written.
        """
        energy = self._energy_wh(day, blocks, metered)
        load_w = np.zeros((len(self.kva), energy.shape[1]))
        np.add.at(load_w, self.transformer, energy)
        given_v = self._given_v(day, load_w)
        for block, one in zip(blocks, metered, strict=True):
            rows = np.flatnonzero(block.measures_voltage)
            if not len(rows):
                continue
            meter = block.meter[rows]
            on_wire_v = energy[meter] / (2 * BASE_V) * self.service_ohm[meter][:, None]
            volts = given_v[self.transformer[meter]] - on_wire_v
            one.value[rows] = np.rint(10 * volts).astype(np.int64)

    def _given_v(self, day: LocalDay, load_w: Floats) -> Floats:
        """Return what each transformer gives in each hour, shape (transformers, hours)."""
        rng = generator(self.seed, "voltage", day.date.toordinal())
        kva = load_w / (1000 * _POWER_FACTOR)
        feeders = int(self.feeder.max()) + 1
        on_feeder = np.zeros((feeders, load_w.shape[1]))
        np.add.at(on_feeder, self.feeder, kva)
        usual = _USUAL_LOAD * np.bincount(self.feeder, weights=self.kva)
        wandering_v = rng.normal(0.0, _WANDERING_V, on_feeder.shape)
        upstream_v = (
            wandering_v[self.feeder]
            - self.feeder_drop_v[:, None] * (on_feeder / usual[:, None])[self.feeder]
        )
        lost_v = BASE_V * (self.impedance / self.kva)[:, None] * kva
        return self.idle_v[:, None] + upstream_v - lost_v

    def _energy_wh(
        self, day: LocalDay, blocks: Sequence[Block], metered: Sequence[Metered]
    ) -> Floats:
        """Return what each meter took from the grid in each hour [Wh], shape (meters, hours)."""
        hours = day.slots(VOLTAGE_INTERVAL_S)
        energy = np.zeros((len(self.transformer), hours))
        for block, one in zip(blocks, metered, strict=True):
            parts = VOLTAGE_INTERVAL_S // block.interval_s
            for wire, sign in ((_DELIVERED, 1), (_RECEIVED, -1)):
                rows = np.flatnonzero(block.wire == wire)
                by_hour = one.value[rows].reshape(len(rows), hours, parts).sum(axis=2)
                energy[block.meter[rows]] += sign * by_hour
        return energy
