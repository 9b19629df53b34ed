"""What people mistype is answered with a sentence, never with a trace."""

import sys
from pathlib import Path

import pytest

from mdms.cli import main
from mdms.client import Client
from mdms.domain.errors import ForbiddenError
from tests.boards import BOARD

LATIN_1 = "Mühle\n".encode("latin-1")


@pytest.fixture(autouse=True)
def nobody_answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MDMS_CLIENT__URL", "http://127.0.0.1:9")


@pytest.fixture
def run(monkeypatch, capsys):
    def typed(line: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["mdms", *line.split()])
        with pytest.raises(SystemExit) as end:
            main()
        return int(end.value.code or 0), capsys.readouterr().err

    return typed


@pytest.mark.parametrize(
    "line",
    [
        "fact import FILE", "selfread import FILE", "registry import .", "command batch FILE",
        "billing schedule FILE", "billing compare FILE --from 2026-11-03 --to 2026-12-03",
        "billing ack FILE", "vee ruleset test FILE", "vee ruleset diff FILE",
    ],
)  # fmt: skip
def test_a_file_that_is_no_text(run, tmp_path, line):
    (tmp_path / "file.csv").write_bytes(LATIN_1)
    status, said = run(line.replace("FILE", "file.csv"))

    assert (status, said.startswith("mdms: file.csv is no text in UTF-8 (byte 1 is 0xfc)")) == (
        2,
        True,
    ), said


@pytest.mark.parametrize("text", ["", "\n \n"])
@pytest.mark.parametrize(
    "line", ["billing compare FILE --from 2026-11-03 --to 2026-12-03", "registry import ."]
)
def test_a_file_that_is_empty(run, tmp_path, line, text):
    (tmp_path / "file.csv").write_text(text)
    status, said = run(line.replace("FILE", "file.csv"))

    assert (status, said) == (
        2,
        "mdms: file.csv is empty: a file says at least what its columns are\n",
    )


@pytest.mark.parametrize("text", ["{", "[]", "{}", '"x"'])
def test_a_manifest_that_is_none(run, tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    status, said = run("billing ack manifest.json")

    assert (status, "is no manifest of a window" in said) == (2, True)


@pytest.mark.parametrize("line", ["db status", "audit verify", "doctor"])
def test_an_address_of_the_database_that_is_none(run, monkeypatch, line):
    monkeypatch.setenv("MDMS_DATABASE__DSN", "nonsense")
    monkeypatch.setenv("MDMS_MQTT__URL", "mqtt://127.0.0.1:9")
    status, said = run(line)

    assert status in {1, 2}
    assert "Traceback" not in said


@pytest.mark.parametrize("out", ["nowhere/page.html", "file/page.html"])
def test_a_page_that_cannot_be_written(run, tmp_path, monkeypatch, out):
    (tmp_path / "file").touch()
    monkeypatch.setattr(Client, "board", lambda *_: BOARD)
    status, said = run(f"report --out {out}")

    assert (status, said.startswith(f"mdms: {out}")) == (1, True)


def test_a_meter_whose_name_is_no_address(run):
    status, said = run(f"billing show {'E' * 100_000}")

    assert (status, said.startswith("mdms: nothing is called so")) == (2, True)


@pytest.mark.parametrize("name", ["token", "purpose"])
def test_a_header_that_cannot_be_sent(run, monkeypatch, name):
    monkeypatch.setenv(f"MDMS_CLIENT__{name.upper()}", "Mühle")
    status, said = run("meter ls")

    assert (status, f"[client] {name}" in said) == (2, True)


def test_a_lack_of_a_role_has_the_exit_status_of_a_refusal(run, monkeypatch):
    def forbid(*_: object) -> None:
        raise ForbiddenError("token 'x' has no role for this: admin may")

    monkeypatch.setattr(Client, "meters", forbid)

    assert run("meter ls") == (4, "mdms: token 'x' has no role for this: admin may\n")
