"""From meters without power to what failed: a service, a transformer, a feeder; vee.md 9.2."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from mdms.domain.readings import Bool, Int64
from vee.grid.interruptions import Interruptions
from vee.grid.rules import OutageRules

NO_DEVICE = -1
"""A meter of which nobody knows what feeds it."""


class Device(StrEnum):
    """What failed."""

    SERVICE = "service"
    TRANSFORMER = "transformer"
    FEEDER = "feeder"


@dataclass(frozen=True, slots=True)
class Network:
    """
    What feeds what.

    Attributes:
        transformer: Row of each meter's transformer, NO_DEVICE where unknown, shape (meters,).
        reporting: Meters that can be heard and whose switch is not open, shape (meters,).
        feeder: Row of each transformer's feeder, shape (transformers,).
    """

    transformer: Int64
    reporting: Bool
    feeder: Int64


@dataclass(frozen=True, slots=True)
class Outage:
    """
    One failure.

    Attributes:
        device: What kind of thing failed.
        number: Its row: of a meter, a transformer or a feeder.
        from_s: First meter to fail.
        until_s: Last meter to have power again; NOT_YET_S while one has none.
        rows: Interruptions that are part of it.
        transformers: Rows of the transformers that are OUT with it.
    """

    device: Device
    number: int
    from_s: int
    until_s: int
    rows: Int64
    transformers: tuple[int, ...]


def outages(
    found: Interruptions, network: Network, rules: OutageRules, *, now_s: int
) -> list[Outage]:
    """
    Return what failed, in order of time.

    A transformer is OUT when enough of its reporting meters fail together, and a feeder when enough
    of its transformers do; a meter alone is a service: its neighbours have power.

    Args:
        found: Interruptions while the switch was closed.
        network: What feeds each meter.
        rules: What is enough.
        now_s: How long those that last have lasted.
    """
    rows = np.flatnonzero(found.length_s(now_s) > rules.out_after_s)
    fed = network.transformer[found.meter[rows]]
    reporting = np.bincount(
        network.transformer[network.reporting & (network.transformer != NO_DEVICE)],
        minlength=len(network.feeder),
    )
    least = np.maximum(rules.meters_min, np.ceil(rules.share_min * reporting)).astype(np.int64)
    least = np.append(least, len(found) + 1)  # NO_DEVICE takes the last: never enough
    order = np.lexsort((found.from_s[rows], fed))
    rows, fed = rows[order], fed[order]
    transformers: list[Outage] = []
    alone = np.ones(len(rows), np.bool_)
    for part in _together(
        fed, found.from_s[rows], found.until_s[rows], least[fed], rules.together_s
    ):
        if len(np.unique(found.meter[rows[part]])) < least[fed[part.start]]:
            continue
        alone[part] = False
        number = int(fed[part.start])
        transformers.append(_outage(found, Device.TRANSFORMER, number, rows[part], (number,)))
    services = [
        _outage(found, Device.SERVICE, int(found.meter[row]), np.array([row]), ())
        for row in rows[alone].tolist()
    ]
    devices = [*_feeders(found, transformers, network, rules), *services]
    return sorted(devices, key=lambda outage: (outage.from_s, outage.device, outage.number))


def _feeders(
    found: Interruptions, transformers: list[Outage], network: Network, rules: OutageRules
) -> Iterator[Outage]:
    """Yield transformers that are OUT, those of a feeder that fail together as one."""
    ordered = sorted(transformers, key=lambda each: (network.feeder[each.number], each.from_s))
    feeder = network.feeder[[each.number for each in ordered]]
    from_s = np.array([each.from_s for each in ordered], np.int64)
    until_s = np.array([each.until_s for each in ordered], np.int64)
    least = np.full(len(ordered), rules.transformers_min)
    rolled = np.zeros(len(ordered), np.bool_)
    for part in _together(feeder, from_s, until_s, least, rules.together_s):
        numbers = tuple(sorted({each.number for each in ordered[part]}))
        if len(numbers) < rules.transformers_min:
            continue
        rolled[part] = True
        rows = np.concatenate([each.rows for each in ordered[part]])
        yield _outage(found, Device.FEEDER, int(feeder[part.start]), rows, numbers)
    yield from (each for each, is_rolled in zip(ordered, rolled, strict=True) if not is_rolled)


def _together(
    group: Int64, from_s: Int64, until_s: Int64, least: Int64, together_s: int
) -> Iterator[slice]:
    """
    Yield runs of rows of one group that fail together, at least as many as their `least` says.

    Rows are sorted by group and begin. What fails later, while the first are out, belongs to them.
    """
    if not len(group):
        return
    span = int(from_s.max() - from_s.min()) + together_s + 1
    key = group * span + (from_s - from_s.min())
    count = np.searchsorted(key, key + together_s, side="right") - np.arange(len(key))
    done = 0
    for start in np.flatnonzero(count >= least).tolist():  # outages are few; rows are the long axis
        if start < done:
            continue
        end = start + int(count[start])
        over_s = int(until_s[start:end].max())
        while end < len(group) and group[end] == group[start] and from_s[end] < over_s:
            end += 1
        done = end
        yield slice(start, end)


def _outage(
    found: Interruptions, device: Device, number: int, rows: Int64, transformers: tuple[int, ...]
) -> Outage:
    return Outage(
        device=device,
        number=number,
        from_s=int(found.from_s[rows].min()),
        until_s=int(found.until_s[rows].max()),
        rows=rows,
        transformers=transformers,
    )
