"""How commands look on a terminal: a line, a board, one screen with everything."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group
from rich.table import Table

from mdms.policy.refusals import PolicyRefusedError

Control = Mapping[str, Any]
"""A command as the daemon's REST interface gives it."""

_NEXT = {
    "POLICY_OK": "waits to be signed",
    "SIGNED": "waits to be sent",
    "SENT": "waits for a collector",
    "COLLECTOR_ACK": "waits for the meter",
    "METER_ACK": "acknowledged; silence must prove it",
    "UNKNOWN": "nobody knows: `mdms command ping METER` asks the meter",
}


def summary(control: Control) -> str:
    """Return one line: what, whom, how far, and what the meter said."""
    said = control["result"] or _NEXT.get(control["state"], "")
    if control["state"] == "UNKNOWN":
        said = f"{control['result']}; {_NEXT['UNKNOWN']}"
    parts = [control["action"], control["meter"], control["state"], said, _switch(control)]
    return "  ".join(part for part in (*parts, control["control_id"]) if part)


def progress(control: Control) -> dict[str, object]:
    """Return the columns of a list."""
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


def board(controls: Sequence[Control]) -> Table:
    """Return the newest commands as a table that can be redrawn."""
    table = Table(title="Commands", title_justify="left", header_style="bold")
    for name in ("meter", "action", "state", "result", "switch", "requested", "due"):
        table.add_column(name)
    for control in controls:
        table.add_row(
            control["meter"],
            control["action"],
            control["state"],
            _result(control),
            _switch(control),
            _seconds(control["requested_at"]) or "",
            _seconds(control["due_at"]) or "",
        )
    return table


def record(control: Control) -> Group:
    """Return one screen: why, who, when, which clause, what the meter said, every step."""
    facts = Table.grid(padding=(0, 2))
    rows = {
        "command": f"{control['action']} {control['meter']} at {control['usage_point']}",
        "state": " ".join(each for each in (control["state"], control["result"]) if each),
        "why": " ".join(each for each in (control["cause"], control["reason"]) if each),
        "order": control["order"],
        "who": control["requested_by"],
        "when": _seconds(control["requested_at"]),
        "valid": f"{_seconds(control['not_before'])} to {_seconds(control['not_after'])}",
        "the meter said": _said(control),
        "verified": _seconds(control["verified_at"]),
        "signed": ", ".join(
            f"{each['opcode']} #{each['counter']}" for each in control["envelopes"]
        ),
    }
    for name, value in rows.items():
        if value:
            facts.add_row(f"[bold]{name}", value)
    return Group(facts, *_refusals(control["codes"]), _steps(control["steps"]))


def explain(error: PolicyRefusedError) -> str:
    """Return every reason of a refusal, each with its clause and its cure."""
    lines = [str(error)]
    for each in error.refusals:
        lines.append(f"  {each.code} ({each.clause}): {each.cure}")
        if each.next_possible_at is not None:
            lines.append(f"    possible from {each.next_possible_at:%Y-%m-%d %H:%M:%SZ}")
    if error.control_id is not None:
        lines.append(f"  kept as {error.control_id}: `mdms command show {error.control_id}`")
    return "\n".join(lines)


def _result(control: Control) -> str:
    """Return how it ended; for a refused one, the codes of the refusal."""
    return control["result"] or " ".join(each["code"] for each in control["codes"])


def _refusals(codes: Sequence[Mapping[str, str | None]]) -> list[Table]:
    if not codes:
        return []
    table = Table(title="Refused because", title_justify="left", header_style="bold")
    for name in ("code", "clause", "cure", "next_possible_at"):
        table.add_column(name.replace("_", " "))
    for each in codes:
        table.add_row(
            each["code"], each["clause"], each["cure"], _seconds(each["next_possible_at"])
        )
    return [table]


def _steps(steps: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(title="Steps", title_justify="left", header_style="bold")
    for name in ("at", "event", "state", "by", "detail"):
        table.add_column(name)
    for step in steps:
        table.add_row(
            _seconds(step["at"]), step["event"], step["state"], step["actor"], step["detail"]
        )
    return table


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


def _seconds(at: str | None) -> str | None:
    """Return an ISO instant of the daemon, to the second."""
    return None if at is None else f"{at[:10]} {at[11:19]}Z"
