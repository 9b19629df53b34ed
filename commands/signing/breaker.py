"""
Who may release the breaker: two supervisors, each by a proof that the daemon can pass on, not make.

A supervisor's secret is used for nothing else and is never sent. What is sent is a code over the
very trip that is to be released, as the supervisor was shown it: a daemon which saw it can release
nothing with it later, and one that showed another reason than the signer's gets none that is good.
"""

import hashlib
import hmac
import secrets
import tomllib
from collections.abc import Mapping
from typing import Final

from mdms.domain.errors import UsageError
from mdms.domain.time import to_epoch_us
from mdms.ports.signer import Trip

RELEASES_MIN: Final = 2
_SECRET_BYTES: Final = 32
_DIGEST_BYTES: Final = 32


class Supervisors:
    """Whose word releases the breaker; prints names, no digests."""

    __slots__ = ("_digests",)

    def __init__(self, digests: Mapping[str, bytes]) -> None:
        """
        Know these people.

        Args:
            digests: SHA-256 of each one's secret. Whoever has it can release: it is kept as the
                keys are.
        """
        self._digests = dict(digests)

    def __repr__(self) -> str:
        return f"Supervisors({', '.join(sorted(self._digests))})"

    def __len__(self) -> int:
        return len(self._digests)

    def vouches(self, name: str, trip: Trip, proof: bytes) -> bool:
        """Return whether a proof was made by this supervisor for this trip."""
        digest = self._digests.get(name)
        # An unknown name takes as long as a known one.
        made = _code(digest or bytes(_DIGEST_BYTES), trip)
        return hmac.compare_digest(made, proof) and digest is not None


def new_secret() -> str:
    """Return a secret for a supervisor."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def digest(secret: str) -> str:
    """Return what the signer's file holds of a secret, in hexadecimal digits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def prove(secret: str, trip: Trip) -> bytes:
    """Return a supervisor's proof that this trip, of this reason, is to be released."""
    return _code(hashlib.sha256(secret.encode()).digest(), trip)


def parse(text: str) -> Supervisors:
    """
    Read the file of supervisors: a table [supervisors] of name to digest.

    Raises:
        UsageError: It is no such file.
    """
    try:
        table = tomllib.loads(text)["supervisors"]
        digests = {name: bytes.fromhex(digits) for name, digits in table.items()}
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise UsageError(
            "a file of supervisors holds a table [supervisors] with a line for each; "
            "`mdms signer supervisor NAME` prints it"
        ) from error
    if any(len(each) != _DIGEST_BYTES for each in digests.values()):
        raise UsageError("a supervisor's line holds a SHA-256, 64 hexadecimal digits")
    return Supervisors(digests)


def _code(digest: bytes, trip: Trip) -> bytes:
    shown = f"mdms breaker release {trip.trip_id} {to_epoch_us(trip.at)} {trip.reason}"
    return hmac.digest(digest, shown.encode(), "sha256")
