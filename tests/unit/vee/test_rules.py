"""The ruleset file: strict, one sentence per mistake, known by its content."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from mdms.domain.registry import Commodity
from tests.unit.vee.build import RULES
from vee.rules import RuleSet
from vee.rules_file import RuleSetError, read, written

TEXT = (Path(__file__).parents[3] / "config/vee/residential.toml").read_text()


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("align_s = 60", "align_s = 'no'", "bookend.align_s must be a whole number from 0 to 300"),
        ("align_s = 60", "align_s = 60.5", "bookend.align_s must be a whole number"),
        ("align_s = 60", "align_s = true", "bookend.align_s must be a whole number"),
        ("align_s = 60", "align = 60", "bookend.align is not a known key"),
        ("backstep_quanta_max = 10", "", "bookend.backstep_quanta_max is missing"),
        ("linear_h_max = 2.0", "linear_h_max = 99", "estimate.linear_h_max must be a number from"),
        ("gas_250 = 275", "gas_250 = 0", "gas.classes.gas_250 must be a whole number from 1"),
        ("reversible = true", "reversible = 1", "water.reversible must be true or false, not 1"),
        ("2026-01-01", "'2026-01-01'", "holidays must be a date like 2026-11-26"),
        ("2026-01-01", "2026-01-01T00:00:00", "holidays must be a date like"),
        ("effective = 2026-01-01", "effective = 3", "edition.effective must be a date like"),
        ('version = "2026.1"', "version = 3", "edition.version must be text, not 3"),
        ("[bookend]", "bookend = 3\n[other]", "is not a known key"),
        ("[bookend]", "[bookend", "is not TOML"),
    ],
)
def test_a_broken_key_is_named_in_one_sentence(old, new, sentence):
    assert old in TEXT

    with pytest.raises(RuleSetError) as raised:
        RuleSet.parse(TEXT.replace(old, new, 1), name="city.toml")

    assert str(raised.value).startswith("city.toml")
    assert sentence in str(raised.value)
    assert str(raised.value).endswith(".")


@pytest.mark.parametrize(
    ("table", "sentence"),
    [("bookend = 3\n", "bookend must be a table"), ("holidays = 3\n", "must be a list of dates")],
)
def test_a_value_of_the_wrong_kind_is_refused(table, sentence):
    name = table.split()[0]
    body = TEXT if name == "holidays" else TEXT.replace("[bookend]", "[sum]", 1)
    if name == "holidays":
        body = TEXT[TEXT.index("[edition]") :]
    else:
        start, end = TEXT.index("[bookend]"), TEXT.index("[clock]")
        body = TEXT[:start] + TEXT[end:]

    with pytest.raises(RuleSetError, match=sentence):
        RuleSet.parse(table + body, name="city.toml")


def test_a_number_whose_range_nobody_gave_is_our_mistake():
    @dataclass(frozen=True, slots=True)
    class Table:
        days: int

    with pytest.raises(AssertionError, match="days: say in its type between what it may lie"):
        read(Table, {"days": 3})


def test_a_set_from_before_a_key_keeps_its_hash_and_means_the_default():
    start, end = TEXT.index("[weather]"), TEXT.index("[electric]")
    older = RuleSet.parse(TEXT[:start] + TEXT[end:], name="older")
    part = RuleSet.parse(TEXT.replace("days_min = 20 ", "days_min = 25 "), name="newer")

    assert older == RULES
    assert older.hash == RULES.hash
    assert part.weather.days_min == 25
    assert part.hash != RULES.hash


def test_a_set_that_is_written_reads_as_the_same():
    changed = TEXT.replace('"Utilities Director"', '"Zoë \\"Z\\" Ångström"')
    for rules in (RULES, RuleSet.parse(changed, name="city")):
        again = RuleSet.parse(written(rules), name="written")

        assert (again, again.hash) == (rules, rules.hash)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(RuleSetError, match=r"no\.toml cannot be read"):
        RuleSet.load(tmp_path / "no.toml")


def test_the_hash_is_made_once_for_every_day_that_it_is_kept_with():
    assert RULES.hash is RULES.hash


def test_the_hash_is_of_the_content_not_of_the_text():
    same = RuleSet.parse("# a comment\n" + TEXT.replace("2.0  ", "2.00 "), name="a")
    other = RuleSet.parse(TEXT.replace("align_s = 60", "align_s = 59"), name="b")

    assert same.hash == RULES.hash
    assert other.hash != RULES.hash


@pytest.mark.parametrize(
    ("commodity", "service_class", "interval_s", "limit"),
    [
        (Commodity.ELECTRIC, "electric_100a", 900, 6_300),
        (Commodity.ELECTRIC, "electric_320a", 900, 20_160),
        (Commodity.WATER, "water_5_8", 3600, 12_000),
        (Commodity.GAS, "gas_250", 3600, 275),
        (Commodity.ELECTRIC, "a class nobody listed", 3600, 302_600),
    ],
)
def test_the_limit_of_an_interval_follows_its_class(commodity, service_class, interval_s, limit):
    assert RULES.interval_limit(commodity, service_class, interval_s) == limit
