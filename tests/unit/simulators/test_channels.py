from datetime import date, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mdms.domain.readings import Bool, Int64
from simulators import builder
from simulators.calendar import LocalDay
from simulators.channels import HISTORY, Counters, blocks_of
from simulators.load.source import Metered

CITY = builder.build(meters=8, start=date(2026, 11, 3), seed=1)
BLOCK = blocks_of(CITY)[0]
DAYS = [LocalDay.of(date(2026, 11, 3) + timedelta(days=k)) for k in range(2)]


def days_of(rows: int) -> st.SearchStrategy[tuple[Int64, Bool]]:
    values = arrays.arrays(np.int64, (rows, 192), elements=st.integers(0, 65_535))
    gaps = arrays.arrays(np.bool_, (rows, 192), elements=st.booleans())
    return st.tuples(values, gaps)


@given(drawn=days_of(len(BLOCK)), newest=st.integers(0, 192))
def test_the_register_difference_equals_the_deltas_and_what_is_missing(drawn, newest):
    values, gaps = drawn
    counters = Counters(BLOCK, CITY.start_s)
    for number, day in enumerate(DAYS):
        if newest > 96 * number or number == 0:
            part = slice(96 * number, 96 * (number + 1))
            counters.count(day, Metered(values[:, part], gaps[:, part]))
    rows = np.arange(len(BLOCK))

    recall = counters.recall(rows, np.full(len(BLOCK), CITY.start_s + 900 * newest))

    carried = min(newest, HISTORY)
    back = slice(newest - carried, newest)
    assert (recall.count == carried).all()
    assert (recall.delta[:, :carried] == np.where(gaps, 0, values)[:, back][:, ::-1]).all()
    assert (recall.gap[:, :carried] == gaps[:, back][:, ::-1]).all()
    assert not recall.delta[:, carried:].any()
    assert not recall.gap[:, carried:].any()
    counted = BLOCK.initial + values[:, :newest].sum(axis=1)
    assert (recall.register == counted % BLOCK.modulus).all()


def test_channels_are_numbered_without_holes():
    blocks = blocks_of(CITY)

    numbers = [block.first + row for block in blocks for row in range(len(block))]
    assert numbers == list(range(len(CITY.registry.channels)))
