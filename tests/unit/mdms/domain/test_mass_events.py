"""Which collectors a silence points at."""

from mdms.domain.mass_events import Brought, fallen_silent


def test_collectors_that_brought_less_than_half_are_named_the_largest_loss_first():
    brought = [
        Brought("A", 49, 100),
        Brought("B", 0, 900),
        Brought("C", 50, 100),
        Brought("D", 300, 200),
    ]

    assert fallen_silent(brought) == ("B", "A")


def test_a_collector_that_never_brought_anything_is_not_missed():
    assert fallen_silent([Brought("A", 0, 0), Brought("B", 7, 0)]) == ()
