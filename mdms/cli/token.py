"""`mdms token`: who may call the daemon."""

import hashlib
import secrets
from typing import Annotated

import typer

from mdms.api.auth import Role

app = typer.Typer(help="Tokens of people and programs.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Who will use it, as the audit shall name them.")],
    role: Annotated[list[Role], typer.Option(help="What they may do; may be repeated.")],
) -> None:
    """
    Make a token, and print the lines that let the daemon know it.

    The first block goes into the daemon's settings, the second into the caller's. The token
    itself is kept nowhere: whoever loses it makes a new one.
    """
    secret = secrets.token_urlsafe(32)
    roles = ", ".join(f'"{each}"' for each in role)
    typer.echo(
        f"# settings of the daemon\n[api.tokens.{name}]\nroles = [{roles}]\n"
        f'sha256 = "{hashlib.sha256(secret.encode()).hexdigest()}"\n\n'
        f'# settings of {name}, or MDMS_CLIENT__TOKEN\n[client]\ntoken = "{secret}"'
    )
