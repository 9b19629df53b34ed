"""Whatever a file holds, a reader says what it is or refuses it; it never fails."""

import io
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdms.billing.formats import cmep_write, espi_write, nem_write
from mdms.billing.formats.flaws import Flaw
from mdms.billing.formats.readers import ReadFormat, read
from mdms.billing.formats.runs import PassedOver, Refusal, Run, Said
from mdms.billing.formats.wall_clock import zone_of
from tests.outgoing import Series, outgoing

AT = datetime(2026, 11, 1, 7, tzinfo=UTC)
PACIFIC = zone_of("America/Los_Angeles")
FIXED = zone_of("-08:00")
BLOCK = outgoing(
    Series(start=AT, value=[*range(60)], statuses={3: ("E", 5)}, registers={AT: 721_345})
)
CMEP = b"".join(cmep_write.Writer("CPAU", "B", AT).write(BLOCK))
_NEM = nem_write.Writer("CPAU", "B", AT, nem_write.standard_offset(AT))
NEM12 = b"".join([_NEM.begin(), *_NEM.write(BLOCK), _NEM.end()])
_FEED = espi_write.Feed(zone_of("America/Los_Angeles"), AT)  # type: ignore[arg-type]
ESPI = b"".join([_FEED.begin(), *_FEED.write(BLOCK), _FEED.end()])
CSV = (
    b"meter,reading_type,start_utc,value,status\r\n"
    b"E1,0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.0.72.0,2026-11-03T08:00:00Z,210,V\r\n"
) + b"E1,0.0.2.4.1.1.12.0.0.0.0.0.0.0.0.0.72.0,2026-11-03T08:15:00Z,210,V\r\n" * 3
GOOD = {
    ReadFormat.CMEP: CMEP,
    ReadFormat.NEM12: NEM12,
    ReadFormat.ESPI: ESPI,
    ReadFormat.CSV: CSV,
}


def said(form: ReadFormat, content: bytes) -> list[Said]:
    found = list(read(io.BytesIO(content), form, PACIFIC if form is ReadFormat.CMEP else FIXED))
    for each in found:
        assert isinstance(each, (Run, Refusal, PassedOver))
        if isinstance(each, Run):
            assert len(each.at_s) == len(each.value)
            assert all(0 <= value < 2**62 for value in each.value)
    return found


@pytest.mark.parametrize("form", ReadFormat)
def test_what_we_write_is_read_without_a_word(form):
    assert [each for each in said(form, GOOD[form]) if isinstance(each, Refusal)] == []


@pytest.mark.parametrize("form", ReadFormat)
@settings(max_examples=60)
@given(content=st.binary(max_size=400))
def test_noise_is_refused(form, content):
    said(form, content)


@pytest.mark.parametrize("form", ReadFormat)
@settings(max_examples=60)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused(form, data):
    good = GOOD[form]
    at = data.draw(st.integers(0, len(good) - 1))
    gone = data.draw(st.integers(0, 40))
    instead = data.draw(st.binary(max_size=12))

    said(form, good[:at] + instead + good[at + gone :])


@pytest.mark.parametrize("form", [ReadFormat.NEM12, ReadFormat.ESPI])
@settings(max_examples=60)
@given(data=st.data())
def test_a_file_that_was_cut_off_anywhere_is_damage(form, data):
    good = GOOD[form].rstrip()
    cut = data.draw(st.integers(0, len(good) - 1))

    flaws = {each.flaw for each in said(form, good[:cut]) if isinstance(each, Refusal)}

    assert Flaw.TRUNCATED in flaws


@pytest.mark.parametrize("form", [ReadFormat.CMEP, ReadFormat.CSV])
@settings(max_examples=60)
@given(data=st.data())
def test_a_last_line_without_its_end_is_damage(form, data):
    good = GOOD[form]
    first = good.index(b"\n") + 1
    cut = data.draw(st.integers(first, len(good) - 1))

    found = said(form, good[:cut])

    flaws = {each.flaw for each in found if isinstance(each, Refusal)}
    assert (Flaw.TRUNCATED in flaws) == (not good[:cut].endswith(b"\n"))
