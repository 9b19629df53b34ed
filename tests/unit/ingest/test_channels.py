"""Whose readings a frame holds: by radio, channel byte and time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import codecs
from ingest.channels import NO_CHANNEL, ChannelIndex, Resolved
from mdms.domain.errors import RejectReason
from tests.channels import Installed, channel_table
from tests.messages import NOON, NOON_S, READ_TOPIC, frame, message


def resolve(sent: bytes, *rows: Installed) -> Resolved:
    frames = codecs.decode(READ_TOPIC, message(sent), NOON).frames
    return ChannelIndex(channel_table(*rows)).resolve(frames)


def reason(resolved: Resolved) -> RejectReason | None:
    return resolved.reasons[0][0] if resolved.reasons else None


def test_a_known_channel_is_found_for_register_and_intervals():
    resolved = resolve(frame(deltas=[1, 2]), Installed(channel_id=5), Installed(radio_id=9))

    assert resolved.register_channel.tolist() == [5]
    assert resolved.interval_channel[0].tolist() == [5, 5, *[NO_CHANNEL] * 10]
    assert resolved.reasons == {}


def test_voltage_has_no_register():
    resolved = resolve(frame(chan=0x14, register=0, deltas=[1201]), Installed(wire_channel=0x14))

    assert resolved.register_channel.tolist() == [NO_CHANNEL]
    assert resolved.interval_channel[0, 0] == 0
    assert resolved.reasons == {}


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (Installed(radio_id=9), RejectReason.UNKNOWN_METER),
        (Installed(wire_channel=0x11), RejectReason.BAD_CHANNEL),
        (Installed(installed_s=NOON_S + 1), RejectReason.NOT_INSTALLED),
        (Installed(removed_s=NOON_S - 3600), RejectReason.NOT_INSTALLED),
        (Installed(radio_on=False), RejectReason.OPTED_OUT),
    ],
)
def test_a_frame_that_is_nobodys_is_refused_with_its_reason(row, why):
    resolved = resolve(frame(), row)

    assert reason(resolved) is why
    assert resolved.register_channel.tolist() == [NO_CHANNEL]
    assert (resolved.interval_channel == NO_CHANNEL).all()
    assert resolved.opted_out.tolist() == [why is RejectReason.OPTED_OUT]


def test_nothing_is_known_while_the_registry_is_empty():
    assert reason(resolve(frame())) is RejectReason.UNKNOWN_METER


def test_intervals_of_another_length_are_refused_and_the_register_is_kept():
    resolved = resolve(frame(ilen=30), Installed(interval_s=900))

    assert reason(resolved) is RejectReason.BAD_INTERVAL
    assert resolved.register_channel.tolist() == [0]
    assert (resolved.interval_channel == NO_CHANNEL).all()


def test_a_register_alone_may_be_of_any_period():
    resolved = resolve(frame(ilen=240, deltas=[]), Installed(interval_s=3600))

    assert resolved.reasons == {}
    assert resolved.register_channel.tolist() == [0]


def test_a_frame_that_spans_an_exchange_is_divided_at_its_instant():
    swap_s = NOON_S - 1800
    old = Installed(channel_id=1, removed_s=swap_s)
    new = Installed(channel_id=2, installed_s=swap_s)

    resolved = resolve(frame(deltas=[1, 2, 3, 4]), old, new)

    assert resolved.register_channel.tolist() == [2]
    assert resolved.interval_channel[0, :4].tolist() == [2, 2, 1, 1]
    assert resolved.reasons == {}


def test_intervals_before_the_installation_are_refused_and_later_ones_are_not():
    resolved = resolve(frame(deltas=[1, 2, 3]), Installed(installed_s=NOON_S - 1800))

    assert reason(resolved) is RejectReason.NOT_INSTALLED
    assert resolved.interval_channel[0, :3].tolist() == [0, 0, NO_CHANNEL]


def test_the_final_read_at_the_instant_of_removal_belongs_to_what_was_removed():
    resolved = resolve(frame(), Installed(channel_id=3, removed_s=NOON_S))

    assert resolved.register_channel.tolist() == [3]
    assert resolved.reasons == {}


def test_a_frame_that_reaches_into_a_silent_time_is_opted_out_as_a_whole():
    silent = Installed(channel_id=1, removed_s=NOON_S - 900, radio_on=False)
    now = Installed(channel_id=2, installed_s=NOON_S - 900)

    resolved = resolve(frame(deltas=[1, 2]), silent, now)

    assert resolved.opted_out.tolist() == [True]
    assert (resolved.interval_channel == NO_CHANNEL).all()
    assert resolved.register_channel.tolist() == [NO_CHANNEL]


installations = st.lists(
    st.tuples(st.integers(1, 4), st.sampled_from([0x10, 0x11]), st.integers(0, 20)),
    unique_by=lambda row: row[:2],
)


spoken = st.tuples(st.integers(1, 5), st.sampled_from([0x10, 0x11, 0x20]))


@given(installations, st.lists(spoken, min_size=1))
def test_look_up_equals_a_search_of_the_whole_table(rows, wanted):
    table = [
        Installed(
            channel_id=number,
            radio_id=radio_id,
            wire_channel=channel,
            installed_s=NOON_S - 900 * back,
        )
        for number, (radio_id, channel, back) in enumerate(rows)
    ]
    sent = [
        frame(meter_id=radio_id, chan=channel, deltas=range(12)) for radio_id, channel in wanted
    ]
    if not sent:
        return
    frames = codecs.decode(READ_TOPIC, message(*sent), NOON).frames

    resolved = ChannelIndex(channel_table(*table)).resolve(frames)

    for row, (radio_id, channel) in enumerate(wanted):
        owners = [t for t in table if (t.radio_id, t.wire_channel) == (radio_id, channel)]
        for position in range(12):
            start_s = NOON_S - 900 * (position + 1)
            expected = [t.channel_id for t in owners if t.installed_s <= start_s] or [NO_CHANNEL]
            assert resolved.interval_channel[row, position] == expected[0]
    assert np.isin(resolved.register_channel, [-1, *range(len(table))]).all()
