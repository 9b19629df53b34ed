"""Who may do what: roles of people and programs, and the tokens they go by (headend.md 4)."""

import hashlib
import secrets
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """What a person or a program may do; what is not named is denied."""

    VIEWER = "viewer"
    VEE = "vee"
    BILLING = "billing"
    CSR = "csr"
    SAFETY = "safety"
    SUPERVISOR = "supervisor"
    NETWORK = "network"
    AUDITOR = "auditor"
    PRIVACY = "privacy"
    """The privacy officer: who looked at whose data, and what leaves the utility as a sum."""
    PORTAL = "portal"
    """The customers' portal, a program: lets customers see their own data, and sees none itself."""
    ADMIN = "admin"


STAFF: Final = frozenset(Role) - {Role.PORTAL}
"""Who works in the utility."""

PROPOSES: Final = frozenset({Role.CSR, Role.SAFETY})
"""Ask for commands; safety for hazards only."""

APPROVES: Final = frozenset({Role.SUPERVISOR})
"""Let commands go that another has asked for."""

STATES: Final = frozenset({Role.BILLING})
"""State what the customer system knows: the facts by which commands are judged."""

READS_FACTS: Final = frozenset({Role.BILLING, Role.CSR, Role.SUPERVISOR, Role.SAFETY, Role.AUDITOR})
"""See what was stated of a customer: balances, certificates, who lives there (policy.md 5.1)."""

EDITS: Final = frozenset({Role.VEE, Role.SUPERVISOR})
"""Decide about edits that another has asked for; only VEE asks."""


_SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Token:
    """
    A caller, known by the SHA-256 of a token that is kept nowhere.

    Attributes:
        name: Who it is, as the audit names them.
        sha256: Of the token, in hexadecimal.
        nouns: The parts of the interface it may call, such as `controls`; empty: whatever its
            roles allow.
        expires_at: It is nobody's from then on; None: never.
        revoked_at: It is nobody's since then.
    """

    name: str
    roles: frozenset[Role]
    sha256: str
    nouns: frozenset[str] = frozenset()
    expires_at: datetime | None = None
    created_at: datetime | None = None
    created_by: str = ""
    revoked_at: datetime | None = None

    def is_good(self, at: datetime) -> bool:
        """Return whether it opens anything at an instant."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)

    def reaches(self, noun: str) -> bool:
        """Return whether it may call a part of the interface at all."""
        return not self.nouns or noun in self.nouns


def conflict(roles: AbstractSet[Role]) -> str | None:
    """
    Return why nobody may have these roles together, for people; None: they go together.

    Source:
        headend.md 4: no role both proposes and approves; an administrator cannot command.
    """
    if roles & PROPOSES and roles & APPROVES:
        return "nobody both asks for commands and approves them: make two tokens for two people"
    if roles & STATES and roles & (PROPOSES | APPROVES):
        return "nobody states the facts by which their own command is judged: make another token"
    if Role.ADMIN in roles and roles & (PROPOSES | APPROVES):
        return "an administrator may not command: make another token for that person"
    if Role.AUDITOR in roles and len(roles) > 1:
        return "an auditor does nothing that is audited: give that token no other role"
    if Role.PORTAL in roles and len(roles) > 1:
        return "a portal is not staff: give that token no other role"
    return None


def makes_both_sides(roles: AbstractSet[Role], made: Iterable[Token]) -> bool:
    """
    Return whether a new token is one side of a pair that asks for commands and approves them.

    Args:
        roles: Of the new token.
        made: What the same person made lately, this one included.
    """
    held = frozenset[Role]().union(*(each.roles for each in made))
    return bool(roles & (PROPOSES | APPROVES) and held & PROPOSES and held & APPROVES)


def new_secret() -> str:
    """Return a token for someone who has none yet."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def digest_of(secret: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(secret.encode()).hexdigest()
