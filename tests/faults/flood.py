"""One failing meter's storm of frames in a fault run: beyond every quota, and then made good."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from simulators.city import City

_BEGIN_S = (2 * 3600, 10 * 3600)
_MINUTES = (30, 120)
_PER_HOUR = 25_000
"""Beyond the quota of 20,000 frames an hour, even if one collector alone hears it."""
_REPLAYS = 4
"""A replay that is killed is made again an hour later, as an operator would."""
_LAST_REPLAY_S = 86_400 - 900
"""A tower may be away for half a day, and brings its share of the flood when it is back."""


def draw(seed: int, city: City) -> Sequence[dict[str, Any]]:
    """Return the items of a script, or none: every other seed has a flood."""
    rng = random.Random(f"flood {seed}")
    if rng.random() >= 0.5:
        return ()
    meter = rng.choice([each for each in city.registry.meters if each.badge.startswith("E")])
    begin = datetime.fromtimestamp(city.start_s + rng.randrange(*_BEGIN_S), UTC)
    minutes = rng.randrange(*_MINUTES)
    flood = {"badge": meter.badge, "minutes": minutes, "per_hour": _PER_HOUR}
    end = begin + timedelta(minutes=minutes)
    replays = [end + hours * timedelta(hours=1) for hours in range(1, _REPLAYS + 1)]
    replays.append(datetime.fromtimestamp(city.start_s + _LAST_REPLAY_S, UTC))
    return ({"at": begin.isoformat(), "flood": flood}, *(_replay(begin, at) for at in replays))


def _replay(begin: datetime, at: datetime) -> dict[str, Any]:
    """Store what was held back of the messages that came up to now."""
    return {
        "at": at.isoformat(), "name": "replay", "method": "POST", "path": "/v1/replays",
        "body": {"from": begin.isoformat(), "to": at.isoformat(), "dry_run": False},
        "token": "requester",
    }  # fmt: skip
