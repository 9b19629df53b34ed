"""An alarm for too many opens begins with the first one too many, and ends with its day."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from prometheus_client import Gauge

from commands.flood import Flood
from commands.judgement import Judge
from mdms.policy.budgets import DAY
from mdms.telemetry import metrics
from tests.controls import AT
from tests.lawful import a_judge

if TYPE_CHECKING:
    from mdms.ports.unit_of_work import UnitOfWork


class Requests:
    """Knows when opens were asked for."""

    def __init__(self, *asked_at: datetime) -> None:
        self.asked_at = asked_at

    async def opens_asked(self, after: datetime) -> Mapping[str, int]:
        return Counter("clerk" for at in self.asked_at if at > after)


@pytest.fixture(scope="module")
def judge() -> Judge:
    return a_judge()


def alarm() -> tuple[float, float]:
    """What is measured: how many were asked for, and whether these are too many."""
    asked, flood = metrics.COMMAND_OPENS_ASKED, metrics.COMMAND_OPENS_FLOOD
    return _value(asked), _value(flood)


def _value(gauge: Gauge) -> float:
    return next(iter(gauge.collect())).samples[0].value


async def look(flood: Flood, requests: Requests, now: datetime) -> None:
    await flood.look(cast("UnitOfWork", SimpleNamespace(controls=requests)), now)


async def test_an_alarm_ends_when_its_day_is_over_though_nobody_asks_any_more(judge):
    most = judge.rules(AT).budgets.per_day
    requests = Requests(*(AT + timedelta(minutes=n) for n in range(most + 1)))
    flood = Flood(judge)

    await look(flood, requests, AT + timedelta(minutes=most))
    during = alarm()
    await look(flood, requests, AT + DAY + timedelta(seconds=1))

    assert [during, alarm()] == [(most + 1, 1), (most, 0)]


async def test_as_many_as_a_day_lets_through_are_no_flood(judge):
    most = judge.rules(AT).budgets.per_day

    await look(Flood(judge), Requests(*[AT] * most), AT)

    assert alarm() == (most, 0)
