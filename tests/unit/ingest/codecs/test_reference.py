"""The page for makers of collectors says what the decoder does."""

import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from ingest import codecs
from ingest.codecs import fnb1, fnb1_events, fnb1_readings
from mdms.domain.events import EventCode

PAGE = (Path(__file__).parents[4] / "docs" / "reference" / "collectors.md").read_text()
AT = datetime(2026, 12, 1, 0, 1, tzinfo=UTC)


def table(heading: str) -> dict[str, int]:
    """Return where each field of a frame lies, as the page says; several may share a row."""
    (section,) = re.findall(rf"## {heading}\n(.*?)\n## ", PAGE, flags=re.DOTALL)
    rows = re.findall(r"^\| (\d+) \| [^|]+ \| ([^|]+) \|", section, flags=re.MULTILINE)
    return {names.split(",")[0]: int(at) for at, names in rows}


@pytest.mark.parametrize(
    ("heading", "layout"),
    [("A reading frame", fnb1_readings.READ), ("An event frame", fnb1_events.EVENT)],
)
def test_fields_of_frames_lie_where_the_page_says(heading, layout):
    assert layout.fields is not None
    ours = {name: int(field[1]) for name, field in layout.fields.items()}
    ours["reserved"] = ours.pop("rsv")

    told = table(heading)

    assert told == {name: ours[name] for name in told}
    assert set(ours) - set(told) <= {"snr", "repeat"}


def test_fields_of_the_header_lie_where_the_page_says():
    names = table("A batch")

    assert list(names) == list(fnb1.Header._fields)
    header = fnb1.HEADER.unpack(np.arange(64, dtype=np.uint8).tobytes())
    for name, value in zip(fnb1.Header._fields, header, strict=True):
        first = value[0] if isinstance(value, bytes) else value & 0xFF
        assert first == names[name]


def test_the_examples_are_what_the_page_says_of_them():
    reading, event = (
        bytes.fromhex(text)
        for text in re.findall(r"^```\n([0-9a-f\n]+)^```", PAGE, flags=re.MULTILINE)
    )

    frames = codecs.decode("ami/v1/cpau/col/7/up/read", reading, AT).frames
    (told,) = codecs.decode("ami/v1/cpau/col/7/up/event", event, AT).events

    assert (frames.radio_id.tolist(), frames.register.tolist()) == ([47_622_887], [721_345])
    assert np.flatnonzero(~frames.present[0]).tolist() == [10]
    assert (told.code, told.sub, told.severity) == (EventCode.SWITCH_CHANGED, 1, 3)
