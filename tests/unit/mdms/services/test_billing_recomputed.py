"""
Frozen services computed a second time, over days of 25 and 23 hours, by plain loops.

The second computation knows only what is stored: versions of reads, who pays when, which meter hung
where, and the rate schedule as a person reads it. It shares no code with mdms.billing or vee.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from io import StringIO
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from mdms.domain.facts import CisFact, Subject
from mdms.domain.reading_types import reading_type
from mdms.domain.readings import IntervalReads, RegisterReads, Source
from mdms.domain.registry import (
    Agreement,
    Channel,
    Commodity,
    Meter,
    Radio,
    Registry,
    UsagePoint,
)
from mdms.ports.vee import VeeRun
from mdms.services.billing_run import BillingService
from tests.fakes import FakeClock
from tests.households import BOOK
from tests.memory import MemoryDatabase
from tests.unit.vee.build import RULES

PACIFIC = ZoneInfo("America/Los_Angeles")
QUARTER_S = 900
MODULUS = 10**6
"""So few digits that registers roll over within the window."""


@dataclass
class City:
    """One net-metered place: two meters one after the other, two accounts one after the other."""

    start: date
    end: date
    exchange: datetime
    moved_on: date

    @property
    def meters(self) -> dict[str, tuple[datetime, datetime | None]]:
        long_ago = datetime(2020, 1, 1, tzinfo=UTC)
        return {"OLD": (long_ago, self.exchange), "NEW": (self.exchange, None)}

    @property
    def accounts(self) -> list[tuple[str, date, date]]:
        return [("A1", self.start, self.moved_on), ("A2", self.moved_on, self.end)]


AUTUMN = City(
    date(2026, 10, 5),
    date(2026, 11, 5),
    datetime(2026, 10, 20, 10, 20, tzinfo=PACIFIC).astimezone(UTC),
    date(2026, 10, 25),
)
SPRING = City(
    date(2027, 2, 20),
    date(2027, 3, 22),
    datetime(2027, 3, 14, 3, 5, tzinfo=PACIFIC).astimezone(UTC),
    date(2027, 3, 2),
)


def midnight_s(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=PACIFIC).timestamp())


def stored(city: City) -> MemoryDatabase:
    """Store what both meters sent, with wrong values that later versions put right."""
    random = np.random.default_rng(7)
    database = MemoryDatabase()
    kinds = {
        direction: reading_type(Commodity.ELECTRIC, direction, QUARTER_S) for direction in (0, 1)
    }
    database.registry.registry = Registry(
        usage_points=(
            UsagePoint(
                "U1", "P1", Commodity.ELECTRIC, "electric_320a", 1,
                net_metering=True, temporary=False, irregular_usage=False,
            ),
        ),
        agreements=(
            Agreement("A1", "U1", date(2020, 1, 1), city.moved_on),
            Agreement("A2", "U1", city.moved_on, None),
        ),
        meters=tuple(
            Meter(
                badge=badge, serial="", radio_id=number, usage_point_id="U1", model="",
                installed_at=installed, removed_at=removed, has_switch=False, pilot=False,
                radio=Radio.ON, register_dials=6, register_resolution=1, multiplier=1, key_id=0,
            )
            for number, (badge, (installed, removed)) in enumerate(city.meters.items())
        ),
        channels=tuple(
            Channel(badge, direction, kind.name, QUARTER_S, "Wh")
            for badge in city.meters
            for direction, kind in kinds.items()
        ),
    )  # fmt: skip
    database.facts.statements = [
        CisFact(
            subject=Subject.USAGE_POINT,
            subject_id="U1",
            fact="rate_schedule",
            value="E-7-TOU",
            effective_at=datetime(2026, 1, 1, tzinfo=UTC),
            known_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
    ]
    after = datetime(city.end.year, city.end.month, city.end.day, 20, tzinfo=UTC)
    database.vee.run = VeeRun(1, after, city.start, city.end, "ruleset", 1, 0)
    known_us = (
        int(datetime(city.end.year, city.end.month, city.end.day, tzinfo=UTC).timestamp()) * 10**6
    )
    intervals, registers = [IntervalReads.empty()], [RegisterReads.empty()]
    for channel_id, channel in enumerate(database.registry.registry.channels, 1):
        installed, removed = city.meters[channel.badge]
        begun_s = max(midnight_s(city.start), int(installed.timestamp()))
        ended_s = min(midnight_s(city.end), int((removed or after).timestamp()))
        start_s = np.arange(midnight_s(city.start), midnight_s(city.end), QUARTER_S)
        value = random.integers(0, 300 if channel.channel == 0 else 60, len(start_s))
        power = np.repeat(value, QUARTER_S) / QUARTER_S
        in_place = (start_s >= begun_s) & (start_s + QUARTER_S <= ended_s)
        wrong = in_place & (random.random(len(start_s)) < 0.05)
        estimated = in_place & (random.random(len(start_s)) < 0.03)
        rows = IntervalReads.raw(
            np.full(in_place.sum(), channel_id), start_s[in_place],
            np.where(wrong, 99, value)[in_place], recorded_us=known_us, source=Source.UPLINK,
        )  # fmt: skip
        later = wrong | estimated
        again = IntervalReads.raw(
            np.full(later.sum(), channel_id), start_s[later], value[later],
            recorded_us=known_us + 1, source=Source.VEE,
        )  # fmt: skip
        again.version[:] = 1
        again.status[:] = np.where(estimated[later], ord("E"), ord("V"))
        intervals += [rows, again]
        shown = 990_000 + np.concatenate(([0], np.cumsum(power)))
        instants = [midnight_s(city.start + timedelta(days=day)) for day in range(40)]
        instants = [
            at for at in instants if begun_s <= at <= ended_s and at <= midnight_s(city.end)
        ]
        if removed is not None:
            instants.append(int(removed.timestamp()))
        if begun_s == int(installed.timestamp()):
            instants.append(begun_s)
        at_s = np.array(sorted(set(instants)))
        registers.append(
            RegisterReads.raw(
                np.full(len(at_s), channel_id), at_s,
                np.round(shown[at_s - midnight_s(city.start)]).astype(np.int64) % MODULUS,
                recorded_us=known_us, source=Source.UPLINK,
            )
        )  # fmt: skip
    database.readings.interval_reads = IntervalReads.concat(*intervals)
    database.readings.register_reads = RegisterReads.concat(*registers)
    return database


# What a person reads in the rate schedule E-7-TOU.

HOLIDAYS = {date(2026, 11, 26), date(2027, 1, 1)}


def bucket(at: datetime) -> str:
    local = at.astimezone(PACIFIC)
    if local.weekday() >= 5 or local.date() in HOLIDAYS:
        return "off_peak"
    if 5 <= local.month <= 10 and 12 <= local.hour < 18:
        return "on_peak"
    return "mid_peak" if 8 <= local.hour < 21 else "off_peak"


def half_up(value: Fraction) -> int:
    return int((value + Fraction(1, 2)) // 1)


def largest_remainder(total: int, weights: dict[str, int]) -> dict[str, int]:
    whole = sum(weights.values())
    shares = {name: Fraction(total * weight, whole) for name, weight in weights.items()}
    parts = {name: int(share // 1) for name, share in shares.items()}
    names = sorted(weights, key=lambda name: -(shares[name] - parts[name]))
    for name in names[: total - sum(parts.values())]:
        parts[name] += 1
    return parts


def newest_versions(database: MemoryDatabase) -> dict[int, dict[int, tuple[int, str]]]:
    """Return value and status of the highest version, by channel and start."""
    versions: dict[tuple[int, int], int] = {}
    newest: dict[int, dict[int, tuple[int, str]]] = {}
    reads = database.readings.interval_reads
    for row in range(len(reads)):
        channel_id, start_s = int(reads.channel_id[row]), int(reads.start_s[row])
        version = int(reads.version[row])
        if versions.get((channel_id, start_s), -1) < version:
            versions[channel_id, start_s] = version
            value = int(reads.value[row]), chr(reads.status[row])
            newest.setdefault(channel_id, {})[start_s] = value
    return newest


def registers_of(database: MemoryDatabase) -> dict[int, dict[int, int]]:
    reads = database.readings.register_reads
    shown: dict[int, dict[int, int]] = {}
    for row in range(len(reads)):
        at_s = int(reads.at_s[row])
        shown.setdefault(int(reads.channel_id[row]), {})[at_s] = int(reads.value[row])
    return shown


@dataclass
class Sums:
    """What flowed in one direction in a period: by registers, by bucket, and the peak in W."""

    usage: int
    buckets: dict[str, int]
    peak: int


def sums(database: MemoryDatabase, direction: int, from_s: int, to_s: int) -> Sums:
    found = Sums(0, dict.fromkeys(("on_peak", "mid_peak", "off_peak"), 0), 0)
    newest, shown = newest_versions(database), registers_of(database)
    for channel_id, channel in enumerate(database.registry.registry.channels, 1):
        mine = [at_s for at_s in shown[channel_id] if from_s <= at_s <= to_s]
        if channel.channel != direction or len(mine) < 2:
            continue
        first, last = shown[channel_id][min(mine)], shown[channel_id][max(mine)]
        found.usage += (last - first) % MODULUS
        for start_s, (value, status) in newest[channel_id].items():
            if from_s <= start_s < to_s:
                found.buckets[bucket(datetime.fromtimestamp(start_s, UTC))] += value
                found.peak = max(found.peak, 0 if status == "E" else value * 4)
    return found


def recomputed(city: City, database: MemoryDatabase) -> dict[tuple[str, str], int]:
    """Return units by account and quantity."""
    found: dict[tuple[str, str], int] = {}
    for account, from_on, to_on in city.accounts:
        units: dict[str, int] = {}
        for direction, name in enumerate(("delivered", "received")):
            flowed = sums(database, direction, midnight_s(from_on), midnight_s(to_on))
            units[name] = half_up(Fraction(flowed.usage, 1000))
            for each, part in largest_remainder(units[name], flowed.buckets).items():
                units[f"{name}_{each}"] = part
            if name == "delivered":
                found[account, "demand_kw"] = half_up(Fraction(flowed.peak, 1000))
        for name in [name for name in units if name.startswith("delivered")]:
            other = name.replace("delivered", "received")
            units[name.replace("delivered", "net")] = units[name] - units[other]
        found |= {(account, f"{name}_kwh"): each for name, each in units.items()}
    return found


async def nothing(_first: date, _last: date, _channel_ids: Sequence[int]) -> None:
    """Leave the reads as they are."""


@pytest.mark.parametrize("city", [AUTUMN, SPRING], ids=["autumn", "spring"])
async def test_frozen_services_equal_a_computation_written_apart(city):
    database = stored(city)
    after = datetime(city.end.year, city.end.month, city.end.day, 20, tzinfo=UTC)
    billing = BillingService(database, FakeClock(after), BOOK, nothing, RULES)

    result = await billing.freeze(city.start, city.end)
    files = await billing.files(city.start, city.end)

    assert (result.services, dict(result.blocked)) == (2, {})
    text = files[f"services_v1_{city.start}_{city.end}.csv"].decode()
    billed = {
        (row["account_id"], row["quantity"]): int(row["units"])
        for row in csv.DictReader(StringIO(text))
        if "candidate" not in row["quantity"]
    }
    assert billed == recomputed(city, database)
    assert sum(units for (_, name), units in billed.items() if name == "delivered_kwh") > 400
