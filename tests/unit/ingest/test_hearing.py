"""Who hears a meter best is asked first."""

from dataclasses import replace

from ingest import codecs
from ingest.hearing import Hearing
from mdms.domain.time import from_epoch_s
from mdms.ports.messages import UplinkMessage
from tests.messages import NOON_S, frame, message

AT = from_epoch_s(NOON_S)


def heard(collector_id: int, *frames: tuple[int, int]) -> UplinkMessage:
    """A batch of one collector: radio and signal [dB] of each frame."""
    payload = message(
        *(frame(meter_id=radio_id, snr=snr) for radio_id, snr in frames),
        collector_id=collector_id,
    )
    topic = f"ami/v1/cpau/col/{collector_id}/up/read"
    return codecs.decode(topic, payload, AT).message


def test_the_loudest_comes_first_and_who_never_heard_it_not_at_all():
    hearing = Hearing()

    hearing.note([heard(17, (1, 8), (2, 20)), heard(18, (1, 15)), heard(19, (2, 3))])

    assert hearing.best(1) == [18, 17]
    assert hearing.best(2) == [17, 19]
    assert list(hearing.best(3)) == []


def test_one_loud_frame_does_not_outweigh_a_history():
    hearing = Hearing()
    for _ in range(20):
        hearing.note([heard(17, (1, 14)), heard(18, (1, 6))])

    hearing.note([heard(18, (1, 30))])

    assert hearing.best(1) == [17, 18]


def test_the_last_frame_of_a_radio_counts_and_the_weakest_gives_way_to_a_better_one():
    hearing = Hearing()

    hearing.note([heard(collector, (1, collector)) for collector in (11, 12, 13, 14)])
    hearing.note([heard(9, (1, 5)), heard(20, (1, 3), (1, 20))])

    assert hearing.best(1) == [20, 14, 13, 12]


def test_radios_that_are_new_leave_those_beside_them_as_they_are():
    hearing = Hearing()
    hearing.note([heard(17, (9, 9), (5, 5)), heard(18, (5, 3))])

    hearing.note([heard(19, (7, 8), (1, 4), (12, 1), (5, 4)), heard(20, (2**32 - 1, 2))])

    assert {radio_id: list(hearing.best(radio_id)) for radio_id in (1, 5, 7, 9, 12, 2**32 - 1)} == {
        1: [19], 5: [17, 19, 18], 7: [19], 9: [17], 12: [19], 2**32 - 1: [20],
    }  # fmt: skip


def test_what_is_no_live_reading_teaches_nothing():
    hearing = Hearing()

    hearing.note([replace(heard(17, (1, 9)), kind="backfill")])

    assert list(hearing.best(1)) == []
