"""`mdms signer`: the process that holds the meters' command keys, and what its keeper does."""

import asyncio
import os
import stat
from pathlib import Path
from typing import Annotated

import typer

from commands.signing import breaker, keys
from commands.signing.sealing import public_pem, sealing_key
from mdms.app.signer import kek_path, read_kek, serve_signer
from mdms.cli import options
from mdms.cli.output import Output, show
from mdms.cli.signer_advance import advance
from mdms.cli.signer_breaker import release, status
from mdms.domain.errors import UsageError
from mdms.settings import SignerSettings, read_master_keys, read_private
from mdms.telemetry import logging

app = typer.Typer(invoke_without_command=True)
keys_app = typer.Typer(help="Its master keys, wrapped at rest.", no_args_is_help=True)
app.command()(status)
app.command()(release)
app.command()(advance)
app.add_typer(keys_app, name="keys")

_OWNER_ONLY = stat.S_IRUSR | stat.S_IWUSR
_FIRST_KEY_ID = 1


@app.callback()
def signer(context: typer.Context, config: options.Config = None) -> None:
    """
    Run the signer: the only holder of the command keys, with rules of its own.

    It needs a migrated database, its two key files and a socket ([signer] of its settings), and
    best a user of its own. SIGTERM ends it; SIGKILL loses nothing.

    Example: mdms signer --config /etc/mdms/signer.toml
    """
    if context.invoked_subcommand is None:
        settings = options.load(config)
        logging.configure(settings.log.level, settings.log.format)
        asyncio.run(serve_signer(settings))


@app.command()
def supervisor(
    name: Annotated[str, typer.Argument(help="Who may release the breaker, with one other.")],
) -> None:
    """
    Make a supervisor's secret, and print the line that lets the signer know it.

    The line goes into the file of [signer] supervisors, the secret to the supervisor and nowhere
    else: never into the daemon's settings, for it must not pass through the daemon.

    Example: mdms signer supervisor ada
    """
    secret = breaker.new_secret()
    typer.echo(
        f'# file of [signer] supervisors\n[supervisors]\n{name} = "{breaker.digest(secret)}"\n\n'
        f"# for {name}'s eyes\n{secret}"
    )


@keys_app.command()
def init(config: options.Config = None) -> None:
    """
    Make the file of keys with a first one, and the key that wraps them where there is none.

    Example: mdms signer keys init --config /etc/mdms/signer.toml
    """
    settings = options.load(config).signer
    path = _keys_path(settings)
    wrapping = kek_path(settings)
    if not wrapping.exists():
        _write_new(wrapping, keys.new_kek())
        typer.echo(f"made {wrapping}: keep a copy in another place than that of the keys")
    _write_new(path, keys.wrap({_FIRST_KEY_ID: keys.new_master()}, read_kek(settings)))
    typer.echo(f"made {path} with master key {_FIRST_KEY_ID}")


@keys_app.command()
def wrap(
    plain: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="File of plain keys, [masters].")
    ],
    config: options.Config = None,
) -> None:
    """
    Make the file of keys from plain ones, such as a key ceremony gives; remove those after.

    Example: mdms signer keys wrap ceremony.toml --config /etc/mdms/signer.toml
    """
    settings = options.load(config).signer
    path, masters = _keys_path(settings), read_master_keys(plain)
    _write_new(path, keys.wrap(masters, read_kek(settings)))
    typer.echo(f"made {path} with master keys {', '.join(map(str, sorted(masters)))}")


@keys_app.command()
def rotate(config: options.Config = None) -> None:
    """
    Add a fresh master key under the next number; the signer must be started again.

    A meter uses it from when the registry says its key_id; older keys stay for the others.

    Example: mdms signer keys rotate --config /etc/mdms/signer.toml
    """
    settings = options.load(config).signer
    path, kek = _keys_path(settings), read_kek(settings)
    masters = keys.unwrap(read_private(path), kek)
    key_id = max(masters, default=_FIRST_KEY_ID - 1) + 1
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)
    _write_new(unfinished, keys.wrap(masters | {key_id: keys.new_master()}, kek))
    unfinished.replace(path)
    typer.echo(f"added master key {key_id} to {path}")


@keys_app.command()
def public(config: options.Config = None) -> None:
    """
    Print the public half of the key that seals the audit, for `mdms audit verify --key`.

    It follows from the key-encryption key: keep it when that one changes, for the older seals.

    Example: mdms signer keys public --config /etc/mdms/signer.toml > sealing.pem
    """
    typer.echo(public_pem(sealing_key(read_kek(options.load(config).signer))), nl=False)


@keys_app.command("ls")
def list_keys(config: options.Config = None, output: options.Form = Output.TABLE) -> None:
    """
    List the numbers of the master keys; that they can be unwrapped is checked.

    Example: mdms signer keys ls --config /etc/mdms/signer.toml
    """
    settings = options.load(config).signer
    masters = keys.unwrap(read_private(_keys_path(settings)), read_kek(settings))
    show([{"key_id": key_id} for key_id in sorted(masters)], output, title="Master keys")


def _keys_path(settings: SignerSettings) -> Path:
    if not settings.keys:
        raise UsageError("[signer] keys names no file")
    return Path(settings.keys)


def _write_new(path: Path, text: str) -> None:
    """Write a file that only its owner may read, and none that is there already."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    except OSError as error:
        raise UsageError(f"{path} cannot be made: {error.strerror}") from error
    with os.fdopen(file, "w", encoding="utf-8") as opened:
        opened.write(text)
