"""Frames of many messages read at once are the frames of each, read alone."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ingest import codecs
from ingest.codecs import fnb1
from ingest.codecs.frames import Frames
from ingest.joined import join
from mdms.domain.readings import Int32
from tests.messages import NOON, READ_TOPIC, frame, message

METERS = st.integers(1, 4)
SCALES = st.sampled_from([0, 1, 9])
"""The last cannot be."""
BATCHES = st.lists(st.lists(st.tuples(METERS, SCALES), min_size=1, max_size=5), max_size=4)


def rows(frames: Frames, index: Int32) -> list[tuple[int, int, list[int]]]:
    return [
        (int(radio_id), int(place), value.tolist())
        for radio_id, place, value in zip(frames.radio_id, index, frames.value, strict=True)
    ]


@given(BATCHES)
def test_joined_messages_give_the_frames_of_each(batches):
    opened = [
        codecs.open_message(
            READ_TOPIC,
            message(
                *(
                    frame(meter_id=meter, scale=scale, deltas=[at + 1])
                    for at, (meter, scale) in each
                ),
                batch_seq=seq,
            ),
            NOON,
        )
        for seq, batch in enumerate(batches, 1)
        for each in [list(enumerate(batch))]
    ]

    joined = join(opened, None)

    for number, each in enumerate(opened):
        alone = fnb1.read(each)
        mine = np.flatnonzero(joined.message == number)
        found = rows(joined.frames.take(mine), joined.frames.index[mine])
        assert sorted(found) == sorted(rows(alone.frames, alone.frames.index))
        assert joined.has_refused[number] == bool(alone.refused)
    of_each = [(m, n) for m, n in zip(joined.frames.radio_id, joined.message, strict=True)]
    assert of_each == sorted(of_each), "by meter, each one's in the order of arrival"
