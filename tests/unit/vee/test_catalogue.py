"""The catalogue names every rule, and the reference is the catalogue."""

import importlib
import re
from pathlib import Path

import pytest

from mdms.domain.errors import RejectReason
from tests.unit.vee.build import RULES as SHIPPED
from vee.catalogue import RULES, Rule

PAGE = Path(__file__).parents[3] / "docs/reference/vee-rules.md"
NUMBERS = [*range(1, 15), *range(20, 38), *range(40, 47), *range(50, 59)]


def shipped(key: str) -> str:
    node: object = SHIPPED
    for part in key.split("."):
        node = getattr(node, part)
    if isinstance(node, bool):
        return "true" if node else "false"
    return "by class" if isinstance(node, dict) else str(node)


def row(rule: Rule) -> str:
    """The rule's line of the reference."""
    cells = (
        f"`{rule.code}`",
        rule.name,
        rule.utilities,
        ", ".join(rule.severities),
        ", ".join(f"`{key}` {shipped(key)}" for key in rule.keys) or "-",
        ", ".join(f"`{place}`" for place in rule.decided),
        rule.says,
    )
    return f"| {' | '.join(cells)} |"


def test_no_rule_of_the_specification_is_left_out():
    assert [rule.number for rule in RULES] == NUMBERS


def test_the_reference_is_the_catalogue_with_the_defaults_as_shipped():
    rows = re.findall(r"^\| `V\d\d` .*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    assert rows == [row(rule) for rule in RULES]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_a_rule_is_decided_where_the_catalogue_says(rule):
    assert rule.decided
    for place in rule.decided:
        if "." in place:
            importlib.import_module(place)
        else:
            assert place in set(RejectReason)


def test_every_key_that_judges_belongs_to_a_rule():
    judging = {"bookend", "clock", "sum_check", "history", "spike", "static", "step", "reactive",
               "received", "voltage", "demand", "reverse_flow", "period"}  # fmt: skip
    named = {key for rule in RULES for key in rule.keys}

    for table in judging:
        for key in getattr(SHIPPED, table).__slots__:
            assert f"{table}.{key}" in named, f"{table}.{key} is read by no rule"
