"""Formats are told by how files begin; zones by name or offset."""

import io
from datetime import UTC, timedelta

import pytest

from mdms.billing.formats.flaws import UnusableError
from mdms.billing.formats.readers import OWN_ZONE, ReadFormat, form_of
from mdms.billing.formats.wall_clock import zone_of


@pytest.mark.parametrize(
    ("head", "form"),
    [
        (b"MEPMD01,19970819,CPAU", ReadFormat.CMEP),
        (b"MLA01,20080501,SENSUS", ReadFormat.CMEP),
        (b"100,NEM12,202612011200", ReadFormat.NEM12),
        (b"100,NEM13,202612011200", ReadFormat.NEM12),
        (b'\xef\xbb\xbf<?xml version="1.0"?>', ReadFormat.ESPI),
        (b"\n  <feed>", ReadFormat.ESPI),
        (b"meter,reading_type", ReadFormat.CSV),
        (b"", ReadFormat.CSV),
    ],
)
def test_a_file_tells_its_format_by_its_beginning(head, form):
    file = io.BytesIO(head)

    assert form_of(file) is form
    assert file.tell() == 0


def test_every_format_has_a_zone_of_its_own():
    assert [zone_of(OWN_ZONE[form]) for form in ReadFormat]


def test_a_zone_is_a_name_or_an_offset():
    assert zone_of("UTC") is UTC
    assert zone_of("-08:00").utcoffset(None) == timedelta(hours=-8)
    assert str(zone_of("America/Los_Angeles")) == "America/Los_Angeles"


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "+8", "+99:00", "../etc/passwd", "-xx:00"])
def test_what_is_no_zone_is_said_to_be_none(name):
    with pytest.raises(UnusableError):
        zone_of(name)
