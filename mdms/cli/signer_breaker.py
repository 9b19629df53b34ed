"""`mdms signer status` and `release`: the breaker at the signer's own socket, without a daemon."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from commands.signing.client import SocketSigner
from mdms.app.clock import SystemClock
from mdms.cli import breaker, options
from mdms.cli.breaker import SecretFile, Supervisor
from mdms.cli.output import Output
from mdms.domain.errors import UsageError
from mdms.ports.signer import Trip
from mdms.settings import Settings


def status(config: options.Config = None, output: options.Form = Output.TABLE) -> None:
    """
    Tell whether the breaker stands against every open, since when, and who has released it.

    Example: mdms signer status --config /etc/mdms/signer.toml
    """
    breaker.show_trip(_asked(options.load(config), SocketSigner.standing_trip), output)


def release(
    supervisor: Supervisor, secret_file: SecretFile = None, config: options.Config = None
) -> None:
    """
    Release the breaker, as one of two supervisors; run it where the signer runs.

    `mdms command release` does it from anywhere; this needs no daemon. Find out first who asked
    for so many opens: what is held back asks again within a minute.

    Example: mdms signer release ada --config /etc/mdms/signer.toml
    """
    settings = options.load(config)
    trip = breaker.standing(_asked(settings, SocketSigner.standing_trip))
    proof = breaker.proof_of(trip, secret_file)
    still = _asked(settings, lambda line: line.release(supervisor, trip.trip_id, proof))
    breaker.tell(still)


def _asked(
    settings: Settings, ask: Callable[[SocketSigner], Awaitable[Trip | None]]
) -> Trip | None:
    if not settings.signer.socket:
        raise UsageError("[signer] socket names no socket")
    path = Path(settings.signer.socket)

    async def asked() -> Trip | None:
        line = SocketSigner(path, SystemClock())
        try:
            return await ask(line)
        finally:
            await line.close()

    return asyncio.run(asked())
