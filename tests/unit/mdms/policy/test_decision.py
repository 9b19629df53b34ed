"""How findings make a decision."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from mdms.policy.case import deny, pending, refer
from mdms.policy.decision import PRECEDENCE, Finding, Verdict, decide

AT = datetime(2026, 12, 10, 18, tzinfo=UTC)
YES = Finding(Verdict.ALLOW, "OK", "1.1")


def found(verdict: Verdict, code: str = "X") -> Finding:
    return Finding(verdict, code, "1.2", "wait")


def test_nothing_that_fails_allows():
    decision = decide([None, None], YES, not_after=AT)

    assert decision.allowed
    assert (decision.codes, decision.refusals) == (("OK",), ())
    assert decision.not_after == AT


@pytest.mark.parametrize(("stronger", "weaker"), [*pairwise(PRECEDENCE[:-1])])
def test_the_stronger_verdict_holds_and_the_first_row_is_primary(stronger, weaker):
    decision = decide([found(weaker, "FIRST"), None, found(stronger, "SECOND")], YES)

    assert decision.verdict is stronger
    assert decision.code == "FIRST"
    assert decision.codes == ("FIRST", "SECOND")
    assert [each.code for each in decision.refusals] == ["FIRST", "SECOND"]


def test_the_last_of_the_waits_counts():
    sooner, later = (pending("X", "1.2", "wait", AT + timedelta(hours=n)) for n in (1, 2))

    assert decide([sooner, later], YES).next_possible_at == AT + timedelta(hours=2)
    assert decide([later, sooner], YES).next_possible_at == AT + timedelta(hours=2)


def test_waiting_is_no_cure_where_one_row_needs_more():
    rows = [deny("X", "1.2", "wait", AT), refer("Y", "1.3", "a person decides")]

    assert decide(rows, YES).next_possible_at is None
