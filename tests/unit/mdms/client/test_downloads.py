"""A download is whole or it is not there; a manifest names what is."""

import hashlib
import json
from base64 import b64encode

import httpx
import pytest

from mdms.client.readings import ReadingCalls
from mdms.domain.errors import UnavailableError, UsageError

CONTENT = b"MEPMD01,...\r\n" * 1000


def client(digest_of: bytes | None) -> ReadingCalls:
    """Return a client whose daemon sends CONTENT and says that it is something."""
    headers = {}
    if digest_of is not None:
        digest = b64encode(hashlib.sha256(digest_of).digest()).decode()
        headers["Repr-Digest"] = f"sha-256=:{digest}:"
    made = ReadingCalls("http://mdms")
    made._http = httpx.Client(
        transport=httpx.MockTransport(
            lambda _: httpx.Response(200, content=CONTENT, headers=headers)
        ),
        base_url="http://mdms",
    )
    return made


def test_the_manifest_names_what_arrived(tmp_path):
    paths = client(CONTENT).export_readings(
        "2026-11-03", "2026-11-09", tmp_path / "new", form="cmep", meter="E1"
    )

    manifest = json.loads(paths[-1].read_text())
    assert [path.name for path in paths] == ["readings.cmep", "readings.cmep.manifest.json"]
    assert paths[0].read_bytes() == CONTENT
    assert manifest == {
        "format": "mdms readings cmep",
        "from": "2026-11-03",
        "to": "2026-11-09",
        "meter": "E1",
        "files": [
            {
                "name": "readings.cmep",
                "bytes": len(CONTENT),
                "sha256": hashlib.sha256(CONTENT).hexdigest(),
            }
        ],
    }


def test_what_arrived_damaged_leaves_nothing_behind(tmp_path):
    with pytest.raises(UnavailableError, match="not what the daemon sent"):
        client(b"other").export_readings("2026-11-03", "2026-11-09", tmp_path, form="cmep")

    assert list(tmp_path.iterdir()) == []


def test_a_file_without_a_digest_is_taken_as_it_is(tmp_path):
    target = client(None).green_button("U1", "2026-11-03", "2026-11-09", tmp_path / "feed.xml")

    assert target.read_bytes() == CONTENT


def test_a_format_that_nobody_knows_is_refused_before_anything_is_asked(tmp_path):
    with pytest.raises(UsageError, match="no format 'xls'"):
        client(None).export_readings("2026-11-03", "2026-11-09", tmp_path, form="xls")
