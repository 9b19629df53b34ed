"""
Amounts, day counts and hours of the rules, dated: `config/policy/*.toml`.

A file is one edition of some tables: when it takes effect, who approved it, what it was taken from.
On a day each table is read in the latest edition that is in force; an edition nobody approved
never is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, get_type_hints

from mdms.domain.tariff import TariffRules
from mdms.policy import tables
from mdms.policy.access_facts import AccessRules
from mdms.policy.adjustments import AdjustmentRules
from mdms.policy.aggregates import AggregateRules
from mdms.policy.alerts import AlertRules
from mdms.policy.bill_dates import BillRules
from mdms.policy.budgets import BudgetRules
from mdms.policy.estimate_basis import EstimateRules
from mdms.policy.gate import GateRules
from mdms.policy.immediate import ImmediateRules
from mdms.policy.leak_credit import LeakCreditRules
from mdms.policy.move_out import MoveOutRules
from mdms.policy.nonpay_facts import NonpayRules
from mdms.policy.optout_facts import OptoutRules
from mdms.policy.reading import ReadingRules
from mdms.policy.reconnect import ReconnectRules
from mdms.policy.retention import RetentionRules
from mdms.policy.self_read import SelfReadRules
from mdms.policy.tables import TableError


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What commands are judged by on one day: a field per table, named like it."""

    gate: GateRules
    budgets: BudgetRules
    move_out: MoveOutRules
    nonpay: NonpayRules
    immediate: ImmediateRules
    reconnect: ReconnectRules

    @property
    def hash(self) -> str:
        """SHA-256 of every value; a decision is stored with it."""
        return tables.content_hash(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerRules:
    """What holds on one day between utility and customer; the signer needs none of it."""

    optout: OptoutRules
    self_read: SelfReadRules
    bill: BillRules
    reading: ReadingRules
    estimate: EstimateRules
    adjustment: AdjustmentRules
    leak_credit: LeakCreditRules
    access: AccessRules
    aggregate: AggregateRules
    alert: AlertRules
    retention: RetentionRules
    tariff: TariffRules

    @property
    def hash(self) -> str:
        """SHA-256 of every value; a decision is stored with it."""
        return tables.content_hash(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Where an edition comes from, and from when on it holds."""

    version: str
    effective_on: date
    approved_by: str
    source: str


@dataclass(frozen=True, slots=True)
class Edition:
    """Some tables as they read from a day on."""

    header: Header
    sections: Mapping[str, object]

    @classmethod
    def parse(cls, text: str, *, name: str) -> "Edition":
        """
        Read an edition from TOML.

        Raises:
            TableError: The text cannot be used; the message names `name` and the key.
        """
        table = tables.parse(text, name=name)
        kinds = get_type_hints(Rules) | get_type_hints(CustomerRules)
        values = {key: table.pop(key) for key in kinds.keys() & table.keys()}
        header = tables.read(Header, table, where=name)
        return cls(
            header,
            {
                key: tables.read(kinds[key], value, where=f"{name}: {key}")
                for key, value in sorted(values.items())
            },
        )


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Every edition of every table, the earliest first."""

    editions: tuple[Edition, ...]

    @classmethod
    def parse(cls, texts: Mapping[str, str]) -> "Rulebook":
        """
        Read editions from TOML texts by name.

        Raises:
            TableError: A text cannot be used, or two hold the same table from the same day on.
        """
        editions = [Edition.parse(text, name=name) for name, text in texts.items()]
        book = cls(tuple(sorted(editions, key=lambda each: _order(each.header))))
        taken: set[tuple[str, date]] = set()
        for edition in book.editions:
            for section in edition.sections:
                key = (section, edition.header.effective_on)
                if key in taken:
                    raise TableError(f"two editions hold [{section}] from {key[1]} on")
                taken.add(key)
        return book

    @property
    def hash(self) -> str:
        """SHA-256 of every edition."""
        return tables.content_hash(self)

    def at(self, day: date) -> Rules:
        """
        Return what commands are judged by on a day.

        Raises:
            TableError: A table has no approved edition in force; nothing may be judged then.
        """
        return Rules(**self._held(day, Rules))

    def customer_at(self, day: date) -> CustomerRules:
        """
        Return what holds on a day between utility and customer.

        Raises:
            TableError: Likewise.
        """
        return CustomerRules(**self._held(day, CustomerRules))

    def _held(self, day: date, kind: type) -> dict[str, Any]:
        held = {
            section: value
            for edition in self.in_force(day)
            for section, value in edition.sections.items()
        }
        wanted = get_type_hints(kind).keys()
        if missing := sorted(wanted - held.keys()):
            raise TableError(f"no approved edition of [{'], ['.join(missing)}] holds on {day}")
        return {section: held[section] for section in wanted}

    def in_force(self, day: date) -> tuple[Edition, ...]:
        """Return the approved editions that had taken effect by a day; later ones win."""
        return tuple(
            edition
            for edition in self.editions
            if edition.header.approved_by and edition.header.effective_on <= day
        )


def _order(header: Header) -> tuple[date, str]:
    return header.effective_on, header.version
