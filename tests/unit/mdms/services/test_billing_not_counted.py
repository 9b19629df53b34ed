"""One service that its rate schedule asks too much of waits; the others are frozen."""

from datetime import UTC, datetime

import pytest

from mdms.domain.facts import CisFact, Subject
from mdms.policy.rulebook import Rulebook
from mdms.services.billing_run import BillingService
from mdms.services.customer_rules import CustomerBook
from tests.policy import CALENDAR, texts
from tests.unit.mdms.services.test_billing_run import END, START, Bench
from tests.unit.vee.build import RULES

SAID = datetime(2026, 1, 1, tzinfo=UTC)
HALF_PAST = (
    'bucket = "on_peak", days = "weekday", from_at = 16:00:00',
    'bucket = "on_peak", days = "weekday", from_at = 16:30:00',
)
EXPIRED = ("holidays_through = 2027-12-31", "holidays_through = 2026-11-30")


async def nothing(*_days: object) -> None:
    """Leave the reads as they are."""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (HALF_PAST, "a time-of-use bucket changes at minute 990 of the day, within an interval"),
        (EXPIRED, "lists holidays through 2026-11-30 only, and 2026-12-02 is billed"),
    ],
    ids=["half past", "expired"],
)
async def test_a_service_that_cannot_be_counted_waits_alone(change, said):
    bench = Bench(meters=3)
    policy = texts("policy")
    tariff = policy["tariff.toml"].replace(*change)
    assert tariff != policy["tariff.toml"]
    book = CustomerBook(Rulebook.parse(policy | {"tariff.toml": tariff}), CALENDAR)
    bench.database.facts.statements = [
        CisFact(
            subject=Subject.USAGE_POINT,
            subject_id="U2",
            fact="rate_schedule",
            value="E-1-TOU",
            effective_at=SAID,
            known_at=SAID,
        )
    ]
    billing = BillingService(bench.database, bench.clock, book, nothing, RULES)

    result = await billing.freeze(START, END)

    assert (result.frozen, dict(result.blocked)) == (2, {"not_counted": 1})
    [block] = await bench.database.billing.blocked(START, END)
    assert block.badge == "E2"
    assert said in block.detail
