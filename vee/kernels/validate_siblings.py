"""Validation of channels against others of the same meter: reactive, received, delivered energy."""

import numpy as np

from mdms.domain.readings import Bool, Int64


def reactive_alone(active: Int64, reactive: Int64, both: Bool) -> Bool:
    """
    Find intervals with reactive and without active energy (V27).

    Args:
        active: Wh, shape (pairs, slots).
        reactive: varh, shape (pairs, slots).
        both: Where both are usable, shape (pairs, slots).
    """
    alone: Bool = both & (active == 0) & (reactive > 0)
    return alone


def poor_power_factor(
    active: Int64, reactive: Int64, both: Bool, *, power_factor_min: float, load_wh_min: float
) -> Bool:
    """
    Find intervals under load whose power factor cannot be (V27).

    |PF| = P / sqrt(P^2 + Q^2) < f is P^2 (1 - f^2) < f^2 Q^2.

    Args:
        active: Wh, shape (pairs, slots).
        reactive: varh, shape (pairs, slots).
        both: Where both are usable, shape (pairs, slots).
        power_factor_min: f.
        load_wh_min: What counts as load in one interval [Wh].
    """
    squared = power_factor_min**2
    p, q = active.astype(np.float64), reactive.astype(np.float64)
    poor: Bool = both & (active > load_wh_min) & (p * p * (1 - squared) < squared * q * q)
    return poor


def received_at_night(value: Int64, usable: Bool, night: Bool, *, wh_max: int) -> Bool:
    """
    Find what solar panels deliver at night (V33): a clock or a channel is swapped.

    Args:
        value: Wh received, shape (channels, slots).
        usable: Values that count, shape (channels, slots).
        night: Slots of the night, shape (slots,).
        wh_max: So much is let pass [Wh an interval].
    """
    at_night: Bool = usable & night & (value > wh_max)
    return at_night
