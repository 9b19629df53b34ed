"""Rule sets in order of their days, how two differ, and worked examples."""

from datetime import date
from pathlib import Path

import pytest

from tests.unit.vee.build import RULES
from vee.editions import Editions, differences
from vee.examples import tried
from vee.rules import RuleSet

TEXT = (Path(__file__).parents[3] / "config/vee/residential.toml").read_text()


def candidate(*changes: tuple[str, str], effective: str = "2026-12-01") -> RuleSet:
    text = TEXT.replace("effective = 2026-01-01", f"effective = {effective}")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return RuleSet.parse(text, name="candidate")


def test_each_day_is_judged_by_the_rules_of_that_day():
    december, march = candidate(), candidate(effective="2027-03-01")
    editions = Editions.of(RULES, march, december)

    judged = [
        editions.on(day)
        for day in (
            date(2025, 1, 1),
            date(2026, 11, 30),
            date(2026, 12, 1),
            date(2027, 2, 28),
            date(2027, 3, 1),
        )
    ]

    assert judged == [RULES, RULES, december, december, march]
    assert [(reign.first, reign.last) for reign in editions.reigns()] == [
        (date.min, date(2026, 11, 30)),
        (date(2026, 12, 1), date(2027, 2, 28)),
        (date(2027, 3, 1), date.max),
    ]


def test_two_rule_sets_differ_in_the_keys_that_were_changed():
    other = candidate(("excess_per_cent = 180", "excess_per_cent = 200"))

    found = {each.key: (each.old, each.new) for each in differences(RULES, other)}

    assert found == {
        "edition.effective": (date(2026, 1, 1), date(2026, 12, 1)),
        "spike.excess_per_cent": (180, 200),
    }


def test_the_shipped_rules_speak_where_the_cases_say():
    spoken = tried(RULES)

    assert {name for name, speaks in spoken.items() if speaks} == {
        "V21 12.7 kWh in a quarter of an hour",
        "V20 -0.05 kWh delivered",
        "V23 highest 9.0, third 3.0 kWh",
        "V24 the same, 60-day maximum 5.0",
        "V26 0.417 kWh 24 times",
        "V45 register 500 Wh above the sum",
        "V31 1.2 kWh received, no generation",
        "V25 two days without usage",
    }
    assert len(spoken) == 13


@pytest.mark.parametrize(
    ("old", "new", "silenced"),
    [
        ("excess_per_cent = 180", "excess_per_cent = 201", "V23 highest 9.0, third 3.0 kWh"),
        ("intervals = 24 ", "intervals = 25 ", "V26 0.417 kWh 24 times"),
        (
            "electric_200a = 50_400",
            "electric_200a = 50_800",
            "V21 12.7 kWh in a quarter of an hour",
        ),
    ],
)
def test_a_candidate_that_says_less_is_seen(old, new, silenced):
    spoken = tried(candidate((old, new)))

    assert not spoken[silenced]
