"""Limits of grid analytics, with the defaults of vee.md 9; ranges of voltage are in rule sets."""

from dataclasses import dataclass


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
    """

    out_after_s: int = 60
    momentary_s: int = 300
    together_s: int = 180
    meters_min: int = 2
    share_min: float = 0.5
    transformers_min: int = 3


@dataclass(frozen=True, slots=True)
class VoltageDayRules:
    """
    When a day's voltage is a violation.

    Attributes:
        share_a_min: Share of the day's intervals beyond range A.
        run_b_min: Intervals in a row beyond range B.
    """

    share_a_min: float = 0.05
    run_b_min: int = 3


@dataclass(frozen=True, slots=True)
class LoadingRules:
    """
    How load at meters becomes load of a transformer.

    Attributes:
        power_factor: Of meters that measure no reactive energy.
        secondary_loss: Lost between transformer and meters, as a share of the load.
        coverage_min: With less than this share of the meters heard, the rest is made up for.
        overloads: Shares of the nameplate above which hours are counted.
    """

    power_factor: float = 0.95
    secondary_loss: float = 0.02
    coverage_min: float = 0.8
    overloads: tuple[float, float, float] = (1.0, 1.3, 1.6)


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

    case_points: int = 5
    near_s: int = 3600
    reverse_flows_min: int = 2
    occupied_wh_min: int = 2000
