"""What a request for a customer's data is judged by: the matrix, the request, a consent."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from mdms.policy.tables import TableError


class Role(StrEnum):
    """Who asks; in the order of the matrix's columns."""

    OWNER = "owner"
    GUEST = "guest"
    PROPERTY_MANAGER = "property_manager"
    PAYER = "payer"
    THIRD_PARTY = "third_party"
    CSR = "csr"
    ANALYST = "analyst"
    CONTRACTOR = "contractor"
    PUBLIC = "public"


class Data(StrEnum):
    """What is asked for: the matrix's rows."""

    BILL = "bill"
    BILL_NOTICE = "bill_notice"
    """That a bill is due, not what is on it."""
    CARD_PAYMENT = "card_payment"
    """To pay once, by card."""
    PAYMENT = "payment"
    """To pay otherwise, or again and again."""
    PAYMENT_METHOD = "payment_method"
    PAYMENT_METHOD_MASKED = "payment_method_masked"
    DAILY_USAGE = "daily_usage"
    INTERVAL_USAGE = "interval_usage"
    LEAK_ALERT = "leak_alert"
    STATUS = "status"
    """Of the switch, and whether somebody opted out."""
    CONTACT = "contact"
    IDENTITY = "identity"
    AGGREGATE = "aggregate"


class Grant(StrEnum):
    """On what condition a role sees a kind of data: a cell of the matrix."""

    YES = "Y"
    """One's own."""
    OWN = "o"
    """Of a contract account that its owner granted."""
    CONSENT = "c"
    """With the owner's consent, in writing or signed electronically."""
    PURPOSE = "r"
    """With a recorded purpose."""
    SURROGATE = "s"
    """Likewise, and under a surrogate identifier."""
    AGGREGATE = "a"
    """When it was found to hide everybody in it."""
    STAFF = "i"
    """For work inside the utility."""
    NO = "-"


class Basis(StrEnum):
    """What the request rests on."""

    ORDINARY = "ordinary"
    PUBLIC_RECORDS = "public_records"
    LEGAL_PROCESS = "legal_process"
    """A subpoena, a warrant, a court's order."""
    MARKETING = "marketing"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRules:
    """
    The matrix and what goes with it.

    Attributes:
        recheck_seconds: How long access by consent may be remembered before it is judged again.
        linked_accounts_max: Contract accounts under one master.
        matrix: For each kind of data one cell a role, in the order of Role, blanks between.
    """

    recheck_seconds: int
    linked_accounts_max: int
    matrix: Mapping[str, str]

    def __post_init__(self) -> None:
        if self.matrix.keys() != set(Data):
            differing = ", ".join(sorted(self.matrix.keys() ^ set(Data)))
            raise TableError(f"access.matrix needs exactly the known kinds of data: {differing}.")
        for data, cells in self.matrix.items():
            letters = cells.split()
            if len(letters) != len(Role) or not set(letters) <= set(Grant):
                raise TableError(
                    f"access.matrix.{data} must have {len(Role)} of {' '.join(Grant)}, not {cells}."
                )

    def grant(self, role: Role, data: Data) -> Grant:
        """Return the condition on which a role sees a kind of data."""
        return Grant(self.matrix[data].split()[list(Role).index(role)])


@dataclass(frozen=True, slots=True, order=True)
class Days:
    """Local days first_on..last_on, both included."""

    first_on: date
    last_on: date

    def within(self, others: Iterable["Days"]) -> bool:
        """Tell whether each of these days lies in one of the others."""
        day = self.first_on
        for other in sorted(others):
            if other.first_on <= day <= other.last_on:
                day = other.last_on + timedelta(days=1)
        return day > self.last_on


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """An owner's consent that somebody sees some data of some days."""

    account_id: str
    data: frozenset[Data]
    days: Days
    given_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRequest:
    """
    A request for data.

    Attributes:
        account_id: Whose data; empty for an aggregate.
        account_ids: Accounts that the asker owns, or that their owners granted one by one.
        days: Days that the data is of.
        held: Days on which the account's customer had the service there.
        consent: What the asker shows; None when nothing.
        purpose: Purpose or case as recorded; empty when none is.
        hides_everybody: Whether an aggregate was allowed to leave the utility.
    """

    role: Role
    data: Data
    days: Days
    account_id: str = ""
    account_ids: frozenset[str] = frozenset()
    held: tuple[Days, ...] = ()
    consent: Consent | None = None
    purpose: str = ""
    basis: Basis = Basis.ORDINARY
    hides_everybody: bool = False
