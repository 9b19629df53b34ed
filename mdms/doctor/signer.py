"""Check of the signer: does it answer, and does its breaker stand against every open."""

from pathlib import Path

from commands.signing.client import SocketSigner
from mdms.doctor.findings import Finding, ok, problem
from mdms.domain.errors import UnavailableError
from mdms.ports.clock import Clock
from mdms.settings import Settings


async def check_signer(settings: Settings, clock: Clock) -> list[Finding]:
    """Return how the signer is that [signer] socket names; nothing where none is named."""
    if not settings.signer.socket:
        return []
    signer = SocketSigner(Path(settings.signer.socket), clock)
    try:
        trip = await signer.standing_trip()
    except UnavailableError as error:
        return [
            problem(
                "signer",
                f"{error}: start `mdms signer`, or name its socket in [signer] socket; "
                "until then commands wait",
            )
        ]
    finally:
        await signer.close()
    if trip is not None:
        return [
            problem(
                "signer",
                f"its breaker stands open since {trip.at:%Y-%m-%d %H:%M:%SZ} ({trip.reason}): "
                "nothing is switched off until two supervisors run `mdms signer release`",
            )
        ]
    return [ok("signer", f"it answers at {settings.signer.socket}")]
