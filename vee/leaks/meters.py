"""What is known of each water meter before its first value: its register, its tests, its guards."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from mdms.domain.readings import Bool, Int64
from vee.leaks.memory import TESTS, Floats
from vee.leaks.rules import Baseline, LeakRules

GALLONS_PER_CF: Final = 7.48052
GALLONS_PER_QUANTUM: Final = {
    "0.1gal": 0.1,
    "gal": 1.0,
    "0.01CF": 0.01 * GALLONS_PER_CF,
    "CF": GALLONS_PER_CF,
}
DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Registered:
    """
    A water meter as the registry knows it.

    Attributes:
        unit: One quantum of its values.
        resolution: Quanta that the register moves by.
        modulus: The register wraps to 0 at this many quanta.
        place: What stands there; a `place` of the rules.
        flags: Of the premise; some keep a meter from being looked at.
        hourly: Its intervals are whole hours, not quarters.
    """

    unit: str
    resolution: int
    modulus: int
    multiplier: int
    place: str
    flags: frozenset[str]
    installed_s: int
    hourly: bool


@dataclass(frozen=True, slots=True)
class Meters:
    """
    Water meters in rows; every array has the shape (meters,) unless said.

    Attributes:
        resolution: Quanta that a register moves by.
        modulus: It wraps at this many quanta.
        multiplier: Register quanta to usage quanta.
        per_gallon: Quanta of a gallon.
        theta: Flow of each test [quanta per hour], infinite where it is not made, (meters, tests).
        hours: How long it must last, (meters, tests).
        baseline: `theta` counts from normal flow, which nights tell.
        declared: `theta` is a declared flow and more, where one was declared.
        nights: Detector N looks at it.
        homes: Its nights are held to an absolute flow, not to its own.
        bursts: Detector B looks at it.
        hourly: Intervals are whole hours.
        watched_from_s: Nothing is raised before.
    """

    resolution: Int64
    modulus: Int64
    multiplier: Int64
    per_gallon: Floats
    theta: Floats
    hours: Int64
    baseline: Bool
    declared: Bool
    nights: Bool
    homes: Bool
    bursts: Bool
    hourly: Bool
    watched_from_s: Int64

    @classmethod
    def of(cls, meters: Sequence[Registered], rules: LeakRules) -> "Meters":
        """Choose the tests of each meter; meters that no rule may look at stay out of here."""
        count = len(meters)
        theta = np.full((count, TESTS), np.inf)
        hours = np.zeros((count, TESTS), np.int64)
        kinds = np.zeros((5, count), np.bool_)
        baseline, declared, nights, homes, bursts = kinds
        per_gallon = np.array([1 / GALLONS_PER_QUANTUM[each.unit] for each in meters], np.float64)
        for row, meter in enumerate(meters):
            homes[row] = meter.place == "single_family"
            grade = rules.grade(meter.place, meter.resolution / per_gallon[row])
            if grade is None:
                nights[row] = True
                continue
            for number, test in enumerate(grade.tests):
                if test.is_made:
                    theta[row, number] = test.gal_h * per_gallon[row]
                    hours[row, number] = test.hours
            baseline[row] = grade.baseline == Baseline.NIGHTS
            declared[row] = grade.baseline == Baseline.DECLARED
            nights[row], bursts[row] = grade.nights, grade.bursts
        return cls(
            resolution=np.array([each.resolution for each in meters], np.int64),
            modulus=np.array([each.modulus for each in meters], np.int64),
            multiplier=np.array([each.multiplier for each in meters], np.int64),
            per_gallon=per_gallon,
            theta=theta,
            hours=hours,
            baseline=baseline,
            declared=declared,
            nights=nights,
            homes=homes,
            bursts=bursts,
            hourly=np.array([each.hourly for each in meters], np.bool_),
            watched_from_s=np.array(
                [each.installed_s + rules.guards.install_days * DAY_S for each in meters], np.int64
            ),
        )

    def __len__(self) -> int:
        return len(self.resolution)


def is_looked_at(flags: frozenset[str], rules: LeakRules) -> bool:
    """Return whether anything may be concluded from a place's flow; vee.md 7.8."""
    return not flags & frozenset(rules.guards.excluded_flags)
