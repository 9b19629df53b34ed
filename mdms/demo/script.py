"""
What people do during a demo: cut somebody off, be paid, try what is forbidden, opt out.

The script is chosen from the city's own registry and played by the simulator, which calls the
daemon as an operator's program would, at the simulated times named here.
"""

import json
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from mdms.demo import customers
from mdms.demo.customers import Home
from simulators.calendar import ZONE, next_office_morning

OUTAGE_MINUTES = 47
HOMES_SERVED = 3
"""Homes that may lawfully be cut off when a demo serves."""
SERVED_HOURS = 6
"""For so long its feeds keep coming; then it is too late in the day."""

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
    items += _served(registry, start + days * _DAY)
    if days > 2:  # noqa: PLR2004 - there is a third day
        transformers = pd.read_csv(registry / "transformers.csv")
        outage = {"transformer_id": transformers["transformer_id"][0], "minutes": OUTAGE_MINUTES}
        items.append({"at": _at(start + 2 * _DAY, "14:05"), "outage": outage})
    path.write_text(json.dumps(items, indent=2) + "\n")


def lawful_homes(registry: Path) -> dict[str, Home]:
    """Return homes whose meter has a switch, by badge, in the order of the registry."""
    meters = _meters(registry).merge(pd.read_csv(registry / "agreements.csv"), on="usage_point_id")
    switched = meters[(meters["commodity"] == "electric") & meters["has_switch"]]
    columns = ("badge", "account_id", "premise_id")
    rows = zip(*(switched[name].astype(str) for name in columns), strict=True)
    return {badge: Home(account, premise) for badge, account, premise in rows}


def _meters(registry: Path) -> pd.DataFrame:
    meters = pd.read_csv(registry / "meters.csv").merge(
        pd.read_csv(registry / "usage_points.csv"), on="usage_point_id"
    )
    premises = pd.read_csv(registry / "premises.csv")
    return meters.merge(premises[["premise_id", "kind"]], on="premise_id")


def _calls(registry: Path, day: date) -> list[dict[str, Any]]:
    meters = _meters(registry)
    electric = meters["commodity"] == "electric"
    fixed = meters[electric & ~meters["has_switch"] & ~meters["net_metering"]]
    at_home = fixed[fixed["kind"] == "single_family"]
    water = meters[meters["commodity"] == "water"]
    items = []
    for badge, home in list(lawful_homes(registry).items())[:1]:
        ten, eleven = (_local(day, at) for at in ("10:00", "11:00"))
        items += [
            _states(ten - timedelta(minutes=5), "arrears", customers.arrears(home, ten)),
            *(_feeds(at) for at in customers.feed_times(ten - timedelta(minutes=1), eleven)),
            _control(day, "10:00", "disconnect", badge, cause="NONPAY"),
            _approval(ten + timedelta(minutes=15), badge),
            # Paid: the daemon reconnects by itself.
            _states(eleven, "payment", customers.paid(home, eleven)),
        ]
        # Nobody is left in the dark because a tower was out of reach.
        for at in _LATER:
            again = _control(day, at, "reconnect", badge, cause="PAID")
            items.append(again | {"unless_verified": True})
    if len(fixed):
        items.append(_control(day, "10:05", "disconnect", fixed["badge"].iloc[0], cause="MOVE_OUT"))
    if len(water):
        items.append(_control(day, "10:10", "radio_off", water["badge"].iloc[0], cause="OPT_OUT"))
    if len(at_home):
        items += _opts_out(registry, at_home["badge"].iloc[-1], day)
    return items


def _opts_out(registry: Path, badge: str, day: date) -> list[dict[str, Any]]:
    """Let the customer of a meter hand in the form at the counter; the programme does the rest."""
    meters = _meters(registry).merge(pd.read_csv(registry / "agreements.csv"), on="usage_point_id")
    row = meters[meters["badge"] == badge].iloc[0]
    home = Home(str(row["account_id"]), str(row["premise_id"]))
    noon = _local(day, "12:00")
    body = {"who": home.account_id, "form_on": day.isoformat(), "reason": "asked at the counter"}
    return [
        _states(
            noon - timedelta(minutes=5), "standing", customers.good_standing(home, noon - _DAY)
        ),
        _call(day, "12:00", "opt out", "/v1/optouts", body),
    ]


def _served(registry: Path, end: date) -> list[dict[str, Any]]:
    """State what is needed to cut some homes off when time is real; only a demo that serves."""
    opens_s = next_office_morning(int(datetime.combine(end, time(), ZONE).timestamp()))
    opens = datetime.fromtimestamp(opens_s, ZONE)
    homes = list(lawful_homes(registry).values())[:HOMES_SERVED]
    stated = [
        _states(opens - timedelta(minutes=30), "arrears", customers.arrears(home, opens))
        for home in homes
    ]
    first, last = opens - timedelta(minutes=10), opens + timedelta(hours=SERVED_HOURS)
    return [*stated, *(_feeds(at) for at in customers.feed_times(first, last))] if homes else []


def _states(at: datetime, name: str, facts: list[dict[str, Any]]) -> dict[str, Any]:
    return _post(at, f"state {name}", "/v1/facts", {"facts": facts}, token="customer_system")  # noqa: S106 - a name


def _feeds(at: datetime) -> dict[str, Any]:
    return _states(at, "feeds", customers.feeds(at))


def _approval(at: datetime, badge: str) -> dict[str, Any]:
    path = "/v1/controls/{newest}/approve"
    approval = _post(at, f"approve {badge}", path, {"reason": "notices seen"}, token="approver")  # noqa: S106 - a name
    return approval | {"newest_of": badge}


def _control(day: date, at: str, action: str, meter: str, *, cause: str) -> dict[str, Any]:
    body = {"action": action, "meter": meter, "cause": cause}
    return _call(day, at, f"{action} {meter}", "/v1/controls", body)


def _call(day: date, at: str, name: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    return _post(_local(day, at), name, path, body, token="requester")  # noqa: S106 - a name


def _post(
    at: datetime, name: str, path: str, body: dict[str, Any], *, token: str
) -> dict[str, Any]:
    return {
        "at": at.isoformat(),
        "name": name,
        "method": "POST",
        "path": path,
        "body": body,
        "token": token,
    }


def _local(day: date, at: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(at), ZONE)


def _at(day: date, at: str) -> str:
    """Return a local time as a script names it."""
    return datetime.combine(day, time.fromisoformat(at)).isoformat()
