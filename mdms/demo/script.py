"""
What people do during a demo: switch a meter off and on, try what is forbidden, opt out.

The script is chosen from the city's own registry and played by the simulator, which calls the
daemon as an operator's program would, at the simulated times named here.
"""

import json
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

OUTAGE_MINUTES = 47

_DAY = timedelta(days=1)
_LATER = ("13:00", "16:00", "22:00")
"""When somebody looks again after what has not been verified."""


def write(path: Path, registry: Path, start: date, days: int) -> None:
    """
    Write the script of a demo; a city that lacks the meters for an item goes without it.

    Args:
        path: Where to.
        registry: The city's registry directory.
        start: First local day.
        days: How many days pass; people act on the second, the power fails on the third.
    """
    items: list[dict[str, Any]] = []
    if days > 1:
        items += _calls(registry, start + _DAY)
    if days > 2:  # noqa: PLR2004 - there is a third day
        transformers = pd.read_csv(registry / "transformers.csv")
        outage = {"transformer_id": transformers["transformer_id"][0], "minutes": OUTAGE_MINUTES}
        items.append({"at": _at(start + 2 * _DAY, "14:05"), "outage": outage})
    path.write_text(json.dumps(items, indent=2) + "\n")


def _calls(registry: Path, day: date) -> list[dict[str, Any]]:
    meters = pd.read_csv(registry / "meters.csv").merge(
        pd.read_csv(registry / "usage_points.csv"), on="usage_point_id"
    )
    premises = pd.read_csv(registry / "premises.csv")
    meters = meters.merge(premises[["premise_id", "kind"]], on="premise_id")
    electric = meters["commodity"] == "electric"
    switchable = meters[electric & meters["has_switch"]]
    fixed = meters[electric & ~meters["has_switch"] & ~meters["net_metering"]]
    at_home = fixed[fixed["kind"] == "single_family"]
    water = meters[meters["commodity"] == "water"]
    items = []
    if len(switchable):
        badge = switchable["badge"].iloc[0]
        items += [
            _control(day, "10:00", "disconnect", badge, cause="MOVE_OUT"),
            _control(day, "11:00", "reconnect", badge, cause="MOVE_IN"),
        ]
        # Nobody is left in the dark because a tower was out of reach.
        for at in _LATER:
            again = _control(day, at, "reconnect", badge, cause="MOVE_IN")
            items.append(again | {"unless_verified": True})
    if len(fixed):
        items.append(_control(day, "10:05", "disconnect", fixed["badge"].iloc[0], cause="MOVE_OUT"))
    if len(water):
        items.append(_control(day, "10:10", "radio_off", water["badge"].iloc[0], cause="OPT_OUT"))
    if len(at_home):
        badge = at_home["badge"].iloc[-1]
        body = {"meter": badge, "reason": "asked for at the counter"}
        items += [
            _call(day, "12:00", "opt out", "/v1/optouts", body),
            _control(day, "12:05", "radio_off", badge, cause="OPT_OUT"),
        ]
    return items


def _control(day: date, at: str, action: str, meter: str, *, cause: str) -> dict[str, Any]:
    body = {"action": action, "meter": meter, "cause": cause}
    return _call(day, at, f"{action} {meter}", "/v1/controls", body)


def _call(day: date, at: str, name: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "at": _at(day, at),
        "name": name,
        "method": "POST",
        "path": path,
        "body": body,
        "token": "requester",
    }


def _at(day: date, at: str) -> str:
    """Return a local time as a script names it."""
    return datetime.combine(day, time.fromisoformat(at)).isoformat()
