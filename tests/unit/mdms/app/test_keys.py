"""The file of collectors' keys."""

from pathlib import Path

import pytest

from ingest import codecs
from ingest.tags import TagCheck
from mdms.app.keys import read_tags, read_trailers
from mdms.domain.errors import DecodeError, UsageError
from mdms.settings import IngestSettings
from tests.messages import NOON, READ_TOPIC, frame
from tests.unit.ingest.test_trailers import KEY, NEXT, signed

FILE = f"""\
[collectors.7]
keys = ["{NEXT.hex()}", "{KEY.hex()}"]
required = false
[collectors.8]
keys = ["{KEY.hex()}"]
"""


def settings(tmp_path: Path, text: str, mode: int = 0o600) -> IngestSettings:
    path = tmp_path / "collectors.toml"
    path.write_text(text)
    path.chmod(mode)
    return IngestSettings(collector_keys=str(path))


def test_keys_of_collectors_come_from_a_file(tmp_path):
    check = read_trailers(settings(tmp_path, FILE))

    for key in (KEY, NEXT):
        check.verify(codecs.open_message(READ_TOPIC, signed(key=key), NOON).message)


def test_without_a_file_nobody_may_sign():
    with pytest.raises(DecodeError, match="no key of this collector"):
        read_trailers(IngestSettings()).verify(
            codecs.open_message(READ_TOPIC, signed(), NOON).message
        )


def test_a_file_that_others_may_read_is_refused(tmp_path):
    with pytest.raises(UsageError, match="chmod 600"):
        read_trailers(settings(tmp_path, FILE, 0o640))


@pytest.mark.parametrize(
    "text",
    [
        "", "collectors = 1", "[collectors.x]\nkeys = []", "[collectors.7]\nkeys = []",
        '[collectors.7]\nkeys = ["00"]', "[collectors.7]\nrequired = true", "[collectors",
        f'[collectors.7]\nkeys = "{KEY.hex()}"', f'[collectors.7]\nkey = ["{KEY.hex()}"]',
        f'[collectors.7]\nkeys = ["{KEY.hex()}"]\nrequired = "no"',
        f'[collectors.7]\nkeys = ["{KEY.hex()}"]\nrequird = false',
    ],
)  # fmt: skip
def test_a_file_without_keys_of_collectors_gets_one_sentence(tmp_path, text):
    with pytest.raises(UsageError, match=r"must hold a table such as \[collectors\.17\]"):
        read_trailers(settings(tmp_path, text))


MASTERS = f'[masters]\n1 = "{"0f" * 16}"\n'


def tags(tmp_path: Path, text: str) -> TagCheck | None:
    path = tmp_path / "read.toml"
    path.write_text(text)
    path.chmod(0o600)
    return read_tags(IngestSettings(read_keys=str(path)))


@pytest.mark.parametrize(
    ("text", "refused"),
    [("", []), ("[required]\nradio_ids = []", []), ("[required]\nradio_ids = [5, '7-9']", [0, 2])],
)
def test_who_must_sign_stands_beside_the_keys(tmp_path, text, refused):
    frames = [frame(meter_id=number) for number in (5, 6, 9, 10)]

    check = tags(tmp_path, MASTERS + text)

    assert check is not None
    assert check.wrong(b"".join(frames), 1) == refused


@pytest.mark.parametrize(
    "line", ["", "radio_ids = 5", "radio_ids = '57'", "radio_ids = ['9-7']", "radio_ids = ['all']",
             "radio_ids = [-1]", "radio_ids = [4294967296]", "radio_ids = []\nids = []"],
)  # fmt: skip
def test_who_must_sign_is_said_in_numbers(tmp_path, line):
    with pytest.raises(UsageError, match=r"\[required\] must hold a line such as"):
        tags(tmp_path, f"{MASTERS}[required]\n{line}\n")
