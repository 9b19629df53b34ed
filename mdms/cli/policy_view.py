"""How a judgement looks on a terminal: verdict, reasons with cures, inputs with their times."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.text import Text

from mdms.cli.output import fitting, instant

Judgement = Mapping[str, Any]
"""What the rules said once, as the daemon's REST interface gives it."""

_HASH = 12
"""Digits of a hash that are enough to recognise it."""

_OUTLOOKS = {
    "ready": "it may be done",
    "held": "it may be done, once this is done",
    "over": "refused",
}


def answer(check: Judgement, console: Console) -> Group:
    """Return what the rules would say to a command."""
    first = Text(
        f"{check['action']} {check['meter']} for {check['cause']} at {instant(check['at'])}: "
        f"{_OUTLOOKS[check['outlook']]}"
    )
    more = [f"also: {each}" for each in check["follow_ups"]]
    if check["deadline"]:
        more.append(f"due by {instant(check['deadline'])}")
    return Group(first, *_parts(check, console), *map(Text, more))


def reprint(judgement: Judgement, console: Console) -> Group:
    """Return a judgement of the audit."""
    heading = f"{instant(judgement['at'])}  {judgement['verdict']}, asked by {judgement['actor']}"
    title = Text(f"{heading}; audit {judgement['number']}", style="bold")
    return Group(title, *_parts(judgement, console), Text())


def _parts(judgement: Judgement, console: Console) -> list[RenderableType]:
    parts: list[RenderableType] = [Text(line) for line in _times(judgement)]
    reasons = [
        {
            "code": each["code"],
            "verdict": each["verdict"],
            "clause": each["clause"],
            "cure": each["cure"],
            "possible_from": each["next_possible_at"],
        }
        for each in judgement["findings"]
    ]
    facts = [
        {
            "fact": name,
            "value": fact["value"],
            "since": fact["effective_at"],
            "known_at": fact["known_at"],
            "evidence": fact["evidence"],
        }
        for name, fact in judgement["facts"].items()
    ]
    known = [
        {"we_know": name, "value": "not known" if value is None else _plain(value)}
        for name, value in judgement["known"].items()
    ]
    titled = {"": reasons, "Stated by the customer system": facts, "Known of the meter": known}
    parts += [fitting(rows, console, title=title) for title, rows in titled.items() if rows]
    return parts


def _times(judgement: Judgement) -> list[str]:
    lines = []
    if judgement["next_possible_at"]:
        lines.append(f"possible from {instant(judgement['next_possible_at'])}")
    if judgement["not_after"]:
        lines.append(f"and until {instant(judgement['not_after'])}")
    if rules := judgement["rules"]:
        lines.append(
            f"by rules {', '.join(rules['versions'])}, SHA-256 {rules['sha256'][:_HASH]}, "
            f"calendar {rules['calendar_sha256'][:_HASH]}"
        )
    return lines


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return instant(str(value))
