"""No case of policy.md is dropped: each is played by a test that carries its id."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

COUNTS = {"C": 12, "A": 24, "B": 44, "R": 18, "E": 25, "P": 22}
CASES = {f"{letter}{number:02}" for letter, last in COUNTS.items() for number in range(1, last + 1)}


def ids(path: Path) -> Iterator[str]:
    """Yield the ids in a file: of parametrized tests (B23, B23-after), and of test_a01_... ."""
    for node in ast.walk(ast.parse(path.read_text())):
        name = ""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            name = node.value
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            name = node.name.removeprefix("test_").upper().replace("_", "-")
        if found := re.fullmatch(r"([CABREP]\d\d)(-.*)?", name):
            yield found[1]


def test_every_case_is_played_by_its_id():
    files = Path(__file__).parent.glob("test_cases_*.py")

    played = {case for path in files for case in ids(path)}

    assert len(CASES) == 145
    assert played == CASES
