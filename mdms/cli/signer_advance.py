"""`mdms signer advance`: after a restore that the signer cannot see by itself."""

import asyncio
from typing import Annotated

import typer

from commands.signing import restored
from mdms.app.clock import SystemClock
from mdms.cli import options
from mdms.settings import Settings
from mdms.storage.signer import open_signer_memory


def advance(
    reason: Annotated[str, typer.Option(help="What was restored; supervisors will read it.")],
    config: options.Config = None,
) -> None:
    """
    Raise every counter far above what the database knows of, and trip the breaker.

    For a database that came back as an older copy of itself: a disk or machine put back to a
    snapshot. After a backup was restored, or a standby took over, the signer does this by itself.
    It does no harm twice; opens wait until two supervisors have released the breaker.

    Example: mdms signer advance --reason "disk of db1 put back to Monday's snapshot"
    """
    floor = asyncio.run(_advance(options.load(config), reason))
    typer.echo(f"counters are above {floor} from now on; the breaker is open: mdms signer status")


async def _advance(settings: Settings, reason: str) -> int | None:
    now = SystemClock().now()
    async with (
        open_signer_memory(
            settings.signer.dsn.get_secret_value(),
            statement_timeout_s=settings.database.statement_timeout_s,
        ) as open_memory,
        open_memory() as memory,
    ):
        return await restored.leap(memory, now, reason, anyway=True)
