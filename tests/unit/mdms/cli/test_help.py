"""The help pages: every command shows how it is called, and the shell completes it."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from mdms.cli import app
from mdms.cli.deferred import NOUNS, Noun

_EXAMPLE = re.compile(r"^Example: (.+(?:\n(?!Example:).+)*)", re.MULTILINE)
_SHARED = {"--config", "--output", "-o", "--help"}


def leaves(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    command = command.command if isinstance(command, Noun) else command
    children = getattr(command, "commands", {})
    for name, child in children.items():
        yield from leaves(child, (*path, name))
    if not children or getattr(command, "invoke_without_command", False):
        yield " ".join(path), command


COMMANDS = dict(leaves(typer.main.get_command(app), ("mdms",)))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_that_could_be_typed(name, monkeypatch, tmp_path):
    command = COMMANDS[name]
    examples = _EXAMPLE.findall(command.help or "")
    assert examples, f"{name} --help shows no example"

    for example in examples:
        words = shlex.split(example.partition(" > ")[0])
        if words[0] == "mdms":  # else it is part of another program's line
            assert words[: len(name.split())] == name.split(), example
            given = {word for word in words if re.match(r"--?[a-z]", word)}
            options = {
                text for each in command.params for text in (*each.opts, *each.secondary_opts)
            }
            assert given <= options | _SHARED, example
            required = {
                each.opts[0]
                for each in command.params
                if each.required and each.param_type_name == "option"
            }
            assert required <= given, example
            monkeypatch.chdir(tmp_path)
            arguments = words[len(name.split()) :]
            for each in command.params:
                monkeypatch.setattr(each.type_descriptor.parameter_info, "exists", False)
            command.make_context(name, arguments)  # reads every word as the command would


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_how_to_complete(shell):
    asked = complete(
        {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}, "--show-completion", shell
    )

    assert "_MDMS_COMPLETE" in asked


def complete(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [Path(sys.executable).with_name("mdms"), *arguments],
        env={"PATH": "/usr/bin:/bin", **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout


def test_the_shell_completes_nouns_and_verbs_without_the_daemon():
    def offered(line: str) -> set[str]:
        words = line.split(" ")
        text = complete(
            {
                "_MDMS_COMPLETE": "complete_bash",
                "COMP_WORDS": line,
                "COMP_CWORD": str(len(words) - 1),
            }
        )
        return set(text.split())

    assert offered("mdms ") >= set(NOUNS)
    assert offered("mdms lea") == {"leak"}
    assert {"ls", "show", "ack"} <= offered("mdms leak ")
