"""Fees and terms are those of the edition in force on the day; before the first there are none."""

from datetime import date
from decimal import Decimal

import pytest

from mdms.policy.rulebook import Rulebook
from mdms.policy.tables import TableError
from mdms.settings import config_dir

TEXTS = {path.name: path.read_text() for path in (config_dir() / "policy").glob("*.toml")}

ADOPTED = """
version = "adopted"
effective_on = 2027-01-01
approved_by = "council"
source = "schedules C-1 and C-4"

[optout]
account_months_min = 12
form_days = 30

[optout.fees]
set_up_usd = 85
monthly_usd = 17.50
"""


def test_a_new_edition_of_the_fees_holds_from_its_day_on_and_changes_nothing_else():
    before = Rulebook.parse(TEXTS).customer_at(date(2027, 1, 1))
    book = Rulebook.parse(TEXTS | {"adopted.toml": ADOPTED})

    last_day, first_day = book.customer_at(date(2026, 12, 31)), book.customer_at(date(2027, 1, 1))

    assert last_day == before
    assert first_day.optout.fees.monthly_usd == Decimal("17.50")
    assert first_day.self_read == before.self_read
    assert first_day.hash != before.hash


def test_an_edition_that_nobody_approved_is_never_in_force():
    proposed = ADOPTED.replace('"council"', '""')

    book = Rulebook.parse(TEXTS | {"proposed.toml": proposed})

    assert book.customer_at(date(2027, 6, 1)).optout.fees.set_up_usd == 100


def test_nothing_is_judged_on_a_day_without_rules():
    with pytest.raises(TableError, match="optout"):
        Rulebook.parse(TEXTS).customer_at(date(2020, 1, 1))


def test_commands_are_judged_without_the_rules_of_customers():
    only = {name: text for name, text in TEXTS.items() if name.startswith("disconnect")}

    day = date(2026, 12, 1)
    assert Rulebook.parse(only).at(day) == Rulebook.parse(TEXTS).at(day)
