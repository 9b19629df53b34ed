"""An exported file is whole or absent."""

import pytest

from mdms.storage.files import DirectorySink


def test_a_file_appears_under_its_name_and_nothing_else_stays(tmp_path):
    sink = DirectorySink(tmp_path / "billing")

    sink.write("reads.csv", b"a\r\n")

    assert [path.name for path in (tmp_path / "billing").iterdir()] == ["reads.csv"]
    assert (tmp_path / "billing" / "reads.csv").read_bytes() == b"a\r\n"


def test_writing_again_replaces_the_whole_file(tmp_path):
    sink = DirectorySink(tmp_path)

    sink.write("reads.csv", b"a longer content")
    sink.write("reads.csv", b"short")

    assert (tmp_path / "reads.csv").read_bytes() == b"short"


def test_what_an_interrupted_write_left_behind_does_no_harm(tmp_path):
    (tmp_path / "reads.csv.part").write_bytes(b"half a li")

    DirectorySink(tmp_path).write("reads.csv", b"whole")

    assert [path.name for path in tmp_path.iterdir()] == ["reads.csv"]


def test_a_name_that_leaves_the_folder_is_our_mistake(tmp_path):
    with pytest.raises(AssertionError):
        DirectorySink(tmp_path / "billing").write("../reads.csv", b"")
