"""`mdms audit`: what was done to what, and whether the record of it was changed since."""

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from mdms.cli import options
from mdms.cli.command_find import named
from mdms.cli.command_view import short
from mdms.cli.output import Output, show
from mdms.domain.audit import SealedHead, parse_seals
from mdms.domain.errors import UsageError
from mdms.services import signer_record
from mdms.services.audit import AuditService, Verified
from mdms.settings import Settings
from mdms.storage.signer import open_signer_memory
from mdms.storage.unit_of_work import open_store

_TAMPERED = 1
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SHORT_ID = re.compile(r"[0-9a-f]{8}")

_NO_SEALS = (
    "no seals of a second place were compared (--seals): who administers the database could have "
    "cut off the end, or written all of it anew"
)

app = typer.Typer(help="The audit: a chain of hashes over all that was done.", no_args_is_help=True)


@app.command("show")
def show_(
    subject: Annotated[
        str | None,
        typer.Argument(
            help="A command's id or the end of it, whatever a fact was stated about, a token's "
            "name; without it, the newest."
        ),
    ] = None,
    last: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Show what was done, by whom and why, oldest first.

    Of a judgement, the table names the verdict and its codes; `mdms policy explain` and -o json
    have every input of it.

    Example: mdms audit show 4f21c09a
    """
    with options.client(config) as mdms:
        if subject is not None and _SHORT_ID.fullmatch(subject):
            subject = named(mdms, subject)
        records = mdms.audit(subject, limit=last)
    if output is Output.TABLE:
        records = [
            {key: record[key] for key in ("number", "at", "kind", "subject", "actor")}
            | {"subject": _short(record["subject"]), "detail": _line_of(record["detail"])}
            for record in records
        ]
    show(records, output, title="Audit", spare=("kind", "subject"))


@app.command()
def verify(
    seals: Annotated[
        Path | None,
        typer.Option(help="The sealed heads of the second place, where the signer writes them."),
    ] = None,
    key: Annotated[
        list[Path] | None,
        typer.Option(
            help="What `mdms signer keys public` prints, to check the seals with; may be repeated."
        ),
    ] = None,
    *,
    signer: Annotated[
        bool,
        typer.Option("--signer", help="Follow the signer's own record too, by [signer] dsn."),
    ] = False,
    config: options.Config = None,
    output: options.Form = Output.TABLE,
) -> None:
    """
    Follow the whole chain, and say which record was changed first, if one was.

    Reads the database that [database] dsn names, so that no daemon has to be believed; the
    signer's record (each open, refusal, trip and release) is for its own role to read. Exit
    status 0: intact; 1: something was changed.

    Example: mdms audit verify --seals /mnt/worm/seals.jsonl --key sealing.pem
    """
    kept = [] if seals is None else parse_seals(_text_of(seals))
    public = [_public_key(path) for path in key or ()]
    settings = options.load(config)
    found = [("", asyncio.run(_verify(settings, kept, public)))]
    if signer:
        found.append(("signer's ", asyncio.run(_verify_signer(settings, kept))))
    if output is Output.TABLE:
        for whose, each in found:
            for line in _told(each, whose):
                typer.echo(line)
    else:
        show([_found(each, whose) for whose, each in found], output)
    if seals is None:
        typer.echo(_NO_SEALS, err=True)
    raise typer.Exit(0 if all(each.intact for _, each in found) else _TAMPERED)


async def _verify(
    settings: Settings, kept: list[SealedHead], keys: list[Ed25519PublicKey]
) -> Verified:
    async with open_store(
        settings.database.dsn.get_secret_value(),
        connections_max=1,
        statement_timeout_s=settings.database.statement_timeout_s,
    ) as unit_of_work:
        return await AuditService(unit_of_work).verify(kept=kept, keys=keys)


async def _verify_signer(settings: Settings, kept: list[SealedHead]) -> Verified:
    async with open_signer_memory(
        settings.signer.dsn.get_secret_value(),
        statement_timeout_s=settings.database.statement_timeout_s,
    ) as memory:
        return await signer_record.verify(memory, kept)


def _short(subject: str) -> str:
    """Return the end of a command's id, which is enough to name it; any other name as it is."""
    return short(subject) if _UUID.fullmatch(subject) else subject


def _line_of(detail: Mapping[str, Any]) -> str:
    """Return what a row has room for: plain values, and the codes of findings."""
    plain = {key: value for key, value in detail.items() if not isinstance(value, dict | list)}
    if codes := [finding["code"] for finding in detail.get("findings", ())]:
        plain["codes"] = " ".join(codes)
    return ", ".join(f"{key}={value}" for key, value in plain.items() if value is not None)


def _found(found: Verified, whose: str) -> dict[str, object]:
    return {
        "record": whose.removesuffix("'s ") or "daemon",
        "intact": found.intact,
        "number": found.head.number,
        "head": found.head.hash.hex(),
        "broken_at": found.broken_at,
        "contradicted": list(found.contradicted),
        "seals": found.seals,
        "unsealed": list(found.unsealed),
    }


def _told(found: Verified, whose: str) -> list[str]:
    lines = [*found.contradicted]
    lines += found.unsealed
    if found.broken_at is not None:
        lines.insert(0, f"{whose}record {found.broken_at}: changed, removed or put in afterwards")
    if found.intact:
        lines.append(
            f"intact: {found.head.number} {whose}records, {found.seals} seals, "
            f"head {found.head.hash.hex()}"
        )
    return lines


def _public_key(path: Path) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(_text_of(path).encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(f"{path} is no public key in PEM") from error
    if not isinstance(key, Ed25519PublicKey):
        raise UsageError(f"{path} is no Ed25519 key")
    return key


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
