"""
Direct signs of theft and tampering: points of evidence, never an action; vee.md 9.5.

T4 to T7 compare a meter with its past and its neighbours and are not here.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from mdms.domain.readings import Bool, Int64
from vee.grid.rules import SignRules


class Sign(StrEnum):
    """A test of vee.md 9.5."""

    USAGE_WHILE_OPEN = "T1"
    REVERSE_ENERGY = "T2"
    TAMPER_AND_POWER_FAIL = "T3"
    USAGE_WITHOUT_ACCOUNT = "T8"
    WATER = "T9"

    @property
    def points(self) -> int:
        """How much it says by itself."""
        return _POINTS[self]


_POINTS = {
    Sign.USAGE_WHILE_OPEN: 5,
    Sign.REVERSE_ENERGY: 3,
    Sign.TAMPER_AND_POWER_FAIL: 3,
    Sign.USAGE_WITHOUT_ACCOUNT: 2,
    Sign.WATER: 2,
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """
    Where a test was true: the meter's row and the instants; columns of one length.

    Attributes:
        sign: The test.
        meter: Row of the meter.
        at_s: When.
    """

    sign: Sign
    meter: Int64
    at_s: Int64


@dataclass(frozen=True, slots=True)
class Suspicion:
    """
    What speaks against a meter's readings.

    Attributes:
        meter: Its row.
        points: Of all signs, each counted once.
        signs: Which, in order of their codes.
        from_s: First time that any was true.
        last_s: Last time.
        is_case: A person must look.
    """

    meter: int
    points: int
    signs: tuple[Sign, ...]
    from_s: int
    last_s: int
    is_case: bool


def suspicions(evidence: list[Evidence], rules: SignRules) -> list[Suspicion]:
    """Add evidence up by meter; the most points first, then the oldest."""
    named = sorted((each for each in evidence if len(each.meter)), key=lambda each: each.sign)
    if not named:
        return []
    meter = np.concatenate([each.meter for each in named])
    at_s = np.concatenate([each.at_s for each in named])
    which = np.repeat(np.arange(len(named)), [len(each.meter) for each in named])
    meters, row = np.unique(meter, return_inverse=True)
    seen = np.zeros((len(meters), len(named)), np.bool_)
    seen[row, which] = True
    first_s = np.full(len(meters), np.iinfo(np.int64).max)
    last_s = np.full(len(meters), np.iinfo(np.int64).min)
    np.minimum.at(first_s, row, at_s)
    np.maximum.at(last_s, row, at_s)
    found = []
    for number, badge_row in enumerate(meters.tolist()):
        signs = tuple(dict.fromkeys(named[k].sign for k in np.flatnonzero(seen[number]).tolist()))
        points = sum(sign.points for sign in signs)
        found.append(
            Suspicion(
                meter=badge_row,
                points=points,
                signs=signs,
                from_s=int(first_s[number]),
                last_s=int(last_s[number]),
                is_case=points >= rules.case_points,
            )
        )
    return sorted(found, key=lambda each: (-each.points, each.from_s, each.meter))


def tampered_alone(
    tamper_meter: Int64, tamper_s: Int64, fail_meter: Int64, fail_s: Int64, rules: SignRules
) -> Bool:
    """
    Find tamper events (cover, tilt, removal) with a power failure of that meter only; T3.

    Args:
        tamper_meter: Row of the meter of each event, shape (events,).
        tamper_s: When, seconds since 1970-01-01 UTC, shape (events,).
        fail_meter: Meters whose power failed while their neighbours had some, shape (failures,).
        fail_s: When, likewise, shape (failures,).
        rules: What is near.

    Returns:
        Which events are such, shape (events,).
    """
    if not len(fail_meter) or not len(tamper_meter):
        return np.zeros(len(tamper_meter), np.bool_)
    base_s = min(int(tamper_s.min()), int(fail_s.min())) - rules.near_s
    span = max(int(tamper_s.max()), int(fail_s.max())) - base_s + 2 * rules.near_s
    failed = np.sort(fail_meter * span + (fail_s - base_s))
    key = tamper_meter * span + (tamper_s - base_s)
    first = np.searchsorted(failed, key - rules.near_s)
    near: Bool = np.searchsorted(failed, key + rules.near_s, side="right") > first
    return near


def repeated(meter: Int64, times_min: int) -> Bool:
    """Return which of these reports come from meters with at least so many of them."""
    _, row, count = np.unique(meter, return_inverse=True, return_counts=True)
    often: Bool = count[row] >= times_min
    return often
