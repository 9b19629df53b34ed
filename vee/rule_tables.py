"""
The tables of a rule set: each key with its type, its range, and what is meant where it is left out.

A key with a default came after the first editions: what was promoted before it is still read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Final

from vee.kernels.gaps import Float
from vee.kernels.weather import Degrees
from vee.rules_file import Range

QUANTA_PER_HOUR_MAX: Final = 10_000_000
"""No service comes near it; keeps exact scaling of a year's bracket within 64 bits."""


@dataclass(frozen=True, slots=True)
class Edition:
    """Which set of rules this is, from which local day on it judges, and who said so."""

    version: str
    effective: date
    approved_by: str


@dataclass(frozen=True, slots=True)
class BookendRules:
    """Which register reads may close a bracket."""

    align_s: Annotated[int, Range(0, 300)]
    backstep_quanta_max: Annotated[int, Range(0, 1_000_000)]


@dataclass(frozen=True, slots=True)
class SumCheckRules:
    """How far intervals and register may differ (V45, V46)."""

    resolutions: Annotated[int, Range(1, 100)]
    usage_per_mille: Annotated[int, Range(0, 1_000)]


@dataclass(frozen=True, slots=True)
class ClockRules:
    """How far a meter's clock may be off (V05)."""

    warn_s: Annotated[int, Range(1, 86_400)]
    hold_s: Annotated[int, Range(1, 86_400)]


@dataclass(frozen=True, slots=True)
class HistoryRules:
    """What counts as more than ever before (V22, V24)."""

    days: Annotated[int, Range(1, 366)]
    valid_days_min: Annotated[int, Range(1, 366)]
    max_per_cent: Annotated[int, Range(100, 10_000)]


@dataclass(frozen=True, slots=True)
class SpikeRules:
    """How far the highest interval of a day may stand out from the third (V23, V24)."""

    floor_w: Annotated[int, Range(0, 1_000_000)]
    excess_per_cent: Annotated[int, Range(1, 10_000)]


@dataclass(frozen=True, slots=True)
class StaticRules:
    """How often a value may repeat (V26)."""

    intervals: Annotated[int, Range(3, 10_000)]
    quanta_min: Annotated[int, Range(1, 1_000_000)]


@dataclass(frozen=True, slots=True)
class StepRules:
    """How far a value may rise above the one before it (V28); 0 switches the rule off."""

    rise_per_cent_max: Annotated[int, Range(0, 1_000_000)]


@dataclass(frozen=True, slots=True)
class ReactiveRules:
    """What reactive energy may say about active energy (V27)."""

    intervals_max: Annotated[int, Range(0, 100)]
    power_factor_min: Annotated[float, Range(0.0, 1.0)]
    load_w_min: Annotated[int, Range(0, 1_000_000)]


@dataclass(frozen=True, slots=True)
class ReceivedRules:
    """What may be received from a service, and when (V31, V33)."""

    day_wh_max: Annotated[int, Range(0, 1_000_000)]
    night_wh_max: Annotated[int, Range(0, 1_000_000)]
    night_intervals_max: Annotated[int, Range(0, 100)]
    night_from_h: Annotated[int, Range(12, 24)]
    night_until_h: Annotated[int, Range(0, 12)]


@dataclass(frozen=True, slots=True)
class VoltageRules:
    """Ranges A and B of the voltage (V35) [0.1 V]."""

    a_low: Annotated[int, Range(0, 10_000)]
    a_high: Annotated[int, Range(0, 10_000)]
    b_low: Annotated[int, Range(0, 10_000)]
    b_high: Annotated[int, Range(0, 10_000)]


@dataclass(frozen=True, slots=True)
class DemandRules:
    """How far a demand register may be from the largest interval (V36)."""

    per_cent_max: Annotated[float, Range(0.0, 100.0)]


@dataclass(frozen=True, slots=True)
class PeriodRules:
    """What is checked before a bill window is frozen (V44, V50 to V58)."""

    service_days_min: Annotated[int, Range(1, 400)]
    service_days_max: Annotated[int, Range(1, 400)]
    estimated_share_max: Annotated[float, Range(0.0, 1.0)]
    estimated_bucket_share_max: Annotated[float, Range(0.0, 1.0)]
    estimated_share_hold: Annotated[float, Range(0.0, 1.0)]
    estimated_days_max: Annotated[int, Range(1, 366)]
    estimated_bills_max: Annotated[int, Range(1, 100)]
    load_factor_min: Annotated[float, Range(0.0, 1.0)]
    load_factor_max: Annotated[float, Range(0.0, 10.0)]
    reference_days_min: Annotated[int, Range(1, 366)]
    self_read_misses_max: Annotated[int, Range(0, 100)]
    self_read_days_max: Annotated[int, Range(1, 3_660)]
    gas_factor_min: Annotated[float, Range(0.0, 10.0)]
    gas_factor_max: Annotated[float, Range(0.0, 10.0)]


@dataclass(frozen=True, slots=True)
class EstimateRules:
    """How estimates are made and scaled; vee.md 4."""

    fine_quanta_max: Annotated[int, Range(1, 1_000_000)]
    gap_days_max: Annotated[int, Range(1, 366)]
    alpha_min: Annotated[float, Range(0.0, 1.0)]
    alpha_max: Annotated[float, Range(1.0, 1000.0)]
    linear_h_max: Annotated[float, Range(0.0, 24.0)]
    edge_decay_h: Annotated[float, Range(0.01, 24.0)]
    profile_days: Annotated[int, Range(7, 366)]
    profile_decay_days: Annotated[float, Range(1.0, 366.0)]
    other_weekday_weight: Annotated[float, Range(0.0, 1.0)]
    weight_sum_min: Annotated[float, Range(0.0, 100.0)]
    references_min: Annotated[int, Range(1, 100)]
    nearest_count: Annotated[int, Range(1, 100)]
    average_days_min: Annotated[float, Range(0.01, 366.0)]
    outage_h_max: Annotated[float, Range(0.0, 24.0)]
    window_days: Annotated[int, Range(1, 366)]
    window_decay_days: Annotated[float, Range(1.0, 366.0)]
    window_other_weekday_weight: Annotated[float, Range(0.0, 1.0)]
    window_shift_h: Annotated[float, Range(0.01, 24.0)]
    window_edge_h: Annotated[float, Range(0.01, 1000.0)]
    window_shrink: Annotated[float, Range(0.01, 1000.0)]

    @property
    def reach_days(self) -> int:
        """How far from a gap its references may lie [days]."""
        return max(self.profile_days, self.window_days)


@dataclass(frozen=True, slots=True)
class CommodityRules:
    """What holds for all services of a commodity, and the physical limits of their classes."""

    linear: bool
    reversible: bool
    spike: bool
    zero_days: Annotated[int, Range(1, 366)]
    zero_days_summer: Annotated[int, Range(1, 366)]
    disconnected_quanta_max: Annotated[int, Range(0, 1_000_000)]
    inactive_day_quanta_max: Annotated[int, Range(0, 1_000_000_000)]
    inactive_quanta_max: Annotated[int, Range(0, 1_000_000_000)]
    day_ratio_min: Annotated[float, Range(0.0, 1.0)]
    day_ratio_max: Annotated[float, Range(1.0, 1000.0)]
    bill_ratio_min: Annotated[float, Range(0.0, 1.0)]
    bill_ratio_max: Annotated[float, Range(1.0, 1000.0)]
    bill_floor_quanta: Annotated[int, Range(0, 1_000_000_000)]
    quanta_per_hour_max: Annotated[int, Range(1, QUANTA_PER_HOUR_MAX)]
    classes: Annotated[Mapping[str, int], Range(1, QUANTA_PER_HOUR_MAX)]
    """Service class to its limit [quanta per hour]; V21."""
    ordinary_quanta_per_hour: Annotated[int, Range(0, QUANTA_PER_HOUR_MAX)] = 0
    """So little surprises nobody, whatever came before (V24)."""


@dataclass(frozen=True, slots=True)
class ReverseFlowRules:
    """How much a reversible meter may run backwards in a day before it is held (V20)."""

    quanta_max: Annotated[int, Range(0, 1_000_000)]
    day_per_cent_max: Annotated[float, Range(0.0, 100.0)]


@dataclass(frozen=True, slots=True)
class WeatherRules:
    """
    When daily usage is compared with the weather (V51 of gas, estimates of gas and electric).

    Attributes:
        heating_base_f: Nobody heats above this mean temperature of a day [degrees F].
        cooling_base_f: Nobody cools below this one.
        reach_days: How far from a gap the days are that tell of its cold and warmth.
        days_min: Days that a line of usage against degree-days is drawn through, at least.
        explained_min: Share of the variance between these days that it explains, at least.
        bill_weather_ratio_min: Daily usage against what the line says for the bill's weather.
    """

    heating_base_f: Annotated[float, Range(-100.0, 150.0)] = 65.0
    cooling_base_f: Annotated[float, Range(-100.0, 150.0)] = 65.0
    reach_days: Annotated[int, Range(1, 366)] = 45
    days_min: Annotated[int, Range(3, 366)] = 20
    explained_min: Annotated[float, Range(0.0, 1.0)] = 0.5
    bill_weather_ratio_min: Annotated[float, Range(0.0, 1.0)] = 0.5
    bill_weather_ratio_max: Annotated[float, Range(1.0, 1000.0)] = 2.0

    def degrees(self, mean_f: Float) -> Degrees:
        """Return the degree-days of days of these mean temperatures, NaN where unknown."""
        return Degrees.of(
            mean_f, heating_base_f=self.heating_base_f, cooling_base_f=self.cooling_base_f
        )


@dataclass(frozen=True, slots=True)
class MassEventRules:
    """When silence is one incident and not each meter's: what is missing waits (vee.md 4.6)."""

    silent_h: Annotated[float, Range(0.0, 25.0)] = 4.0
    meters_per_cent_max: Annotated[float, Range(0.0, 100.0)] = 5.0
    meters_min: Annotated[int, Range(1, 1_000_000)] = 10


@dataclass(frozen=True, slots=True)
class RuleTables:
    """Everything that validation and estimation may be told, table by table."""

    holidays: tuple[date, ...]
    edition: Edition
    bookend: BookendRules
    clock: ClockRules
    sum_check: SumCheckRules
    history: HistoryRules
    spike: SpikeRules
    static: StaticRules
    step: StepRules
    reactive: ReactiveRules
    received: ReceivedRules
    voltage: VoltageRules
    demand: DemandRules
    estimate: EstimateRules
    period: PeriodRules
    electric: CommodityRules
    water: CommodityRules
    gas: CommodityRules
    reverse_flow: ReverseFlowRules
    weather: WeatherRules = field(default_factory=WeatherRules)
    mass_event: MassEventRules = field(default_factory=MassEventRules)
