"""The catalogue names every rule; tests/test_docs.py holds the reference to it."""

import ast
import importlib
import re
from dataclasses import fields
from pathlib import Path

import pytest

import vee
from mdms.domain.errors import RejectReason
from mdms.domain.readings import rule_bit
from mdms.domain.registry import Commodity
from mdms.ports.vee import BILL_RULES
from tests.unit.vee.build import RULES as SHIPPED
from vee.catalogue import RETIRED, RULES

SPECIFIED = {*range(1, 15), *range(20, 38), *range(40, 47), *range(50, 59)}
"""Other numbers below 59 are free for rules of our own."""
NO_RULES = {"holidays", "edition", "estimate", "weather", "mass_event"}
"""Tables with keys that no rule reads."""
VEE = sorted(Path(vee.__file__).parent.glob("*.py"))
MARKING = {"values", "of_days", "add_days", "_days", "_of_rows"}
"""What the number of the rule that spoke is told to."""


def test_no_rule_of_the_specification_is_left_out():
    numbers = [rule.number for rule in RULES]

    assert numbers == sorted(set(numbers))
    assert set(numbers) >= SPECIFIED


def test_masks_have_a_bit_for_every_rule_and_none_for_the_marks_of_estimates():
    assert len({rule_bit(rule.number) for rule in RULES}) == len(RULES)
    for number in (0, 59, 63):
        with pytest.raises(AssertionError, match=f"no bit for rule {number}"):
            rule_bit(number)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_rule_is_decided_where_the_catalogue_says(rule):
    assert rule.decided
    for place in rule.decided:
        if "." in place:
            importlib.import_module(place)
        else:
            assert place in set(RejectReason)


def test_rules_of_bills_are_those_that_are_decided_over_bills():
    over_bills = {
        "vee.bill",
        "vee.period",
        "mdms.services.bill_dials",
        "mdms.services.self_read_months",
    }

    assert {rule.code for rule in RULES if not over_bills.isdisjoint(rule.decided)} == BILL_RULES


def test_every_key_that_judges_belongs_to_a_rule():
    tables = {each.name: type(getattr(SHIPPED, each.name)) for each in fields(SHIPPED)}
    named = {key for rule in RULES for key in rule.keys} | RETIRED

    for table in tables.keys() - NO_RULES - set(Commodity):
        for key in fields(tables[table]):
            assert f"{table}.{key.name}" in named, (
                f"{table}.{key.name} is read by no rule: name it in a row of vee/catalogue.py"
            )


def test_every_key_is_asked_for_somewhere():
    root = Path(vee.__file__).parents[1]
    modules = {*(root / "vee").rglob("*.py"), *(root / "mdms").rglob("*.py")}
    code = "".join(each.read_text() for each in modules if each.name != "catalogue.py")

    for table in fields(SHIPPED):
        for key in getattr(getattr(SHIPPED, table.name), "__dataclass_fields__", ()):
            name = f"{table.name}.{key}"
            asked = re.search(rf'\.{key}\b|"{key}"', code)
            assert asked or name in RETIRED, f"{name} of vee/rule_tables.py changes nothing"


def test_every_key_that_a_rule_names_is_in_the_rule_set():
    for rule in RULES:
        for key in rule.keys:
            table, _, name = key.partition(".")
            assert hasattr(getattr(SHIPPED, table), name), (
                f"{rule.code} reads {key}, which is no key of vee/rule_tables.py"
            )


@pytest.mark.parametrize("path", VEE, ids=lambda path: path.stem)
def test_a_rule_that_a_module_marks_says_in_the_catalogue_that_it_is_decided_there(path):
    module = f"vee.{path.stem}"
    decided = {rule.number for rule in RULES if module in rule.decided}
    told = [
        call.args[0]
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in MARKING
    ]
    marked = {each.value for each in told if isinstance(each, ast.Constant)}

    missing = marked - decided
    assert not missing, f"{module} marks rules {missing}: say so in their row of vee/catalogue.py"
