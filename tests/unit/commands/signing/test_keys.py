"""Keys: wrapped at rest, hidden in use."""

import logging

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from commands.signing import keys
from commands.signing.keys import KeyRing
from mdms.domain.errors import UsageError

MASTERS = {1: bytes(range(16)), 2: bytes(range(16, 32))}
KEK = bytes(range(32))


@given(
    st.dictionaries(st.integers(0, 65535), st.binary(min_size=16, max_size=16), min_size=1),
    st.binary(min_size=32, max_size=32),
)
def test_unwrapping_undoes_wrapping(masters, kek):
    assert keys.unwrap(keys.wrap(masters, kek), kek) == masters


def test_the_file_shows_no_key_and_never_looks_the_same_twice():
    text = keys.wrap(MASTERS, KEK)

    assert all(master.hex() not in text for master in MASTERS.values())
    assert text != keys.wrap(MASTERS, KEK)


def test_keys_under_another_key_or_another_number_are_refused():
    text = keys.wrap(MASTERS, KEK)
    swapped = text.replace("1 = ", "3 = ").replace("2 = ", "1 = ").replace("3 = ", "2 = ")

    flipped = text[:-3] + ("0" if text[-3] != "0" else "1") + text[-2:]

    for changed, kek in ((text, bytes(32)), (swapped, KEK), (flipped, KEK)):
        with pytest.raises(UsageError, match="another key-encryption key, or changed"):
            keys.unwrap(changed, kek)


@pytest.mark.parametrize("text", ["", "[wrapped]\nx = 1", "wrapped = 3", '[wrapped]\n1 = "zz"'])
def test_what_is_no_file_of_keys_is_refused_with_what_to_do(text):
    with pytest.raises(UsageError, match="mdms signer keys"):
        keys.unwrap(text, KEK)


@pytest.mark.parametrize("text", ["", "00", "x" * 64])
def test_what_is_no_wrapping_key_is_refused_without_repeating_it(text):
    with pytest.raises(UsageError) as refused:
        keys.parse_kek(text)

    assert text == "" or text not in str(refused.value)
    assert keys.parse_kek(keys.new_kek()) != keys.parse_kek(keys.new_kek())


def test_a_ring_of_keys_shows_numbers_however_it_is_printed(caplog):
    ring = KeyRing(MASTERS)

    with caplog.at_level(logging.INFO), structlog.testing.capture_logs() as captured:
        structlog.get_logger().info("event", ring=ring)
        logging.getLogger("x").info("%s %r", ring, ring)

    shown = f"{ring} {ring!r} {captured} {caplog.text} {vars(type(ring))}"
    assert "KeyRing(1, 2)" in shown
    for master in MASTERS.values():
        assert master.hex() not in shown
        assert repr(master)[2:-1] not in shown
    assert not hasattr(ring, "__dict__")


def test_every_meter_has_its_own_key_and_none_under_a_missing_master():
    ring = KeyRing(MASTERS)

    found = {ring.of_meter(key_id, radio_id) for key_id in MASTERS for radio_id in (7, 8)}

    assert len(found) == 4
    assert ring.of_meter(3, 7) is None
