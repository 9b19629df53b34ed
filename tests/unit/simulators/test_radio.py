from datetime import date

import numpy as np
import pytest

from mdms.domain.registry import Commodity
from simulators import builder
from simulators.city import City
from simulators.links import NETWORK_LOSS, link_loss, survey
from simulators.radio import Faults, Radio

WINDOW_S = 6 * 3600
START = date(2026, 11, 3)


def listen(city: City, faults: Faults, windows: int) -> tuple[np.ndarray, ...]:
    """Return meter, time, sequence and whether heard of every message of so many windows."""
    radio = Radio(city, faults)
    parts, copies_of = [], []
    for number in range(windows):
        messages, copies = radio.window(city.start_s + (number + 1) * WINDOW_S)
        copies_each = np.bincount(copies.message, minlength=len(messages.meter))
        parts.append(messages)
        copies_of.append(copies_each)
    return (
        np.concatenate([part.meter for part in parts]),
        np.concatenate([part.ordinal for part in parts]),
        np.concatenate([part.sent_s for part in parts]),
        np.concatenate([part.sequence for part in parts]),
        np.concatenate(copies_of),
    )


@pytest.fixture(scope="module")
def city():
    return builder.build(meters=2_000, start=START, seed=7)


def of(city: City, commodity: Commodity) -> np.ndarray:
    return np.flatnonzero([site.commodity is commodity for site in city.sites])


def test_the_loss_of_a_link_follows_its_two_known_points():
    assert link_loss(np.array([6.0, 15.0])) == pytest.approx([0.5, 0.02])


def test_without_faults_every_message_is_heard_and_every_clock_is_right(city):
    radio = Radio(city, Faults.NONE)

    messages, copies = radio.window(city.start_s + WINDOW_S)

    assert set(copies.message.tolist()) == set(range(len(messages.meter)))
    assert not messages.clock_s.any()


def test_messages_come_in_order_of_time_within_their_window(city):
    radio = Radio(city, Faults.NORMAL)
    for number in range(2):
        messages, copies = radio.window(city.start_s + (number + 1) * WINDOW_S)

        assert (np.diff(messages.sent_s) >= 0).all()
        assert (np.diff(copies.message) >= 0).all()
        assert messages.sent_s.min() > city.start_s + number * WINDOW_S
        assert messages.sent_s.max() <= city.start_s + (number + 1) * WINDOW_S
        assert (copies.arrived_s >= messages.sent_s[copies.message]).all()


def test_a_meter_talks_every_fourth_interval_give_or_take_a_fifth(city):
    meter, ordinal, sent_s, _, _ = listen(city, Faults.NONE, 4)
    first = (ordinal == 0) & (sent_s > city.start_s + 900)
    meter, sent_s = meter[first], sent_s[first]

    for commodity, period_s in ((Commodity.ELECTRIC, 3600), (Commodity.WATER, 4 * 3600)):
        gaps = np.concatenate([np.diff(sent_s[meter == one]) for one in of(city, commodity)[:50]])
        assert gaps.min() >= 0.8 * period_s - 1
        assert gaps.max() <= 1.2 * period_s + 1


def test_a_new_meter_says_hello_three_times_before_its_first_interval_ends(city):
    meter, ordinal, sent_s, _, _ = listen(city, Faults.NONE, 1)
    early = (sent_s < city.start_s + 900) & (ordinal == 0)

    assert np.bincount(meter[early], minlength=2_000).min() >= 3


def test_message_counters_count_every_message_of_a_meter(city):
    meter, _, _, sequence, _ = listen(city, Faults.NORMAL, 2)

    for one in range(0, 2_000, 97):
        mine = sequence[meter == one].astype(np.int64)
        assert (np.diff(mine) % (1 << 16) == 1).all()


@pytest.mark.slow
@pytest.mark.parametrize("commodity", list(Commodity))
def test_ordinary_meters_lose_what_the_network_is_said_to_lose(city, commodity):
    links = survey(city, lossless=False)
    ordinary = ~links.silent & (links.extra_loss == 0)
    meter, _, _, _, copies = listen(city, Faults.NORMAL, 28)
    mine = np.isin(meter, of(city, commodity)) & ordinary[meter]

    loss = (copies[mine] == 0).mean()

    assert loss == pytest.approx(NETWORK_LOSS[commodity], rel=0.2)


@pytest.mark.slow
def test_poor_meters_lose_more_and_silent_ones_everything(city):
    links = survey(city, lossless=False)
    meter, _, _, _, copies = listen(city, Faults.NORMAL, 12)
    lost = np.bincount(meter, copies == 0) / np.bincount(meter)

    assert links.silent.any()
    assert (lost[links.silent] == 1).all()
    assert (links.extra_loss > 0).sum() >= 10
    assert 0.25 < lost[links.extra_loss > 0].mean() < 0.65


def test_a_message_is_heard_by_about_two_collectors_and_never_twice_as_many_as_there_are(city):
    *_, copies = listen(city, Faults.NORMAL, 2)

    assert 1.8 < copies[copies > 0].mean() < 2.8
    assert copies.max() <= 10


def test_a_seed_plays_the_same_air(city):
    once, again = (listen(city, Faults.NORMAL, 2) for _ in range(2))

    assert all((a == b).all() for a, b in zip(once, again, strict=True))
