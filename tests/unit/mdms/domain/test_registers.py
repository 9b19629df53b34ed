"""Which register reads a bracket may stand on: what was read, never what was made up."""

import numpy as np
import pytest

from mdms.domain.readings import RegisterReads, Source, Status


def reads(*versions: tuple[int, Status, int]) -> RegisterReads:
    """Versions of one instant: number, status, value."""
    count = len(versions)
    return RegisterReads(
        channel_id=np.ones(count, np.int32),
        at_s=np.full(count, 900, np.int64),
        version=np.array([number for number, *_ in versions], np.int16),
        value=np.array([value for *_, value in versions], np.int64),
        status=np.array([status.code for _, status, _ in versions], np.uint8),
        recorded_us=np.arange(count, dtype=np.int64),
        source=np.full(count, Source.UPLINK, np.int16),
    )


@pytest.mark.parametrize(
    ("versions", "measured"),
    [
        ([(0, Status.RAW, 700), (1, Status.ESTIMATED, 9999)], [700]),
        ([(0, Status.RAW, 700), (1, Status.EDITED, 701), (2, Status.FINAL_ESTIMATE, 9)], [701]),
        ([(0, Status.RAW, 700), (1, Status.SUSPECT, 700)], []),
        ([(1, Status.ESTIMATED, 9999)], []),
        ([(0, Status.RAW, 700)], [700]),
    ],
)
def test_a_read_goes_before_an_estimate_and_a_held_one_stands_for_nothing(versions, measured):
    assert reads(*versions).measured().value.tolist() == measured
