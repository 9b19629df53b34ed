"""A flood of bad input is a few lines of log, and none of them hides another kind."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from mdms.telemetry.flood import LINES_MAX, PERIOD_S, Bounded
from mdms.telemetry.logging import configure


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What a daemon's log says; the log of the tests is put back."""
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure("info", "json", stream)
    yield stream
    root.handlers[:], root.level = handlers, level
    structlog.configure(**before)


def test_ten_thousand_bad_messages_are_ten_lines(written):
    log = structlog.get_logger()

    for number in range(10_000):
        try:
            raise ValueError(number)
        except ValueError:
            log.exception("ingest.message.poisonous", payload_bytes=number)
    log.warning("ingest.broker.away", error="gone")
    log.info("vee.run.done")

    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [line["event"] for line in lines] == [
        *["ingest.message.poisonous"] * LINES_MAX, "ingest.broker.away", "vee.run.done",
    ]  # fmt: skip
    assert len(written.getvalue()) < 20_000


def test_the_next_period_says_how_many_were_left_out():
    now_s = 0.0
    bounded = Bounded(lambda: now_s)

    def warned() -> dict[str, object] | None:
        try:
            return dict(bounded(None, "warning", {"event": "x", "level": "warning"}))
        except structlog.DropEvent:
            return None

    passed = [warned() for _ in range(LINES_MAX + 7)]
    now_s = PERIOD_S
    later = warned()
    again = warned()

    assert passed.count(None) == 7
    assert later is not None
    assert later["suppressed"] == 7
    assert again is not None
    assert "suppressed" not in again


def test_what_is_no_warning_is_never_dropped():
    bounded = Bounded(lambda: 0.0)

    for _ in range(10 * LINES_MAX):
        bounded(None, "info", {"event": "x", "level": "info"})
