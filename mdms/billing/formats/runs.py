"""
What a file of reads says, whatever its format: runs of values of one meter, and what is refused.

Readers of formats yield these line by line and never hold a file in memory. Which channel of ours
a run belongs to, whether its meter was there and whether its times can be true, they do not know.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Self

from mdms.billing.formats.flaws import Flaw, UnusableError
from mdms.billing.formats.quantities import quanta
from mdms.domain.registry import Commodity


@dataclass(frozen=True, slots=True)
class Refusal:
    """
    A row that cannot be taken.

    Attributes:
        line: Where it begins, from 1; 0 is the file as a whole.
        flaw: Why.
        detail: A sentence for whoever made the file.
    """

    line: int
    flaw: Flaw
    detail: str

    @classmethod
    def of(cls, line: int, error: UnusableError) -> Self:
        """Return the refusal of the row in which an error was found."""
        return cls(line, error.flaw, str(error))


@dataclass(frozen=True, slots=True)
class MeterName:
    """
    How a file calls a meter.

    Attributes:
        names: Badges or usage points, the surest first.
        radio_id: Number of its radio, where the file says that too.
    """

    names: tuple[str, ...]
    radio_id: int | None = None


@dataclass(slots=True)
class Run:
    """
    Values of one quantity of one meter, in the order of the file.

    Attributes:
        line: Where the first of them stands.
        meter: Whose they are.
        commodity: What flows.
        channel: Which quantity: 0 delivered, 1 received, 3 reactive.
        interval_s: Length of each interval; None: they are readings of a register.
        multiplier: What a reading counts; None: the file does not say.
        at_s: Starts of intervals, or instants of registers, seconds since 1970-01-01 UTC.
        value: Quanta of the channel.
        placeholders: Points that say that there is no value.
        not_read: Points that somebody estimated or edited: no readings, and not taken.
        rounded: Values finer than a quantum, rounded half even.
        lines: Where each value stands; empty: all of them at `line`.
        dial: Of a register, which further one of the meter it is; empty: the channel's own.
    """

    line: int
    meter: MeterName
    commodity: Commodity
    channel: int
    interval_s: int | None
    multiplier: int | None = None
    at_s: list[int] = field(default_factory=list)
    value: list[int] = field(default_factory=list)
    placeholders: int = 0
    not_read: int = 0
    rounded: int = 0
    lines: list[int] = field(default_factory=list)
    dial: str = ""

    def add(self, at_s: int, text: str, factor: int | Decimal) -> None:
        """
        Add a value that a meter measured, written in units of `factor` quanta.

        Raises:
            UnusableError: It is no value.
        """
        value, is_finer = quanta(text, factor)
        self.at_s.append(at_s)
        self.value.append(value)
        self.rounded += is_finer


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A record that holds no reads: equipment, accounts, alarms, comments."""

    line: int
    kind: str


Said = Run | Refusal | PassedOver
"""What a reader of a format yields."""
