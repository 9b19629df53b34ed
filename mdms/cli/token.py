"""`mdms token`: who may call the daemon."""

from typing import Annotated

import typer

from mdms.cli import options
from mdms.cli.output import Output, show
from mdms.domain.errors import UsageError
from mdms.domain.people import Role, conflict, digest_of, new_secret

app = typer.Typer(help="Tokens of people and programs.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Who will use it, as the audit shall name them.")],
    role: Annotated[list[Role], typer.Option(help="What they may do; may be repeated.")],
    noun: Annotated[
        list[str] | None,
        typer.Option(help="The only parts of the interface it may call; may be repeated."),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long it is good.")] = 90,
    *,
    offline: Annotated[
        bool,
        typer.Option(
            "--offline",
            help="Ask no daemon; print the lines for the daemon's settings instead. "
            "This is how the first administrator comes to be.",
        ),
    ] = False,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Make a token and print it, this once; the daemon keeps its hash.

    Nobody both asks for commands (csr, safety) and approves them (supervisor).

    Example: mdms token create portal --role billing --noun readings --noun billing --days 30
    """
    if offline:
        _print_lines(name, role)
        return
    with options.client(config) as mdms:
        made = mdms.create_token(name, role, nouns=noun or (), days=days)
    if output is not Output.TABLE:
        show([made], output)
        return
    typer.echo(
        f"# good until {made['expires_at']}; shown this once\n"
        f'# settings of {name}, or MDMS_CLIENT__TOKEN\n[client]\ntoken = "{made["token"]}"'
    )


@app.command("ls")
def list_(config: options.Config = None, output: options.Form = Output.TABLE) -> None:
    """
    List tokens: whose, what for, how long; the tokens themselves are kept nowhere.

    Example: mdms token ls
    """
    with options.client(config) as mdms:
        rows = [
            token | {key: " ".join(token[key]) for key in ("roles", "nouns")}
            for token in mdms.tokens()
        ]
    show(rows, output, title="Tokens", spare=("created_by", "created_at", "nouns"))


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(help="Whose token.")], config: options.Config = None
) -> None:
    """
    Make a token nobody's, from the next call on.

    Example: mdms token revoke portal
    """
    with options.client(config) as mdms:
        mdms.revoke_token(name)
    typer.echo(f"revoked the token of {name}")


def _print_lines(name: str, role: list[Role]) -> None:
    if problem := conflict(frozenset(role)):
        raise UsageError(problem)
    secret = new_secret()
    roles = ", ".join(f'"{each}"' for each in role)
    typer.echo(
        f"# settings of the daemon\n[api.tokens.{name}]\nroles = [{roles}]\n"
        f'sha256 = "{digest_of(secret)}"\n\n'
        f'# settings of {name}, or MDMS_CLIENT__TOKEN\n[client]\ntoken = "{secret}"'
    )
