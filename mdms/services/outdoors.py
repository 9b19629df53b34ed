"""How warm it was: daily means that the utility states about itself, like any other fact."""

import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from mdms.domain.facts import CisFact
from mdms.domain.time import local_day
from mdms.ports.unit_of_work import UnitOfWork

OUTDOOR_MEAN: Final = "outdoor_mean_f"
"""Fact of the utility; it takes effect at an instant of the local day that it is about."""


async def outdoor_means_f(
    work: UnitOfWork, zone: ZoneInfo, known_at: datetime
) -> Mapping[date, float]:
    """Return the mean temperature [degrees F] of every local day of which somebody stated it."""
    return means_f(await work.facts.stated([OUTDOOR_MEAN], known_at), zone)


def means_f(stated: Iterable[CisFact], zone: ZoneInfo) -> Mapping[date, float]:
    """Return the mean temperature [degrees F] of local days, from all that was stated of it."""
    return {
        local_day(fact.effective_at, zone): float(fact.value)
        for fact in stated
        if fact.fact == OUTDOOR_MEAN
    }


async def outdoor_mean_f(work: UnitOfWork, day: date, zone: ZoneInfo, known_at: datetime) -> float:
    """Return the mean temperature of a local day [degrees F]; NaN where nobody stated it."""
    return (await outdoor_means_f(work, zone, known_at)).get(day, math.nan)
