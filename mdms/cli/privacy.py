"""`mdms privacy`: who sees customers' data."""

from itertools import islice
from typing import Annotated

import typer

from mdms.cli import options
from mdms.cli.output import Output, show
from mdms.domain.aggregates import Cut
from mdms.domain.registry import Commodity

app = typer.Typer(
    help="Who sees customers' data: grants, looks, sums that leave the utility.",
    no_args_is_help=True,
)

_Account = Annotated[str | None, typer.Option("--account", help="Contract account.")]
_Limit = Annotated[int, typer.Option(min=1, help="So many at most.")]


@app.command()
def grants(
    account: _Account = None, config: options.Config = None, output: options.Form = Output.TABLE
) -> None:
    """
    List what portals let customers, and whom they trust, see; the newest first.

    Example: mdms privacy grants --account A1000012
    """
    with options.client(config) as mdms:
        rows = [
            grant | {key: " ".join(grant[key]) for key in ("account_ids", "data")}
            for grant in mdms.grants(account)
        ]
    show(rows, output, title="Grants", spare=("issued_by", "evidence", "given_at"))


@app.command()
def revoke(
    grant: Annotated[str, typer.Argument(help="Its id, as `mdms privacy grants` shows it.")],
    config: options.Config = None,
) -> None:
    """
    End a grant, from the next call on.

    Example: mdms privacy revoke 019a8f10-3c5e-7000-8000-000000000001
    """
    with options.client(config) as mdms:
        mdms.revoke_grant(grant)
    typer.echo(f"revoked {grant}")


@app.command()
def looks(
    account: _Account = None,
    by: Annotated[str | None, typer.Option(help="Name of a token, or id of a grant.")] = None,
    limit: _Limit = 100,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    List who looked at whose data, and what for; the newest first.

    Example: mdms privacy looks --account A1000012 -o csv
    """
    with options.client(config) as mdms:
        rows = [
            look | {"account_ids": " ".join(look["account_ids"]) or "-"}
            for look in islice(mdms.looks(account, by=by), limit)
        ]
    show(rows, output, title="Looks", spare=("number", "from", "to"))


@app.command()
def breach(
    accounts: Annotated[list[str], typer.Argument(help="Contract accounts concerned.")],
    what: Annotated[str, typer.Option(help="What happened, for the record.")],
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Open an incident: data went astray. The audit keeps it; every account gets an alert.

    Example: mdms privacy breach A1000012 --what "September's export went to another firm"
    """
    with options.client(config) as mdms:
        opened = mdms.report_breach(accounts, what)
    show([opened | {"to_do": "; ".join(opened["to_do"])}], output, title="Incident")


@app.command()
def publish(
    commodity: Annotated[Commodity, typer.Argument(help="What was billed.")],
    month: Annotated[str, typer.Argument(help="A month that is over: 2026-11.")],
    cut: Annotated[Cut, typer.Option(help="What customers are grouped by.")] = Cut.NONE,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Let sums of a month's billed usage go; what does not hide everybody in it is suppressed.

    Example: mdms privacy publish water 2026-11 --cut water_zone
    """
    with options.client(config) as mdms:
        told = mdms.publish_aggregate(commodity.value, month, cut.value)
    show(told, output, title="Sums")


@app.command()
def ledger(
    limit: _Limit = 100, config: options.Config = None, output: options.Form = Output.TABLE
) -> None:
    """
    List the sums that were asked for, and what came of each; the newest first.

    Example: mdms privacy ledger -o csv
    """
    with options.client(config) as mdms:
        show(list(islice(mdms.aggregates(), limit)), output, title="Ledger of sums")
