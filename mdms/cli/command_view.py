"""How commands look on a terminal: a line, a row, one screen with everything."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from mdms.cli.output import fitting, instant
from mdms.domain.controls import READY
from mdms.policy.refusals import PolicyRefusedError

Control = Mapping[str, Any]
"""A command as the daemon's REST interface gives it."""

SPARE = ("verified_at", "by", "cause", "switch")
"""Columns of a list of commands that a narrow terminal does without."""

_SHORT_ID = 8
"""How many of an id's last digits a list shows: those are random, the first ones a time."""

_LONG_S = 3600

_NEXT = {
    "POLICY_OK": "waits to be signed",
    "APPROVED_1": "waits to be signed",
    "APPROVED_2": "waits to be signed",
    "QUARANTINED": "held back by the signer's breaker until it is released",
    "SIGNED": "waits to be sent",
    "SENT": "waits for a collector to take it",
    "COLLECTOR_ACK": "waits for the meter to answer",
    "METER_ACK": "acknowledged; silence must prove it",
    "UNKNOWN": "nobody knows: `mdms command ping METER` asks the meter",
}


def summary(control: Control) -> str:
    """Return one line: what, whom, how far, and what the meter said."""
    said = _result(control) or _NEXT.get(control["state"], "")
    if control["state"] == "UNKNOWN":
        said = f"{control['result']}; {_NEXT['UNKNOWN']}"
    parts = [control["action"], control["meter"], control["state"], said, _switch(control)]
    return "  ".join(part for part in (*parts, control["control_id"]) if part)


def waits(control: Control) -> bool:
    """Return whether a command waits for somebody, or for its turn."""
    return control["state"] in READY and bool(control["codes"])


def hint(control: Control) -> str:
    """Return what a command that waits needs, and what to type."""
    lines = _cures(control)
    if any(each["code"] == "RD_DUAL" for each in control["codes"]):
        lines.append(
            f"  by {instant(control['not_after'])} another person types "
            f"`mdms command approve {short(control['control_id'])}`"
        )
    return "\n".join(["it waits:", *lines])


def allowed(control: Control) -> str:
    """Return that the rules allow a command, and what it would still wait for."""
    line = f"the rules allow it: {control['action']} {control['meter']}"
    if not control["codes"]:
        return line
    return "\n".join([f"{line}, once this is done:", *_cures(control)])


def _cures(control: Control) -> list[str]:
    return [f"  {each['code']} ({each['clause']}): {each['cure']}" for each in control["codes"]]


def waiting(control: Control) -> str:
    """Return what a command waits for, and how long at most before something else is tried."""
    awaited = _NEXT.get(control["state"], "")
    if control["due_at"] is None:
        return awaited
    now = datetime.fromisoformat(control["steps"][-1]["at"])
    left_s = (datetime.fromisoformat(control["due_at"]) - now).total_seconds()
    return f"{awaited}, {_duration(left_s)} at most" if left_s > 0 else awaited


def progress(control: Control) -> dict[str, object]:
    """Return the columns of a list for programs."""
    return {
        "control_id": control["control_id"],
        "meter": control["meter"],
        "action": control["action"],
        "cause": control["cause"],
        "state": control["state"],
        "result": _result(control),
        "by": control["requested_by"],
        "requested_at": _seconds(control["requested_at"]),
        "verified_at": _seconds(control["verified_at"]),
    }


def row(control: Control) -> dict[str, object]:
    """Return the columns of a list for people; the id in short."""
    return {
        "id": short(control["control_id"]),
        "meter": control["meter"],
        "command": control["action"],
        "cause": control["cause"],
        "outcome": f"{control['state']} {_result(control)}".strip(),
        "switch": "" if control["switch"] == "none" else control["switch"],
        "by": control["requested_by"],
        "requested_at": control["requested_at"],
        "verified_at": control["verified_at"],
    }


def board(controls: Sequence[Control], console: Console) -> RenderableType:
    """Return the newest commands as a table that can be redrawn."""
    if not controls:
        return Text("Commands: none")
    rows = [row(control) for control in controls]
    return fitting(rows, console, title="Commands", spare=SPARE)


def record(control: Control, console: Console) -> Group:
    """Return one screen: why, who, when, which clause, what the meter said, every step."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column(overflow="fold")
    rows = {
        "id": control["control_id"],
        "command": f"{control['action']} {control['meter']} at {control['usage_point']}",
        "state": " ".join(each for each in (control["state"], control["result"]) if each),
        "why": " ".join(each for each in (control["cause"], control["reason"]) if each),
        "order": control["order"],
        "who": control["requested_by"],
        "approved": ", ".join(
            f"{each['name']} ({each['role']}) at {_seconds(each['at'])}"
            for each in control["approvals"]
        ),
        "when": _seconds(control["requested_at"]),
        "evidence": " ".join(each for each in (control["evidence"], control["item"]) if each),
        "judged": _judged(control["judgements"]),
        "valid": f"{_seconds(control['not_before'])} to {_seconds(control['not_after'])}",
        "owed until": _seconds(control["deadline"]),
        "the meter said": _said(control),
        "verified": _seconds(control["verified_at"]),
        "signed": ", ".join(
            f"{each['opcode']} #{each['counter']}" for each in control["envelopes"]
        ),
    }
    for name, value in rows.items():
        if value:
            facts.add_row(name, Text(value))
    tables = [_refusals(control["codes"], console)] if control["codes"] else []
    if stated := _stated(control["judgements"]):
        tables.append(fitting(stated, console, title="Stated by the customer system"))
    return Group(facts, *tables, _steps(control["steps"], console))


def step_line(step: Mapping[str, Any]) -> str:
    """Return one step of a command's life as a line: when, how far, who, what."""
    return f"{instant(step['at'])[11:]}  {step['state']:<13}  {_happened(step)}"


def short(control_id: str) -> str:
    """Return the end of an id, which is enough to name it."""
    return control_id[-_SHORT_ID:]


def explain(error: PolicyRefusedError) -> str:
    """Return every reason of a refusal, each with its clause and its cure."""
    lines = [str(error)]
    for each in error.refusals:
        lines.append(f"  {each.code} ({each.clause}): {each.cure}")
        if each.next_possible_at is not None:
            lines.append(f"    possible from {each.next_possible_at:%Y-%m-%d %H:%M:%SZ}")
    if error.control_id is not None:
        lines.append(f"  kept on file: `mdms command show {error.control_id}`")
    return "\n".join(lines)


def _result(control: Control) -> str:
    """Return how it ended; where the rules ended it, with the codes of the refusal."""
    parts = [control["result"], *(each["code"] for each in control["codes"])]
    return " ".join(part for part in parts if part)


def _refusals(codes: Sequence[Mapping[str, str | None]], console: Console) -> Table:
    timed = any(each["next_possible_at"] for each in codes)
    rows = [
        {"code": each["code"], "clause": each["clause"], "cure": each["cure"]}
        | ({"possible_from": each["next_possible_at"]} if timed else {})
        for each in codes
    ]
    return fitting(rows, console, title="Refused because")


def _judged(judgements: Sequence[Mapping[str, Any]]) -> str:
    """Return what the rules said last, by which edition, and how often they were asked."""
    if not judgements:
        return ""
    last = judgements[-1]
    found = ", ".join(f"{each['code']} ({each['clause']})" for each in last["findings"])
    rules = last["rules"]
    edition = f"rules {', '.join(rules['versions'])} {rules['sha256'][:12]}" if rules else ""
    return f"{last['verdict']} {found}; {edition}; {len(judgements)} times, audit {last['number']}"


def _stated(judgements: Sequence[Mapping[str, Any]]) -> list[dict[str, object]]:
    """Return the statements that the last judgement rested on."""
    facts = judgements[-1]["facts"] if judgements else {}
    return [
        {"fact": name, "value": fact["value"], "since": fact["effective_at"],
         "known_at": fact["known_at"], "evidence": fact["evidence"]}
        for name, fact in facts.items()
    ]  # fmt: skip


def _steps(steps: Sequence[Mapping[str, Any]], console: Console) -> Table:
    rows = [
        {"at": step["at"], "state": step["state"], "what_happened": _happened(step)}
        for step in steps
    ]
    return fitting(rows, console, title="Steps")


def _happened(step: Mapping[str, Any]) -> str:
    event = step["event"].replace("_", " ")
    if step["actor"].startswith("collector"):
        event = ""  # what a collector says of itself says it all
    return f"{step['actor']}: {', '.join(each for each in (event, step['detail']) if each)}"


def _said(control: Control) -> str:
    if control["answered_at"] is None:
        return ""
    line = "present" if control["line_voltage"] else "absent"
    return (
        f"{_switch(control)}, line voltage {line}, register {control['register']}, "
        f"at {_seconds(control['answered_at'])}"
    )


def _switch(control: Control) -> str:
    if control["switch"] is None:
        return ""
    voltage = "live" if control["load_side_voltage"] else "dead"
    return f"switch {control['switch']}, load side {voltage}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < _LONG_S else f"{seconds / 3600:.1f} h"


def _seconds(at: str | None) -> str | None:
    return None if at is None else instant(at)
