"""Meters whose clock is grossly wrong: by minutes, by days, or at 1970."""

import numpy as np

from mdms.domain.readings import Int64
from simulators.city import City
from simulators.seeds import generator

RIGHT_WITHIN_S = 150
"""An interval whose stamp is off by more belongs to no known interval."""
_MINUTES_SHARE, _DAYS_SHARE = 0.002, 0.0002
_MINUTES_S = (60, 3600)
_DAYS_AHEAD = (1, 31)
_NEAR_S = 50


def clock_errors_s(city: City) -> Int64:
    """
    Return by how much each meter's clock is off [s], 0 for nearly all.

    An error of minutes never makes one interval look like another: nobody could tell. For the
    same reason a clock that is days off is ahead, or has started from 1970: one that is behind
    by less than the age limit is indistinguishable from a meter that was not heard for days.
    """
    rng = generator(city.seed, "clocks")
    count = len(city.sites)
    errors = np.zeros(count, np.int64)
    order = rng.permutation(count)
    minutes = int(_MINUTES_SHARE * count + rng.random())
    days = int(_DAYS_SHARE * count + rng.random())
    for meter in order[:minutes]:
        interval_s = city.sites[meter].reading_types[0].interval_s
        error_s = int(rng.integers(*_MINUTES_S))
        astray_s = (error_s + interval_s // 2) % interval_s - interval_s // 2
        if error_s > RIGHT_WITHIN_S and abs(astray_s) <= RIGHT_WITHIN_S + _NEAR_S:
            error_s += interval_s // 2 * (1 if error_s < _MINUTES_S[1] // 2 else -1)
        errors[meter] = error_s * rng.choice([-1, 1])
    for meter in order[minutes : minutes + days]:
        ahead_s = int(rng.integers(*_DAYS_AHEAD)) * 86400
        errors[meter] = rng.choice([ahead_s, -city.start_s])
    return errors
