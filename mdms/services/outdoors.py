"""How warm it was: daily means that the utility states about itself, like any other fact."""

import math
from collections.abc import Mapping
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from mdms.domain.time import local_day
from mdms.ports.unit_of_work import UnitOfWork

OUTDOOR_MEAN: Final = "outdoor_mean_f"
"""Fact of the utility; it takes effect at an instant of the local day that it is about."""


async def outdoor_means_f(
    work: UnitOfWork, zone: ZoneInfo, known_at: datetime
) -> Mapping[date, float]:
    """Return the mean temperature [degrees F] of every local day of which somebody stated it."""
    stated = await work.facts.stated([OUTDOOR_MEAN], known_at)
    return {local_day(fact.effective_at, zone): float(fact.value) for fact in stated}


async def outdoor_mean_f(work: UnitOfWork, day: date, zone: ZoneInfo, known_at: datetime) -> float:
    """Return the mean temperature of a local day [degrees F]; NaN where nobody stated it."""
    return (await outdoor_means_f(work, zone, known_at)).get(day, math.nan)
