"""Leaks of water and gas, as they are kept and told."""

from dataclasses import dataclass
from datetime import datetime

from mdms.domain.registry import Commodity


@dataclass(frozen=True, slots=True)
class WatchedMeter:
    """
    A water or gas meter whose intervals may be looked at on a day.

    Attributes:
        register_resolution: Quanta that the register moves by.
        register_modulus: It wraps to 0 at this many quanta.
        unit: One quantum.
        place: Kind of premise.
        flags: Of the premise.
        has_account: Somebody pays for it on that day, or nobody ever did as far as is known.
    """

    channel_id: int
    badge: str
    commodity: Commodity
    service_class: str
    interval_s: int
    unit: str
    register_resolution: int
    register_modulus: int
    multiplier: int
    place: str
    flags: tuple[str, ...]
    installed_at: datetime
    has_account: bool


@dataclass(frozen=True, slots=True)
class LeakCase:
    """
    A leak as it stands.

    Attributes:
        episode: Its number, from 1 for each channel.
        kind: What gave it away: continuous, night, intermittent, burst; for gas the check.
        state: Of vee.md 7.6, in capitals.
        severity: 1 to 5; of gas always 5.
        rate: Per hour; `rate_error` is how far it may be off.
        lost: Since `began_at`.
        unit: gal or cf.
        ended_at: When it was cleared, withdrawn or called normal.
        updated_at: Data up to here were looked at.
    """

    channel_id: int
    episode: int
    badge: str
    kind: str
    state: str
    severity: int
    rate: float
    rate_error: float
    lost: float
    unit: str
    began_at: datetime
    raised_at: datetime
    confirmed_at: datetime | None
    ended_at: datetime | None
    updated_at: datetime

    @property
    def leak_id(self) -> str:
        """What people call it."""
        return leak_id(self.badge, self.episode)


@dataclass(frozen=True, slots=True)
class LeakStep:
    """
    A change of a case, or a notice; never changed itself.

    Attributes:
        at: End of the hour that decided.
        signal: What happened; empty for a notice alone.
        notice: What the customer is told; empty for nothing.
        by: Who, where it was a person.
    """

    channel_id: int
    episode: int
    at: datetime
    recorded_at: datetime
    signal: str
    state: str
    kind: str
    severity: int
    rate: float
    lost: float
    notice: str
    by: str
    reason: str
    rules_hash: str


def leak_id(badge: str, episode: int) -> str:
    """Return what people call a case."""
    return f"{badge}-{episode}"


def parse_leak_id(text: str) -> tuple[str, int] | None:
    """Return the badge and number of a case; None when the text names none."""
    badge, _, number = text.rpartition("-")
    return (badge, int(number)) if badge and number.isdecimal() else None
