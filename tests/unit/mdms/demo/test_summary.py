"""What a demo says on a terminal."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from mdms.demo import summary


@pytest.mark.parametrize(("program", "named"), [("x/bin/mdms", "x/bin/mdms"), ("x.py", "mdms")])
def test_lines_to_copy_stay_lines_in_a_narrow_window(program, named, monkeypatch):
    monkeypatch.setattr(summary, "show", lambda *_: None)
    monkeypatch.setattr("sys.argv", [program, "demo"])
    console = Console(file=io.StringIO(), width=30)
    config = Path("/a/folder/that/has/a/rather/long/name/mdms.toml")

    summary.Screen(console).served({"lawful": ["E1"]}, config)

    assert isinstance(console.file, io.StringIO)
    lines = [line.strip() for line in console.file.getvalue().splitlines()]
    assert f"export MDMS_CONFIG={config}" in lines
    assert f"{named} command ls" in lines
