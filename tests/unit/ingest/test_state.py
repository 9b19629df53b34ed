"""What collectors say about themselves."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from ingest import state
from ingest.sequence import Offer
from mdms.domain.collectors import CollectorReport
from mdms.domain.errors import DecodeError, RejectReason
from mdms.domain.time import EPOCH, to_epoch_us
from tests.messages import NOON

TOPIC = "ami/v1/cpau/col/17/state"
ONLINE = {
    "s": "online", "id": 17, "boot": 99, "seq": 12, "oldest_seq": 3, "buf": 0, "gps": True,
    "off_ms": -12, "fw": "1.2", "temp": 41, "t": "2026-12-01T00:00:35Z",
}  # fmt: skip


def said(*, retained: bool = False, **changes: Any) -> state.Said:
    payload = {k: v for k, v in (ONLINE | changes).items() if v is not None}
    return state.read(TOPIC, json.dumps(payload).encode(), NOON, retained=retained)


def read(**changes: Any) -> Offer | None:
    return said(**changes).offer


def test_the_state_of_the_page_tells_count_and_oldest_batch():
    at = datetime(2026, 12, 1, 0, 0, 35, tzinfo=UTC)

    assert read() == Offer(17, 99, 12, 3, to_epoch_us(at))


@pytest.mark.parametrize("t", [None, "2026-12-01T00:00:35", "2106-02-07T06:28:15Z"])
def test_a_state_without_a_sure_time_is_of_now(t):
    assert read(t=t) == Offer(17, 99, 12, 3, to_epoch_us(NOON))


def test_a_last_will_counts_nothing():
    assert read(s="offline", seq=None, oldest_seq=None) is None


@pytest.mark.parametrize("payload", [b"", b"\xff", b"{}", b'{"s": "online", "id": -1}', b"[1]"])
def test_what_is_no_state_is_refused(payload):
    with pytest.raises(DecodeError) as caught:
        state.read(TOPIC, payload, NOON)

    assert caught.value.reason is RejectReason.BAD_BODY


@pytest.mark.parametrize(("off_ms", "kept"), [(-12.0, -12), (1.6, 2), (0, 0), (None, None)])
def test_an_offset_may_be_measured_finer_than_it_is_kept(off_ms, kept):
    assert said(off_ms=off_ms).report.clock_offset_ms == kept


def test_the_state_of_the_page_tells_how_the_collector_is():
    assert said().report == CollectorReport(
        collector_id=17, online=True, reason="online", boot_id=99, alive_at=NOON,
        clock_offset_ms=-12, buffered=0, gps=True, firmware="1.2", temperature_c=41.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("t", "alive_at"),
    [
        ("2026-12-01T00:00:35Z", datetime(2026, 12, 1, 0, 0, 35, tzinfo=UTC)),
        (None, EPOCH),
        ("0001-01-01T00:00:00+14:00", EPOCH),
        ("2106-02-07T06:28:15Z", EPOCH),
    ],
)
def test_a_kept_state_shows_life_when_it_was_written_and_never_without_that(t, alive_at):
    assert said(t=t, retained=True).report.alive_at == alive_at


def test_a_last_will_says_why_the_collector_is_not_there():
    report = said(s="offline", reason="lwt").report

    assert (report.online, report.reason) == (False, "lwt")


def test_words_that_no_database_takes_are_made_harmless():
    assert said(fw="1\0\x1b[2J").report.firmware == "1\ufffd\ufffd[2J"


@pytest.mark.parametrize(
    "wrong", [{"seq": 1 << 62}, {"off_ms": -(1 << 62)}, {"fw": "x" * 201}, {"temp": "hot"}]
)
def test_numbers_that_overflow_and_words_without_end_are_refused(wrong):
    with pytest.raises(DecodeError) as caught:
        said(**wrong)

    assert caught.value.reason is RejectReason.BAD_BODY


def test_nobody_speaks_for_another_collector():
    with pytest.raises(DecodeError) as caught:
        read(id=18)

    assert caught.value.reason is RejectReason.WRONG_COLLECTOR


@pytest.mark.parametrize("topic", ["ami/v1/cpau/col/17/up/read", "ami/v1/cpau/col/017/state"])
def test_other_topics_are_no_states(topic):
    assert not state.is_state(topic)
