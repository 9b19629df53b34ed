"""
The rules as data: limits, tolerances and holidays, read strictly from one TOML file.

A ruleset is known by the hash of its content; what was judged by it is stored with that hash.
"""

import dataclasses
import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from mdms.domain.readings import Int64, UInt8
from mdms.domain.registry import WIRE_COMMODITY, Commodity
from vee.kernels.gaps import Float
from vee.kernels.weather import Degrees
from vee.rules_file import RuleSetError, later_keys, read


@dataclass(frozen=True, slots=True)
class Edition:
    """Which set of rules this is, from which local day on it judges, and who said so."""

    version: str
    effective: date
    approved_by: str


@dataclass(frozen=True, slots=True)
class BookendRules:
    """Which register reads may close a bracket."""

    align_s: int
    backstep_quanta_max: int


@dataclass(frozen=True, slots=True)
class SumCheckRules:
    """How far intervals and register may differ (V45, V46)."""

    resolutions: int
    usage_per_mille: int


@dataclass(frozen=True, slots=True)
class ClockRules:
    """How far a meter's clock may be off (V05)."""

    warn_s: int
    hold_s: int


@dataclass(frozen=True, slots=True)
class HistoryRules:
    """What counts as more than ever before (V22, V24)."""

    days: int
    valid_days_min: int
    max_per_cent: int


@dataclass(frozen=True, slots=True)
class SpikeRules:
    """How far the highest interval of a day may stand out from the third (V23, V24)."""

    floor_w: int
    excess_per_cent: int


@dataclass(frozen=True, slots=True)
class StaticRules:
    """How often a value may repeat (V26)."""

    intervals: int
    quanta_min: int


@dataclass(frozen=True, slots=True)
class StepRules:
    """How far a value may rise above the one before it (V28); 0 switches the rule off."""

    rise_per_cent_max: int


@dataclass(frozen=True, slots=True)
class ReactiveRules:
    """What reactive energy may say about active energy (V27)."""

    intervals_max: int
    power_factor_min: float
    load_w_min: int


@dataclass(frozen=True, slots=True)
class ReceivedRules:
    """What may be received from a service, and when (V31, V33)."""

    day_wh_max: int
    night_wh_max: int
    night_intervals_max: int
    night_from_h: int
    night_until_h: int


@dataclass(frozen=True, slots=True)
class VoltageRules:
    """Ranges A and B of the voltage (V35) [0.1 V]."""

    a_low: int
    a_high: int
    b_low: int
    b_high: int


@dataclass(frozen=True, slots=True)
class DemandRules:
    """How far a demand register may be from the largest interval (V36)."""

    per_cent_max: float


@dataclass(frozen=True, slots=True)
class PeriodRules:
    """What is checked before a bill window is frozen (V44, V50 to V58)."""

    service_days_min: int
    service_days_max: int
    estimated_share_max: float
    estimated_bucket_share_max: float
    estimated_share_hold: float
    estimated_days_max: int
    estimated_bills_max: int
    load_factor_min: float
    load_factor_max: float
    reference_days_min: int
    self_read_misses_max: int
    self_read_days_max: int
    gas_factor_min: float
    gas_factor_max: float


@dataclass(frozen=True, slots=True)
class EstimateRules:
    """How estimates are made and scaled; vee.md 4."""

    fine_quanta_max: int
    gap_days_max: int
    alpha_min: float
    alpha_max: float
    linear_h_max: float
    edge_decay_h: float
    profile_days: int
    profile_decay_days: float
    other_weekday_weight: float
    weight_sum_min: float
    references_min: int
    nearest_count: int
    average_days_min: float
    outage_h_max: float
    window_days: int
    window_decay_days: float
    window_other_weekday_weight: float
    window_shift_h: float
    window_edge_h: float
    window_shrink: float

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
    zero_days: int
    zero_days_summer: int
    disconnected_quanta_max: int
    inactive_day_quanta_max: int
    inactive_quanta_max: int
    day_ratio_min: float
    day_ratio_max: float
    bill_ratio_min: float
    bill_ratio_max: float
    bill_floor_quanta: int
    quanta_per_hour_max: int
    classes: Mapping[str, int]
    """Service class to its limit [quanta per hour]; V21."""
    ordinary_quanta_per_hour: int = 0
    """So little surprises nobody, whatever came before (V24)."""


@dataclass(frozen=True, slots=True)
class ReverseFlowRules:
    """How much a reversible meter may run backwards in a day before it is held (V20)."""

    quanta_max: int
    day_per_cent_max: float


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

    heating_base_f: float = 65.0
    cooling_base_f: float = 65.0
    reach_days: int = 45
    days_min: int = 20
    explained_min: float = 0.5
    bill_weather_ratio_min: float = 0.5
    bill_weather_ratio_max: float = 2.0

    def degrees(self, mean_f: Float) -> Degrees:
        """Return the degree-days of days of these mean temperatures, NaN where unknown."""
        return Degrees.of(
            mean_f, heating_base_f=self.heating_base_f, cooling_base_f=self.cooling_base_f
        )


@dataclass(frozen=True, slots=True)
class MassEventRules:
    """When silence is one incident and not each meter's: what is missing waits (vee.md 4.6)."""

    silent_h: float = 4.0
    meters_per_cent_max: float = 5.0
    meters_min: int = 10


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Everything that validation and estimation may be told."""

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
    weather: WeatherRules = WeatherRules()
    mass_event: MassEventRules = MassEventRules()

    @classmethod
    def load(cls, path: Path) -> "RuleSet":
        """
        Read a ruleset file.

        Raises:
            RuleSetError: It is not there, is no TOML, or has a broken, missing or unknown key.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RuleSetError(f"The ruleset {path} cannot be read: {error}.") from error
        return cls.parse(text, name=path.name)

    @classmethod
    def parse(cls, text: str, *, name: str) -> "RuleSet":
        """Read a ruleset from its text; `name` is what messages call it."""
        try:
            table = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise RuleSetError(f"{name} is not TOML: {error}.") from error
        try:
            return read(cls, table, where="")
        except RuleSetError as error:
            raise RuleSetError(f"{name}: {error}") from error

    @property
    def hash(self) -> str:
        """
        SHA-256 of the content: order, comments and spelling of numbers do not count.

        Nor do keys that came later and say what their absence means: what judged keeps its hash.
        """
        canonical = json.dumps(_said(self), sort_keys=True, default=str)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def of(self, commodity: Commodity) -> CommodityRules:
        """Return what holds for a commodity."""
        return {
            Commodity.ELECTRIC: self.electric,
            Commodity.WATER: self.water,
            Commodity.GAS: self.gas,
        }[commodity]

    def per_commodity(self, commodity: UInt8, key: str) -> Int64:
        """
        Return a key of the commodities' tables for each channel.

        Args:
            commodity: Its number on the wire, shape (channels,).
            key: Name of the key; a flag counts as 0 or 1.
        """
        table = np.zeros(len(WIRE_COMMODITY) + 1, np.int64)
        for each, number in WIRE_COMMODITY.items():
            table[number] = getattr(self.of(each), key)
        return table[commodity]

    def interval_limit(self, commodity: Commodity, service_class: str, interval_s: int) -> int:
        """Return the physical maximum of one interval [quanta]; V21 and vee.md 3.3."""
        rules = self.of(commodity)
        per_hour = rules.classes.get(service_class, rules.quanta_per_hour_max)
        return per_hour * interval_s // 3600


def _said(rules: object) -> object:
    """Return rules as plain tables, without later keys that say what their absence means."""
    if isinstance(rules, type) or not dataclasses.is_dataclass(rules):
        return rules
    later = later_keys(type(rules))
    values = {each.name: getattr(rules, each.name) for each in dataclasses.fields(rules)}
    return {
        name: _said(value)
        for name, value in values.items()
        if name not in later or value != later[name]
    }
