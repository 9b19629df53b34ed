"""
What people do to switches in a fault run, drawn by seed: often, hastily, to dead meters too.

Two meters are first switched off and on again as the rules allow, so that no seed tests refusals
only; then everybody is in each other's way. Where nothing happens a run's time goes on in quarters
of an hour: whoever has leisure acts on one, so that a command leaves when its script says so, and
blows that are aimed at it do not come before it. In every other seed a failing meter floods
everybody meanwhile (`tests.faults.flood`).
"""

import json
import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from mdms.demo import customers
from mdms.domain.registry import Registry
from simulators import builder
from tests.faults import flood

_DAY_S = 86_400
_QUARTER_S = 900
_BEGIN_S, _END_S = 8 * 3600, 17 * 3600
"""People act between these seconds after the start; what they asked for ends within the day."""
_LAWFUL_END_S = 15 * 3600
"""From then on nobody is cut off for non-payment."""
_HASTY_S = 9 * 3600
"""Before, one meter after the other is switched off and on again, and nobody is in the way."""
_DIES_S = (9.5 * 3600, 12 * 3600)
_ASKED_OF_DEAD = ((3_600, "disconnect"), (7_200, "ping"), (10_800, "ping"))
"""How long after its death, and what: a blow may swallow a question before it is on file."""
_PAUSES_S = (1, 900, 3_600, 7_200)
"""In haste: the last command is still on its way. At leisure: it has ended."""
_HASTE_S = 1
_FEED_STOPS_S = (10 * 3600, 13 * 3600)
_FEED_AWAY_S = (3_600, 7_200)
"""The feed of the customer system stops once: while it is stale nobody is cut off."""
_ON_ITS_WAY_S = (0, 45)
_CAUSES = {"disconnect": "NONPAY", "reconnect": "ERROR", "arm": "ERROR", "ping": "CHECK"}
_NEXT = {
    "disconnect": ("reconnect", "reconnect", "arm", "ping"),
    "reconnect": ("disconnect", "disconnect", "reconnect"),
    "arm": ("reconnect", "disconnect"),
    "ping": ("disconnect", "reconnect"),
}
"""Mostly what makes sense after an action, and at times what does not."""


@dataclass(frozen=True, slots=True)
class Deeds:
    """
    A script of a day, and what is known of it beforehand.

    Attributes:
        path: The script.
        dead: A meter that hears nothing any more.
        dead_from: From then on.
        moments: Shares of the day at which commands are likely on their way.
    """

    path: Path
    dead: str
    dead_from: datetime
    moments: tuple[float, ...]


def draw(seed: int, path: Path, *, meters: int, start: date = date(2026, 11, 3)) -> Deeds:
    """Write a script for the city of this seed and size."""
    city = builder.build(meters=meters, start=start, seed=seed)
    rng = random.Random(seed)
    switched = [meter.badge for meter in city.registry.meters if meter.has_switch]
    dead, dead_s = rng.choice(switched), rng.uniform(*_DIES_S)
    turns = [(badge, action) for badge in switched for action in ("disconnect", "reconnect")]
    calls: list[tuple[float, str, str]] = [
        (at_s, action, badge)
        for at_s, (badge, action) in zip(range(_BEGIN_S, _HASTY_S, _QUARTER_S), turns, strict=False)
    ]
    calls += [
        (at_s, action, badge)
        for badge in switched
        for at_s, action in _wishes(rng, dead_s if badge == dead else _END_S)
    ]
    calls += [(_quarter_s(dead_s + after_s), action, dead) for after_s, action in _ASKED_OF_DEAD]
    begin = datetime.fromtimestamp(city.start_s, UTC)
    dead_from = begin + timedelta(seconds=dead_s)
    broken = {"at": dead_from.isoformat(), "fault": {"badge": dead, "switch": "mute"}}
    items = [
        item for at_s, *what in calls for item in _called(begin + timedelta(seconds=at_s), *what)
    ]
    stated = [*_stated(city.registry, switched, begin), *_fed(rng, begin)]
    path.write_text(json.dumps([broken, *stated, *items, *flood.draw(seed, city)]))
    moments = tuple((at_s + rng.uniform(*_ON_ITS_WAY_S)) / _DAY_S for at_s, *_ in calls)
    return Deeds(path, dead, dead_from, moments)


def _wishes(rng: random.Random, end_s: float) -> Iterator[tuple[int, str]]:
    """Yield when something is asked of a meter, and what."""
    at_s, action = _HASTY_S, "reconnect"
    while at_s < end_s:
        action = rng.choice(_NEXT[action])
        yield at_s, action
        pause_s = rng.choice(_PAUSES_S)
        at_s = at_s + pause_s if pause_s == _HASTE_S else _quarter_s(at_s + pause_s)


def _quarter_s(at_s: float) -> int:
    """Return the first whole quarter of an hour from a time on."""
    return math.ceil(at_s / _QUARTER_S) * _QUARTER_S


def _stated(registry: Registry, badges: list[str], begin: datetime) -> Iterator[dict[str, object]]:
    """Yield what the customer system states of those who may be cut off."""
    opens = begin + timedelta(seconds=_BEGIN_S)
    premise = {point.usage_point_id: point.premise_id for point in registry.usage_points}
    account = {each.usage_point_id: each.account_id for each in registry.agreements}
    for meter in registry.meters:
        if meter.badge in badges:
            point = meter.usage_point_id
            home = customers.Home(account[point], premise[point])
            facts = customers.arrears(home, opens)
            yield _fact(opens - timedelta(minutes=30), facts)


def _fed(rng: random.Random, begin: datetime) -> Iterator[dict[str, object]]:
    """Yield that the customer system has told everything until now, but while its feed is away."""
    opens, closes = (begin + timedelta(seconds=at_s) for at_s in (_BEGIN_S, _LAWFUL_END_S))
    stops = begin + timedelta(seconds=rng.uniform(*_FEED_STOPS_S))
    goes_on = stops + timedelta(seconds=rng.uniform(*_FEED_AWAY_S))
    for at in customers.feed_times(opens - timedelta(minutes=1), closes):
        if not stops <= at < goes_on:
            yield _fact(at, customers.feeds(at))


def _fact(at: datetime, facts: object) -> dict[str, object]:
    return _post(at, "/v1/facts", {"facts": facts}, token="customer_system")


def _called(at: datetime, action: str, badge: str) -> Iterator[dict[str, object]]:
    """Yield a request, and the second person's yes."""
    body = {"action": action, "meter": badge, "cause": _CAUSES[action]}
    yield _post(at, "/v1/controls", body)
    if action == "disconnect":
        approval = _post(at, "/v1/controls/{newest}/approve", {}, token="approver")
        yield approval | {"newest_of": badge}


def _post(
    at: datetime, path: str, body: Mapping[str, object], *, token: str = "requester"
) -> dict[str, object]:
    return {
        "at": at.isoformat(), "name": f"{path} {body.get('meter', '')}", "method": "POST",
        "path": path, "body": body, "token": token,
    }  # fmt: skip
