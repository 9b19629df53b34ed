"""`mdms command orders` and `close`: what people must do at meters, and that it was done."""

from typing import Annotated, Any

import typer

from mdms.cli import options
from mdms.cli.output import Output, show
from mdms.domain.errors import NotFoundError, UsageError

_SHORT_ID = 8


def orders(
    *,
    every: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 200,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    List what people must do at meters: safety first, then the oldest first.

    Example: mdms command orders
    """
    with options.client(config) as mdms:
        found = mdms.field_orders(every=every, limit=limit)
    if output is Output.TABLE:
        found = [_row(order) for order in found]
    show(found, output, title="Field orders", spare=("usage_point", "opened_at"))


def close(
    order_id: Annotated[str, typer.Argument(help="Id, or enough of its end.", metavar="ORDER")],
    outcome: Annotated[str, typer.Option(help="What was done.")],
    config: options.Config = None,
) -> None:
    """
    Close a field order: somebody has been there.

    Example: mdms command close 12 --outcome "switch exchanged"
    """
    with options.client(config) as mdms:
        ids = [each["field_order_id"] for each in mdms.field_orders()]
        found = [each for each in ids if order_id and each.endswith(order_id)]
        if not found:
            raise NotFoundError(f"no open order is called {order_id!r}; see `mdms command orders`")
        if len(found) > 1:
            raise UsageError(f"{order_id!r} may mean several orders; name more of its end")
        closed = mdms.close_field_order(found[0], outcome)
    typer.echo(f"{closed['reason']}  {closed['meter']}  closed: {closed['outcome']}")


def _row(order: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": order["field_order_id"][-_SHORT_ID:],
        "meter": order["meter"],
        "usage_point": order["usage_point"],
        "reason": order["reason"],
        "to_do": order["detail"],
        "opened_at": order["opened_at"],
        "outcome": order["outcome"] or ("SAFETY, open" if order["is_safety"] else "open"),
    }
