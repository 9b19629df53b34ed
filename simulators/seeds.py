"""Random numbers that depend on the seed and on what they are for, never on the order of calls."""

from zlib import crc32

import numpy as np

from mdms.domain.readings import Bool


def generator(seed: int, *purpose: int | str) -> np.random.Generator:
    """
    Return a generator of its own for one purpose.

    Args:
        seed: What the person chose; not negative.
        purpose: What the numbers are for, such as ("weather", day); equal purposes give equal
            numbers, and no other purpose disturbs them.
    """
    words = [crc32(part.encode()) if isinstance(part, str) else part for part in purpose]
    return np.random.default_rng(np.random.SeedSequence([seed, *words]))


def some(rng: np.random.Generator, share: float, shape: int | tuple[int, ...]) -> Bool:
    """Return an array that is true with this chance."""
    return np.asarray(rng.random(shape) < share)
