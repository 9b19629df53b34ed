"""What grid analytics goes by, as data: config/vee/grid.toml; voltage ranges are in rule sets."""

import tomllib
from dataclasses import dataclass
from typing import Final, Self

from vee.rule_tables import Edition
from vee.rules_file import AMOUNT, RuleSetError, read

OVERLOADS: Final = 3
"""Shares of the nameplate that reports have a column for."""


@dataclass(frozen=True, slots=True)
class OutageRules:
    """
    When meters without power are an outage, and of what.

    Attributes:
        out_after_s: A meter that has power again within this long was never OUT.
        momentary_s: Interruptions up to this long are momentary (IEEE 1366).
        together_s: What fails within this long of each other fails together.
        meters_min: Meters that must fail together for their transformer to be OUT.
        share_min: And their share of its reporting meters.
        transformers_min: Transformers of a feeder that must fail together for the feeder to be.
        ping_after_s: So long after most have power again, who is still silent should be asked.
    """

    out_after_s: int
    momentary_s: int
    together_s: int
    meters_min: int
    share_min: float
    transformers_min: int
    ping_after_s: int


@dataclass(frozen=True, slots=True)
class VoltageDayRules:
    """
    When a day's voltage is a violation.

    Attributes:
        share_a_min: Share of the day's intervals beyond range A.
        run_b_min: Intervals in a row beyond range B.
    """

    share_a_min: float
    run_b_min: int


@dataclass(frozen=True, slots=True)
class LoadingRules:
    """
    How load at meters becomes load of a transformer.

    Attributes:
        power_factor: Of meters that measure no reactive energy.
        secondary_loss: Lost between transformer and meters, as a share of the load.
        coverage_min: With less than this share of the meters heard, the rest is made up for.
        overloads: Three shares of the nameplate above which hours are counted.
    """

    power_factor: float
    secondary_loss: float
    coverage_min: float
    overloads: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SignRules:
    """
    When direct signs of tampering make a case.

    Attributes:
        case_points: From so many points on, a person looks.
        near_s: A power failure so near to a tamper event belongs to it.
        reverse_flows_min: Reports of reverse flow that make it repeated.
        occupied_wh_min: Electricity on a day that says that somebody is at home.
    """

    case_points: int
    near_s: int
    reverse_flows_min: int
    occupied_wh_min: int


@dataclass(frozen=True, slots=True)
class GridRules:
    """Everything that grid analytics goes by."""

    edition: Edition
    outages: OutageRules
    voltage_day: VoltageDayRules
    loading: LoadingRules
    signs: SignRules

    @classmethod
    def parse(cls, text: str, *, name: str) -> Self:
        """
        Read rules from TOML.

        Raises:
            RuleSetError: The text is no TOML, a key is missing or unknown, or a value is no number.
        """
        try:
            rules = read(cls, tomllib.loads(text), within=AMOUNT)
        except (tomllib.TOMLDecodeError, RuleSetError) as error:
            raise RuleSetError(f"{name}: {error}") from error
        if len(rules.loading.overloads) != OVERLOADS:
            raise RuleSetError(f"{name}: loading.overloads must be {OVERLOADS} numbers.")
        return rules
