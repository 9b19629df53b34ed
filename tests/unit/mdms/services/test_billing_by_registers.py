"""Time of use of a meter whose radio is off: what came before is a basis, or the bill waits."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from mdms.domain.facts import CisFact, Subject
from mdms.domain.registry import Radio
from tests.unit.mdms.services.test_billing_run import END, START, Bench

SAID = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("came", "frozen", "blocked"),
    [
        (720, 3, {}),
        (700, 3, {}),
        (300, 2, {"period_check": 1}),  # V53: more than half is estimated
        (5, 2, {"not_counted": 1}),
    ],
)
async def test_buckets_rest_on_the_intervals_that_came_or_wait(came, frozen, blocked):
    bench = Bench()
    registry = bench.database.registry.registry
    silent = [
        replace(meter, radio=Radio.OFF) if meter.badge == "E2" else meter
        for meter in registry.meters
    ]
    bench.database.registry.registry = replace(registry, meters=tuple(silent))
    bench.database.facts.statements = [
        CisFact(
            subject=Subject.USAGE_POINT,
            subject_id="U2",
            fact="rate_schedule",
            value="E-1-TOU",
            effective_at=SAID,
            known_at=SAID,
        )
    ]
    reads = bench.database.readings.interval_reads
    place = np.cumsum(reads.channel_id == 2)
    bench.database.readings.interval_reads = reads.take((reads.channel_id != 2) | (place <= came))

    result = await bench.service.freeze(START, END)

    assert (result.frozen, dict(result.blocked)) == (frozen, blocked)
