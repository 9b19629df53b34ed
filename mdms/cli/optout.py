"""`mdms optout`: the opt-out programme."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from mdms.cli import options
from mdms.cli.command_view import short
from mdms.cli.output import Output, show
from mdms.client import Client
from mdms.domain.errors import NotFoundError
from mdms.policy.optout_facts import Requester

_SPARE = ("closed_by", "requested_by", "received_at", "reason", "approved_by", "requester")
_OVER = {"ended", "revoked", "denied", "lapsed", "withdrawn"}

app = typer.Typer(help="Opt-outs from radio reading.", no_args_is_help=True)

Which = Annotated[
    str,
    typer.Argument(help="The opt-out's id or the end of it, its account, or one of its meters."),
]
Reason = Annotated[str, typer.Option(help="For the record.")]


@app.command()
def enrol(
    who: Annotated[str, typer.Argument(help="Account, badge or usage point.")],
    only: Annotated[
        list[str] | None, typer.Option(help="A usage point; repeat it. All but water if left out.")
    ] = None,
    requester: Annotated[
        Requester, typer.Option(help="Who asks, as the account knows them.")
    ] = Requester.HOLDER,
    form_on: Annotated[
        str | None, typer.Option(help="Day on which the signed form came back.")
    ] = None,
    *,
    crew_today: Annotated[
        bool, typer.Option("--crew-today", help="A crew is on its way to a legacy meter.")
    ] = False,
    reason: Reason = "",
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    File a customer's request to opt out, and decide it.

    A badge or usage point means its residence; an account means all of them. What is allowed is
    in force at once: set-up and monthly fee are charged, and the radios are asked to fall silent.
    What is not, is shown with every code, clause and cure.

    Example: mdms optout enrol AC000012 --form-on 2026-11-02
    """
    with options.client(config) as mdms:
        enrolled = mdms.enrol_optout(
            who,
            usage_points=only or (),
            requester=requester.value,
            crew_today=crew_today,
            form_on=form_on,
            reason=reason,
        )
    _show_one(enrolled, output)


@app.command()
def form(
    which: Which,
    on: Annotated[str, typer.Option(help="Day on which it came back.")],
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Note that the signed form came back, and decide the request again.

    Example: mdms optout form AC000012 --on 2026-11-20
    """
    with options.client(config) as mdms:
        decided = mdms.decide_optout(_id(mdms, which), "form", received_on=on)
    _show_one(decided, output)


@app.command()
def judge(which: Which, config: options.Config = None, output: options.Form = Output.TABLE) -> None:
    """
    Decide a request again, by what the customer system has stated since.

    Example: mdms optout judge AC000012
    """
    with options.client(config) as mdms:
        decided = mdms.decide_optout(_id(mdms, which), "judge")
    _show_one(decided, output)


@app.command()
def approve(
    which: Which,
    reason: Reason = "",
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Decide in the customer's favour what the rules refer to a person: a supervisor does.

    Example: mdms optout approve AC000012 --reason "tenant, owner agrees"
    """
    with options.client(config) as mdms:
        decided = mdms.decide_optout(_id(mdms, which), "approve", reason=reason)
    _show_one(decided, output)


@app.command()
def revoke(
    which: Which,
    reason: Annotated[str, typer.Option(help="Why, for the record.")],
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    End an opt-out against the customer's will: a supervisor does, nobody and nothing else.

    Causes that appeared later are listed by `mdms optout tasks`.

    Example: mdms optout revoke AC000012 --reason "meter tampered with, case 77"
    """
    with options.client(config) as mdms:
        ended = mdms.decide_optout(_id(mdms, which), "revoke", reason=reason)
    _show_one(ended, output)


@app.command()
def end(
    which: Which,
    field_order: Annotated[
        str, typer.Option(help="The order that switched the radio on at the meter.")
    ] = "",
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    End an opt-out: the customer opted back in, free of charge.

    Electric radios come back by a command that is asked for by itself. A battery meter hears
    nothing while its radio is off: name the field order once someone has switched it on.

    Example: mdms optout end AC000012
    """
    with options.client(config) as mdms:
        ended = mdms.end_optout(_id(mdms, which, over=bool(field_order)), field_order=field_order)
    _show_one(ended, output)


@app.command("ls")
def list_(config: options.Config = None, output: options.Form = Output.TABLE) -> None:
    """
    List requests to opt out, oldest first.

    Example: mdms optout ls
    """
    with options.client(config) as mdms:
        rows = mdms.optouts()
    if output is not Output.JSON:
        rows = [_row(each) for each in rows]
    if output is Output.TABLE:
        rows = [{"id": short(each.pop("optout_id"))} | each for each in rows]
    show(rows, output, title="Opt-outs", spare=_SPARE)


@app.command("show")
def show_(which: Which, config: options.Config = None, output: options.Form = Output.TABLE) -> None:
    """
    Show one request: what was decided for each service, and whether its radio is silent.

    Example: mdms optout show AC000012
    """
    with options.client(config) as mdms:
        shown = mdms.optout(_id(mdms, which, over=True))
    _show_one(shown, output)


@app.command()
def tasks(
    *,
    all_: Annotated[bool, typer.Option("--all", help="Those that are done, too.")] = False,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    List what a person decides or does for the programme.

    Example: mdms optout tasks
    """
    with options.client(config) as mdms:
        rows = mdms.optout_tasks(open_only=not all_)
    show(rows, output, title="Tasks", spare=("done_by", "done_at", "occasion", "clause"))


@app.command()
def done(
    number: Annotated[int, typer.Argument(help="Of the task.")],
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Close a task: somebody decided, or did it.

    Example: mdms optout done 5
    """
    with options.client(config) as mdms:
        show([mdms.finish_optout_task(number)], output, title="Task")


def _id(mdms: Client, which: str, *, over: bool = False) -> str:
    """Return the id of an opt-out that is named by account or meter: the last that may be meant."""
    ids: list[str] = [
        each["optout_id"]
        for each in mdms.optouts()
        if which in {each["account"], *each["meters"]} | _names(each["optout_id"])
        and (over or which in _names(each["optout_id"]) or each["state"] not in _OVER)
    ]
    if not ids:
        raise NotFoundError(f"no opt-out of {which!r} is under way; see `mdms optout ls`")
    return ids[-1]


def _names(optout_id: str) -> set[str]:
    """Return by what an id is named: all of it, or the end that lists show."""
    return {optout_id, short(optout_id)}


def _row(optout: Mapping[str, Any]) -> dict[str, Any]:
    row = {
        key: value for key, value in optout.items() if key not in {"services", "silent", "radios"}
    }
    return row | {"meters": " ".join(optout["meters"])}


def _show_one(optout: Mapping[str, Any], output: Output) -> None:
    if output is Output.JSON:
        show([optout], output)
        return
    show([_row(optout)], output, title="Opt-out", spare=_SPARE)
    silent = optout.get("silent", {})
    services = [
        {
            "meter": each["meter"],
            "verdict": each["verdict"],
            "code": reason["code"],
            "clause": reason["clause"],
            "cure": reason["cure"],
            "action": each["action"],
            "silent": "" if each["meter"] not in silent else str(silent[each["meter"]]).lower(),
        }
        for each in optout["services"]
        for reason in each["reasons"] or [{"code": each["code"], "clause": "", "cure": ""}]
    ]
    show(services, output, title="Services")
    radios = [
        {
            "meter": meter,
            "asked_at": radio["asked_at"],
            "outcome": " ".join(each for each in (radio["state"], radio["result"]) if each),
            "why": "; ".join(
                f"{each['code']} ({each['clause']}): {each['cure']}" for each in radio["reasons"]
            ),
            "tried_again_at": radio["tried_again_at"] or "",
            "command": short(radio["control_id"]),
        }
        for meter, radio in optout.get("radios", {}).items()
    ]
    if radios:
        show(radios, output, title="Radios", spare=("command", "asked_at"))
