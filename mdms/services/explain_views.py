"""The parts of an explanation as plain values."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from mdms.domain.time import from_epoch_s, local_day
from mdms.ports.vee import VeeDay
from vee.explanation import Source
from vee.factors import Factor
from vee.rules import RuleSet

Badges = Mapping[int, str]
"""The meter of each channel."""


def source_view(source: Source, badges: Badges, zone: ZoneInfo) -> dict[str, Any]:
    """Return a value that an estimate rests on."""
    start = from_epoch_s(source.start_s)
    return {
        "meter": badges[source.channel_id],
        "day": local_day(start, zone).isoformat(),
        "start": start.astimezone(zone).isoformat(),
        "value": source.value,
        "weight": round(source.weight, 4),
    }


def factor_view(factor: Factor, badges: Badges) -> dict[str, Any]:
    """Return a number that an estimate was multiplied from, and whose days it is taken from."""
    return {
        "name": factor.name,
        "value": round(factor.value, 6),
        "meters": [badges[each] for each in factor.channel_ids],
        "from": factor.first.isoformat(),
        "to": factor.last.isoformat(),
    }


def outcome_view(outcome: VeeDay | None, rules: RuleSet | None) -> dict[str, Any] | None:
    """Return how a day was judged; None where it was not."""
    if outcome is None:
        return None
    return {
        "day": outcome.local_day.isoformat(),
        "judged_at": outcome.recorded_at.isoformat(),
        "times_judged": outcome.version + 1,
        "ruleset_hash": outcome.ruleset_hash,
        "ruleset": rules.edition.version if rules else None,
        "approved_by": rules.edition.approved_by if rules else None,
    }
