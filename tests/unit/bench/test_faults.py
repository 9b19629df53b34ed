"""Faults in a few simulated homes; `make bench ONLY=faults` measures many."""

import numpy as np
import pytest

from tests.bench import faults

HOMES, SEED = 6, 3
SHIFT = "shifted by 1 h"
"""Hardly changes the sum of a day; a clock is found by when its frames come."""
TRUE = {service: faults.homes(service, HOMES, SEED) for service in faults.SERVICES}


@pytest.mark.parametrize("service", faults.SERVICES, ids=lambda each: each.commodity.value)
def test_good_reads_are_not_kept_from_billing(service):
    assert faults.kept_in_vain(TRUE[service], service, every=0) == 0


@pytest.mark.parametrize(
    ("kind", "every"),
    [(kind, every) for kind in faults.KINDS for every in (0, 8) if (kind, every) != (SHIFT, 0)],
)
def test_every_fault_is_caught_where_registers_are_read(kind, every):
    found = faults.measure(
        kind, TRUE[faults.ELECTRIC], faults.ELECTRIC, every, np.random.default_rng(SEED)
    )

    assert found.faults
    assert found.caught == 1


def test_a_fault_changes_its_own_home_and_no_day_of_history():
    true = TRUE[faults.WATER]

    hit = faults.strike("unit swap", true, faults.WATER, np.random.default_rng(SEED))

    assert not hit.wrong[:, : faults.HISTORY_DAYS * 24].any()
    assert (hit.value[~hit.wrong] == true[~hit.wrong]).all()
    assert hit.wrong.any()
