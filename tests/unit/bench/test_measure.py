"""How figures are taken and compared."""

import pytest

from tests.bench.measure import Series, interleave

OURS = Series("ours", "rows/s", (50.0, 90.0, 60.0))
LIMIT = Series("limit", "rows/s", (100.0, 100.0, 200.0))


def test_a_row_is_the_median_of_its_rounds_and_how_far_they_lie_apart():
    row = OURS.row()

    assert (row.value, row.rounds) == (60.0, 3)
    assert row.spread == pytest.approx(40 / 60)
    assert (row.against, row.ratio, row.goal) == (None, None, None)


def test_a_ratio_compares_what_ran_in_the_same_round():
    row = OURS.row(LIMIT, goal="ratio >= 0.9")

    assert row.against == "limit"
    assert row.ratio == pytest.approx(0.5), "of 0.5, 0.9 and 0.3; the medians alone say 0.6"
    assert row.goal == "ratio >= 0.9"


def test_contenders_take_turns_and_the_first_turn_is_not_counted():
    turns: list[str] = []

    def contender(name: str) -> dict[str, float]:
        turns.append(name)
        return {name: float(len(turns))}

    found = interleave(
        [lambda: contender("a"), lambda: contender("b")], {"a": "rows/s", "b": "rows/s"}, rounds=2
    )

    assert turns == ["a", "b"] * 3
    assert found["a"].rates == (3.0, 5.0)
    assert found["b"].rates == (4.0, 6.0)
