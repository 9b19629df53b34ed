import os
import subprocess
import sys

import pytest
import typer
from typer.main import get_group

from mdms.cli import app
from mdms.cli.deferred import NOUNS, Noun

NEEDLESS = ("fastapi", "numpy", "pandas", "psycopg", "pyarrow", "uvicorn")
LIST = """
import sys
from mdms.cli import app
from mdms.domain.errors import UnavailableError

try:
    app({arguments!r}, prog_name="mdms", standalone_mode=False)
except (SystemExit, UnavailableError):
    pass
print("loaded:", *sys.modules)
"""
NOBODY = "http://127.0.0.1:9"


def loaded(*arguments: str, **environment: str) -> set[str]:
    ran = subprocess.run(
        [sys.executable, "-c", LIST.format(arguments=list(arguments))],
        env=os.environ | {"MDMS_CLIENT__URL": NOBODY} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(ran.stdout.rpartition("loaded:")[2].split())


@pytest.mark.parametrize("arguments", [["--help"], ["command", "ls"], ["token", "ls"]])
def test_a_question_to_the_daemon_imports_no_daemon(arguments):
    modules = loaded(*arguments)

    assert "mdms.cli" in modules
    assert modules.isdisjoint(NEEDLESS)


def test_completing_a_noun_imports_none():
    modules = loaded(_MDMS_COMPLETE="complete_bash", COMP_WORDS="mdms comm", COMP_CWORD="1")

    assert "mdms.cli" in modules
    assert modules.isdisjoint({*NEEDLESS, "httpx", "mdms.cli.command"})


@pytest.mark.parametrize("name", NOUNS)
def test_the_help_page_says_of_a_noun_what_the_noun_says_of_itself(name):
    noun = get_group(app).commands[name]
    assert isinstance(noun, Noun)

    assert (noun.command.help or "").splitlines()[0] == NOUNS[name]


def test_a_noun_completes_its_verbs():
    root = get_group(app)
    context = typer.Context(root, info_name="mdms")
    noun = root.commands["token"]

    found = noun.make_context("token", [], context, resilient_parsing=True)

    assert {each.value for each in found.command.shell_complete(found, "")} >= {"create", "ls"}
