"""What people do to switches in a fault run, drawn by seed: often, hastily, to dead meters too."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from simulators import builder

_DAY_S = 86_400
_BEGIN_S, _END_S = 6 * 3600, 18 * 3600
"""People act between these seconds after the start; what they asked for ends within the day."""
_PAUSES_S = (1, 900, 3_600, 7_200)
"""In haste: the last command is still on its way. At leisure: it has ended."""
_ON_ITS_WAY_S = (0, 45)
_CAUSES = {"disconnect": "MOVE_OUT", "reconnect": "MOVE_IN", "arm": "MOVE_IN", "ping": "CHECK"}
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
    dead, dead_s = rng.choice(switched), rng.uniform(0.5, 0.8) * _END_S
    calls: list[tuple[float, str, str]] = [
        (at_s, action, badge)
        for badge in switched
        for at_s, action in _wishes(rng, dead_s if badge == dead else _END_S)
    ]
    calls += [(dead_s + 3600, "disconnect", dead), (dead_s + 7200, "ping", dead)]
    begin = datetime.fromtimestamp(city.start_s, UTC)
    dead_from = begin + timedelta(seconds=dead_s)
    broken = {"at": dead_from.isoformat(), "fault": {"badge": dead, "switch": "mute"}}
    items = [_call(begin + timedelta(seconds=at_s), *what) for at_s, *what in calls]
    path.write_text(json.dumps([broken, *items]))
    moments = tuple((at_s + rng.uniform(*_ON_ITS_WAY_S)) / _DAY_S for at_s, *_ in calls)
    return Deeds(path, dead, dead_from, moments)


def _wishes(rng: random.Random, end_s: float) -> Iterator[tuple[int, str]]:
    """Yield when something is asked of a meter, and what."""
    at_s, action = _BEGIN_S, "reconnect"
    while at_s < end_s:
        action = rng.choice(_NEXT[action])
        yield at_s, action
        at_s += rng.choice(_PAUSES_S)


def _call(at: datetime, action: str, badge: str) -> dict[str, object]:
    body = {"action": action, "meter": badge, "cause": _CAUSES[action]}
    return {
        "at": at.isoformat(), "name": f"{action} {badge}", "method": "POST",
        "path": "/v1/controls", "body": body, "token": "requester",
    }  # fmt: skip
