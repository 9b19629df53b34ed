"""What a batch adds to the judgement of each of its commands."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from commands import turns
from mdms.domain.batches import Batch, BatchState
from mdms.policy.case import deny
from mdms.policy.decision import Decision, Finding, Verdict, decide

AT = datetime(2026, 11, 4, 18, tzinfo=UTC)
ALLOWED = decide([], Finding(Verdict.ALLOW, "MO_OK", "R9.A"))
WAITS = decide([deny("NP_48H_RUNNING", "R9.C.1.b", "wait", AT)], None)


def a_batch(state: BatchState) -> Batch:
    return Batch(
        batch_id=UUID(int=1), name="list.csv", requested_by="clerk", requested_at=AT,
        listing=b"[]", sha256="", every_s=60, stop_after=3, stop_at=3, state=state,
    )  # fmt: skip


def by(state: BatchState, decision: Decision = ALLOWED) -> Decision:
    return turns.by_its_batch(decision, a_batch(state))


def test_a_running_batch_adds_nothing():
    assert by(BatchState.RUNNING) is ALLOWED
    assert by(BatchState.RUNNING, WAITS) is WAITS


@pytest.mark.parametrize(
    ("state", "verdict", "code"),
    [
        (BatchState.PROPOSED, Verdict.PENDING, "BATCH_UNAPPROVED"),
        (BatchState.PAUSED, Verdict.PENDING, "BATCH_PAUSED"),
        (BatchState.UNDONE, Verdict.DENY, "BATCH_UNDONE"),
    ],
)
def test_nothing_goes_that_its_batch_does_not_let_go(state, verdict, code):
    decision = by(state)

    assert (decision.verdict, decision.codes) == (verdict, (code,))
    assert decision.refusals[0].cure


def test_what_the_rules_forbid_stays_forbidden_and_no_time_cures_a_pause():
    decision = by(BatchState.PAUSED, WAITS)

    assert (decision.verdict, decision.codes) == (
        Verdict.DENY,
        ("NP_48H_RUNNING", "BATCH_PAUSED"),
    )
    assert (WAITS.next_possible_at, decision.next_possible_at) == (AT, None)
