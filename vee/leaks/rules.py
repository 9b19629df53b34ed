"""What is taken for a leak, as data: config/vee/leaks.toml, and later editions beside it."""

import dataclasses
import hashlib
import json
import math
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from vee.leaks.memory import BRANCHES, DAYS, NIGHTS, RECENT_H, WEEKS
from vee.rule_tables import Edition
from vee.rules_file import AMOUNT, RuleSetError, read


class Baseline(StrEnum):
    """What normal flow at night is known from."""

    NONE = "none"
    NIGHTS = "nights"
    DECLARED = "declared"


@dataclass(frozen=True, slots=True)
class Test:
    """Flow of at least so much for so many hours in a row; no hours, no test."""

    gal_h: float
    hours: int

    @property
    def is_made(self) -> bool:
        return self.hours > 0


@dataclass(frozen=True, slots=True)
class Grade:
    """The tests for a class of place whose registers show no less than this."""

    place: str
    resolution_gal_max: float
    possible: Test
    slow: Test
    fast: Test
    baseline: str
    nights: bool
    bursts: bool

    @property
    def tests(self) -> tuple[Test, Test, Test]:
        return self.possible, self.slow, self.fast


@dataclass(frozen=True, slots=True)
class ContinuousRules:
    """Detector C."""

    windows_max: int
    frozen_h_max: int
    rate_window_h: int
    rate_span_h: int
    declared_factor: float


@dataclass(frozen=True, slots=True)
class ClearingRules:
    """When a leak is over."""

    share: float
    again_run_h: int
    again_within_h: int
    window_h: int
    windows: int
    low_hours: int
    shown_days: int


@dataclass(frozen=True, slots=True)
class NightRules:
    """Detector N, and the baseline that nights tell."""

    from_h: int
    until_h: int
    nights: int
    smallest: int
    gal_h: float
    baseline_nights: int
    baseline_nights_min: int
    baseline_factor: float
    baseline_margin_gal_h: float


@dataclass(frozen=True, slots=True)
class IntermittentRules:
    """Detector I."""

    slots: int
    hours: int
    days: int
    above_median: int
    median_days: int
    median_days_min: int


@dataclass(frozen=True, slots=True)
class Branch:
    """At least so much in each of so many hours, the first of which lies in these of the day."""

    gal_h: float
    hours: int
    from_h: int
    until_h: int

    def starts(self, wall_h: int) -> bool:
        """Return whether a burst of this branch may begin in an hour of the local clock."""
        if self.from_h < self.until_h:
            return self.from_h <= wall_h < self.until_h
        return wall_h >= self.from_h or wall_h < self.until_h


@dataclass(frozen=True, slots=True)
class BurstRules:
    """Detector B."""

    habit_weeks: int
    habit_min: int
    habit_days_min: int
    habit_share: float
    branches: tuple[Branch, ...]


@dataclass(frozen=True, slots=True)
class GuardRules:
    """Whom nothing is concluded about."""

    install_days: int
    pool_fill_h: int
    steady_days: int
    steady_share: float
    steady_margin_gal_h: float
    excluded_flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AckRules:
    """What "it is normal" does."""

    factor: float
    days: int


@dataclass(frozen=True, slots=True)
class NoticeRules:
    """When customers are told again."""

    days: tuple[int, ...]
    weekly_days: int
    rate_factor: float


@dataclass(frozen=True, slots=True)
class SeverityRules:
    """Where severities begin."""

    gal_h: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Badge:
    """What a gas meter of a service class can pass."""

    service_class: str
    cf_h: float


@dataclass(frozen=True, slots=True)
class GasRules:
    """Checks G1 to G3."""

    capacity_share: float
    idle_quanta_max: int
    night_rise_cf_h: float
    night_rise_factor: float
    night_days: int
    baseline_days: int
    baseline_days_min: int
    nights: int
    warm_f: float
    badges: tuple[Badge, ...]


@dataclass(frozen=True)
class LeakRules:
    """Everything that leak detection may be told; the comments of the file say what it means."""

    edition: Edition
    continuous: ContinuousRules
    clearing: ClearingRules
    night: NightRules
    intermittent: IntermittentRules
    burst: BurstRules
    guards: GuardRules
    acknowledged: AckRules
    notices: NoticeRules
    severity: SeverityRules
    grades: tuple[Grade, ...]
    gas: GasRules

    @classmethod
    def parse(cls, text: str, *, name: str) -> "LeakRules":
        """
        Read rules from their text; `name` is what messages call it.

        Raises:
            RuleSetError: It is no TOML, a key is broken, missing or unknown, or a test asks more
                than the register of its grade can show.
        """
        try:
            rules = read(cls, tomllib.loads(text), within=AMOUNT)
            _check(rules)
        except (tomllib.TOMLDecodeError, RuleSetError) as error:
            raise RuleSetError(f"{name}: {error}") from error
        return rules

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the content: order, comments and spelling of numbers do not count."""
        canonical = json.dumps(dataclasses.asdict(self), sort_keys=True, default=str)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def grade(self, place: str, resolution_gal: float) -> Grade | None:
        """Return the first grade that fits a register; None: only nights can tell."""
        for grade in self.grades:
            if grade.place == place and resolution_gal <= grade.resolution_gal_max:
                return grade
        return None


def window_h(resolution_gal: float, gal_h: float) -> int:
    """Return the hours in which a leak must move the register once; k of vee.md 7.2."""
    return max(1, math.ceil(resolution_gal / gal_h - 1e-9))


def _check(rules: LeakRules) -> None:
    most = rules.continuous.windows_max
    for grade in rules.grades:
        if grade.baseline not in frozenset(Baseline):
            raise RuleSetError(
                f"baseline must be one of {', '.join(Baseline)}, not {grade.baseline!r}."
            )
        for test in grade.tests:
            if test.is_made and test.gal_h <= 0:
                raise RuleSetError(f"a test of {grade.place} needs a flow above 0.")
            if test.is_made and (k := window_h(grade.resolution_gal_max, test.gal_h)) > most:
                raise RuleSetError(
                    f"{test.gal_h:g} gal/h cannot be seen by a register of "
                    f"{grade.resolution_gal_max:g} gal ({grade.place}): it moves once in {k} "
                    f"hours, and {most} are allowed; raise the flow, or leave it to the nights."
                )
    for name, value, limit in (
        ("continuous.windows_max", most, 3),
        ("continuous.rate_span_h", rules.continuous.rate_span_h, RECENT_H),
        ("night.baseline_nights", rules.night.baseline_nights, NIGHTS),
        ("intermittent.median_days", rules.intermittent.median_days, DAYS),
        ("burst.habit_weeks", rules.burst.habit_weeks, WEEKS),
        ("burst.branches", len(rules.burst.branches), BRANCHES),
        (
            "hours of a branch",
            max((each.hours for each in rules.burst.branches), default=0),
            RECENT_H,
        ),
        ("gas.night_days", rules.gas.night_days, NIGHTS),
        ("night.nights", rules.night.nights, NIGHTS),
        ("gas.baseline_days", rules.gas.baseline_days, NIGHTS),
    ):
        if value > limit:
            raise RuleSetError(f"{name} may be at most {limit}: no more is remembered.")
