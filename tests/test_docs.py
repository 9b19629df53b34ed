"""What exists is documented, and what is documented exists."""

import re
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest
import typer
from prometheus_client import REGISTRY

import ingest
import vee
from mdms.cli import app
from mdms.cli.deferred import Noun
from mdms.domain.errors import RejectReason
from mdms.domain.events import EventCode
from mdms.domain.readings import Method
from tests.reference import PAGES
from vee.names import METHODS

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "docs" / "reference"
OURS = r"(?:commands|ingest|mdms|simulators|tests|vee)/[\w/]+\.py"
"""A module, as pages name it."""


def first_column(page: str) -> set[str]:
    text = (REFERENCE / page).read_text()
    return set(re.findall(r"^\| `([^`]+)`", text, flags=re.MULTILINE))


def test_every_metric_is_in_the_reference():
    import_module("mdms.telemetry.metrics")  # which registers them
    ours = {family.name for family in REGISTRY.collect() if family.name.startswith("mdms_")}

    documented = {name.removesuffix("_total") for name in first_column("metrics.md")}

    assert documented == ours


def test_every_reject_reason_is_in_the_reference():
    assert first_column("dead-letters.md") == set(RejectReason), "one row a reason"


def test_every_event_is_in_the_reference():
    assert first_column("events.md") == {str(int(code)) for code in EventCode}, "one row a code"


def test_every_method_of_estimation_has_words_and_a_row_in_the_reference():
    text = (REFERENCE / "estimation.md").read_text()
    rows = re.findall(r"^\| ([A-Z]\d(?:, [A-Z]\d)*) \|", text, flags=re.MULTILINE)
    told = {name for row in rows for name in row.split(", ")}

    assert {each.name for each in Method if each is not Method.NONE} <= told
    assert set(Method) == set(METHODS), "say in vee/names.py what a method does"


def test_every_command_is_in_the_reference():
    group = typer.main.get_command(app)
    found: set[str] = set()

    def walk(command: object, path: list[str]) -> None:
        command = command.command if isinstance(command, Noun) else command
        children = getattr(command, "commands", {})
        for name, child in children.items():
            walk(child, [*path, name])
        if not children or getattr(command, "invoke_without_command", False):
            found.add(" ".join(path))

    walk(group, ["mdms"])

    assert first_column("cli.md") == found


@pytest.mark.parametrize("name", PAGES)
def test_a_page_that_is_made_from_the_code_is_what_the_code_makes(name):
    assert (REFERENCE / name).read_text() == PAGES[name](), "run python -m tests.reference"


def test_every_table_has_a_place_in_the_page_on_retention():
    schema = (ROOT / "mdms" / "storage" / "schema.sql").read_text()
    tables = re.findall(r"^CREATE TABLE (\w+\.\w+)", schema, flags=re.MULTILINE)
    page = (ROOT / "docs" / "admin" / "retention.md").read_text()
    rows = re.findall(r"^\| [^|]*\|([^|]*)\|", page, flags=re.MULTILINE)

    told = [name for row in rows[1:] for name in re.findall(r"`(\w+)`", row)]

    unplaced = {name.partition(".")[2] for name in tables} - set(told)
    assert not unplaced, "say in docs/admin/retention.md how long they are kept, and who removes it"


def test_every_fence_is_closed_and_every_picture_has_a_kind():
    for page in [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *(ROOT / "docs").rglob("*.md")]:
        fences = re.findall(r"^ *```(.*)$", page.read_text(), flags=re.MULTILINE)
        assert len(fences) % 2 == 0, page.name
        assert not any(fences[1::2]), f"{page.name}: a fence opens inside of another"
        for picture in re.findall(r"```mermaid\n(\w+)", page.read_text()):
            assert picture in {"flowchart", "sequenceDiagram", "stateDiagram"}, page.name


def test_what_pages_say_of_the_code_is_there():
    pages = [ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        text = page.read_text()
        for path in re.findall(rf"`({OURS})`", text):
            assert (ROOT / path).is_file(), f"{page.name} names {path}"
        for name, path in re.findall(rf"`([\w.]+)`\s(?:in|of)\s`({OURS})`", text):
            said = rf"\b{name.rpartition('.')[2]}\b"
            assert re.search(said, (ROOT / path).read_text()), f"{page.name}: no {name} in {path}"


@pytest.mark.parametrize("package", [vee, ingest], ids=lambda package: package.__name__)
def test_every_module_is_on_the_map_of_its_package(package):
    found = {each.name for each in iter_modules(package.__path__)}

    told = set(re.findall(r"`(\w+)`", package.__doc__))

    assert told == found, f"say in the docstring of {package.__name__}/__init__.py what it is for"


def test_links_between_our_pages_lead_somewhere():
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    assert pages

    for page in pages:
        for target in re.findall(r"\]\((?!https://)([^)#]+)[^)]*\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
