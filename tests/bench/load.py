"""Believable electric load: households of different size, a day's shape, noise; never constant."""

import numpy as np

from mdms.domain.readings import Int64

SLOTS_A_DAY = 96
MEAN_WH = 160
"""Of a quarter of an hour; about 15 kWh a day."""

MAX_WH = 6_000
"""A service of 100 A carries 6,300."""

_HOURLY_SHAPE = np.array([
    5, 4, 4, 4, 4, 5, 8, 11, 10, 8, 7, 7, 8, 8, 8, 9, 11, 15, 18, 18, 16, 13, 10, 7,
])  # fmt: skip
_NOISE_SHAPE = 2.0
"""Of a gamma distribution: appliances come and go."""


def electric_wh(channels: int, slots: int, *, seed: int, first_slot: int = 0) -> Int64:
    """Return energy per 15 minutes [Wh], shape (channels, slots); slot 0 is midnight."""
    generator = np.random.default_rng(seed)
    size = generator.lognormal(0, 0.5, (channels, 1))
    hour = (first_slot + np.arange(slots)) % SLOTS_A_DAY // 4
    shape = (_HOURLY_SHAPE / _HOURLY_SHAPE.mean())[hour]
    noise = generator.gamma(_NOISE_SHAPE, 1 / _NOISE_SHAPE, (channels, slots))
    energy: Int64 = np.rint(MEAN_WH * size * shape * noise).astype(np.int64)
    return np.minimum(energy, MAX_WH)
