"""Customers' own data: who was let see it, what was looked at, and where a customer is served."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from mdms.domain.registry import Commodity


class Holder(StrEnum):
    """Who holds a grant: the customers' columns of the matrix of who sees what."""

    OWNER = "owner"
    GUEST = "guest"
    PROPERTY_MANAGER = "property_manager"
    PAYER = "payer"
    THIRD_PARTY = "third_party"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """
    What a portal lets somebody see of contract accounts, known by the SHA-256 of its token.

    Attributes:
        account_ids: Contract accounts, one by one; never a master with all that hangs on it.
        data: Kinds of data that the owner consented to; empty for who needs no consent.
        first_on: First local day of which anything may be seen; None: from the tenancy's own.
        last_on: Last one; None: to the tenancy's own.
        evidence: Where the consent is filed; empty for who needs none.
        issued_by: Name of the portal's token.
        revoked_at: It opens nothing since then.
    """

    grant_id: UUID
    sha256: str
    holder: Holder
    account_ids: frozenset[str]
    data: frozenset[str]
    first_on: date | None
    last_on: date | None
    evidence: str
    given_at: datetime
    expires_at: datetime
    issued_by: str
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """A usage point that an account pays, or paid, for: local days [start_on, end_on)."""

    usage_point_id: str
    commodity: Commodity
    start_on: date
    end_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """
    Somebody looked at a customer's data, or was refused.

    Attributes:
        by: Name of a token, or id of a grant.
        role: Column of the matrix.
        data: Row of the matrix.
        place: Badge, usage point or account that was asked for; empty: everybody.
        account_ids: Whose; empty with an empty place: everybody's.
        first_on: Local days that were asked for; None: not of days.
        code: What it was allowed, or refused, by.
    """

    at: datetime
    by: str
    role: str
    data: str
    place: str = ""
    account_ids: tuple[str, ...] = ()
    first_on: date | None = None
    last_on: date | None = None
    purpose: str = ""
    code: str
