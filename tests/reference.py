"""
Pages of docs/reference that are made from the code.

    python -m tests.reference

writes them; tests/test_docs.py compares. The others are written by people, and tests hold them
complete.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import is_dataclass
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints
from unittest.mock import MagicMock

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import AwareDatetime
from pydantic.fields import FieldInfo

from mdms.api import create
from mdms.settings import ENVIRONMENT_PREFIX, Settings, TokenSettings, config_dir
from vee.catalogue import RULES, Rule
from vee.rules import RuleSet
from vee.rules_file import Range

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"
_MADE = "This page is made from the code: `python -m tests.reference`."


def rest_page() -> str:
    """Return rest.md: every operation, by noun, with the first sentence of what it does."""
    nouns: dict[str, list[str]] = {}
    for path, operations in create(MagicMock()).openapi()["paths"].items():
        for method, operation in operations.items():
            about = operation.get("description", operation["summary"]).partition("\n\n")[0]
            row = f"| `{method.upper()} {path}` | {_cell(about)} |"
            nouns.setdefault(operation["tags"][0], []).append(row)
    parts = [
        "\n".join(
            [f"\n## {noun.capitalize()}\n", "| Operation | What it does |", "|---|---|", *rows]
        )
        for noun, rows in nouns.items()
    ]
    return _REST + "\n".join(parts) + "\n"


_REST = """\
# The REST interface

Under `/v1`, with a bearer token that has the role (`mdms token create`); errors are problem details
(RFC 9457). A running daemon explains every parameter and every answer at `/v1/docs` and
`/v1/openapi.json`. This page is made from the code: `python -m tests.reference`.

Lists that grow come in pages of `limit` rows. An answer's `next` (also `Link: rel="next"`) is what
to ask for the page that follows with, as `after`; it is null on the last one. A page goes on after
the row that the one before ended with: nothing is repeated or left out when rows come and go.

A body is read only from a token that is known, and up to 1 MiB; files are larger for the roles that
hand them in (registry 512 MiB, facts and self reads 128 MiB, billing 64 MiB). What is larger is
answered 413.
"""


# Settings


def settings_page() -> str:
    """Return settings.md: every key of every section, and what config/mdms.toml says of it."""
    about = _comments((config_dir() / "mdms.toml").read_text(encoding="utf-8"))
    parts = [_SETTINGS]
    for section, field in Settings.model_fields.items():
        model: Any = field.annotation
        rows = [
            _setting(section, key, each, about[section][key])
            for key, each in model.model_fields.items()
            if key != "tokens"
        ]
        parts.append(f"\n## [{section}]\n\n{model.__doc__}\n\n{_KEYS}\n" + "\n".join(rows) + "\n")
    token = [
        f"| `{key}` | {_allowed(each)} | {_cell(about['api'][key])} |"
        for key, each in TokenSettings.model_fields.items()
    ]
    parts.append(_TOKENS + "\n".join(token) + "\n")
    return "".join(parts)


_SETTINGS = f"""\
# Settings

A file of sections ([config/mdms.toml](../../config/mdms.toml) has them all, with their defaults),
named by `--config`. What the environment says wins over a file of secrets, that over this file, and
this over the default. An unknown section, key or variable is refused, and so is a value out of
bounds: in one sentence that names it. Policy, tariffs, calendars and rules of validation are no
settings: they have files of their own, with dates ([policy](../policy.md), [VEE
rules](vee-rules.md)). {_MADE}
"""
_KEYS = "| Key | Variable | Default | Allowed | What it does |\n|---|---|---|---|---|"
_TOKENS = """
## [api.tokens.NAME]

One table for each token that stands in the file; `mdms token create NAME` prints one.

| Key | Allowed | What it does |
|---|---|---|
"""


def _comments(text: str) -> dict[str, dict[str, str]]:
    """Return what the shipped file says behind each key, by section."""
    found: dict[str, dict[str, str]] = {}
    section = ""
    for line in text.splitlines():
        if heading := re.match(r"\[(\w+)\]", line):
            section = heading[1]
        if said := re.match(r"(?:# )?(\w+) = .*?\s# (.*)", line):
            found.setdefault(section, {})[said[1]] = said[2]
    return found


def _setting(section: str, key: str, field: FieldInfo, about: str) -> str:
    variable = f"{ENVIRONMENT_PREFIX}{section}__{key}".upper()
    shipped = tomllib.loads((config_dir() / "mdms.toml").read_text(encoding="utf-8"))
    default = _as_toml(shipped[section][key])
    cells = (f"`{key}`", f"`{variable}`", f"`{default}`", _allowed(field), _cell(about))
    return f"| {' | '.join(cells)} |"


_BOUNDS: dict[type, Callable[[Any], str]] = {
    Ge: lambda bound: f"at least {bound.ge:,}",
    Gt: lambda bound: f"more than {bound.gt:,}",
    Le: lambda bound: f"at most {bound.le:,}",
    Lt: lambda bound: f"less than {bound.lt:,}",
    MinLen: lambda bound: f"{bound.min_length} or more",
    MaxLen: lambda bound: f"up to {bound.max_length} long",
}
_NAMES: dict[Any, str] = {
    bool: "true, false",
    int: "a whole number",
    float: "a number",
    time: "a local time",
    AwareDatetime | None: "an instant with its offset",
}


def _allowed(field: FieldInfo) -> str:
    """Return what a value may be, in words."""
    kind: Any = field.annotation
    if get_origin(kind) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(kind))
    named = next((name for each, name in _NAMES.items() if kind == each), "text")
    if get_origin(kind) is list:
        named = "a list"
    bounds = [_BOUNDS[type(each)](each) for each in field.metadata if type(each) in _BOUNDS]
    patterns = [f"`{each.pattern}`" for each in field.metadata if hasattr(each, "pattern")]
    return ", ".join([*([] if patterns else [named]), *patterns, *bounds])


def _as_toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


# Rules of validation


def rules_page() -> str:
    """Return vee-rules.md: as it is, with its two tables made anew."""
    text = (REFERENCE / "vee-rules.md").read_text(encoding="utf-8")
    rows = "\n".join(map(rule_row, RULES))
    text = re.sub(r"(?:^\| `V\d\d` .*\n)+", lambda _: f"{rows}\n", text, flags=re.MULTILINE)
    return f"{text.partition(_EVERY_KEY)[0]}{_EVERY_KEY}{_KEYS_OF_RULES}{_rule_keys()}\n"


_EVERY_KEY = "## Every key\n"
_KEYS_OF_RULES = """
As `config/vee/residential.toml` ships them. Every one is needed in a candidate but those that came
later: `ordinary_quanta_per_hour` means 0 where it is left out, `[weather]` and `[mass_event]` what
ships. An unknown key is refused. Both tables of this page are made from the code:
`python -m tests.reference`.

| Key | Ships with | Allowed | Means |
|---|---|---|---|
"""


def _ranges(kind: Any, where: str = "") -> Iterator[tuple[str, Range]]:
    """Yield what each number of a rule set may be, by the name of its key."""
    for key, each in get_type_hints(kind, include_extras=True).items():
        if get_origin(each) is Annotated:
            yield where + key, get_args(each)[1]
        elif is_dataclass(each):
            yield from _ranges(each, f"{where}{key}.")


def _rule_keys() -> str:
    """Return a row for each line of the shipped rules that sets something."""
    rows, section, ranges = [], "", dict(_ranges(RuleSet))
    path = config_dir() / "vee" / "residential.toml"
    for line in path.read_text(encoding="utf-8").splitlines():
        if heading := re.match(r"\[([\w.]+)\]", line):
            section = heading[1]
        elif section and (said := re.match(r"(\w+) = ([^#]*)(?:# (.*))?$", line)):
            value = said[2].strip().replace("_", "") if '"' not in said[2] else said[2].strip()
            name = f"{section}.{said[1]}"
            allowed = ranges.get(name) or ranges.get(section) or ""
            rows.append(f"| `{name}` | `{value}` | {allowed} | {_cell(said[3] or '')} |")
    return "\n".join(rows)


def rule_row(rule: Rule) -> str:
    """Return a rule's line of the table, with the keys as they ship."""
    rules = RuleSet.load(config_dir() / "vee" / "residential.toml")
    cells = (
        f"`{rule.code}`",
        rule.name,
        rule.utilities,
        ", ".join(rule.severities),
        ", ".join(f"`{key}` {_shipped(rules, key)}" for key in rule.keys) or "-",
        ", ".join(f"`{place}`" for place in rule.decided),
        rule.says,
    )
    return f"| {' | '.join(cells)} |"


def _shipped(rules: RuleSet, key: str) -> str:
    node: object = rules
    for part in key.split("."):
        node = getattr(node, part)
    return "by class" if isinstance(node, dict) else _as_toml(node)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "/")


PAGES: dict[str, Callable[[], str]] = {
    "rest.md": rest_page,
    "settings.md": settings_page,
    "vee-rules.md": rules_page,
}


def write(names: Iterable[str]) -> None:
    """Write pages anew."""
    for name in names:
        text = PAGES[name]()
        (REFERENCE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(PAGES)
