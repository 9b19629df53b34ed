"""
Whether a batch lets its commands go: part of every judgement of each of them.

So nothing of a batch is ever signed, sent or repeated that the batch does not let go, whoever
looks at a command, and when.
"""

from dataclasses import replace
from typing import Final

from mdms.domain.batches import Batch, BatchState
from mdms.policy.case import deny, pending
from mdms.policy.decision import Decision, Finding, Verdict, prevailing

UNAPPROVED: Final = "BATCH_UNAPPROVED"
PAUSED: Final = "BATCH_PAUSED"

_CLAUSE: Final = "headend 4"
_FINDINGS: Final = {
    BatchState.PROPOSED: pending(
        UNAPPROVED, _CLAUSE, "another person approves the list: `mdms command approve BATCH`"
    ),
    BatchState.PAUSED: pending(
        PAUSED, _CLAUSE, "a supervisor resumes the batch: `mdms command resume BATCH`"
    ),
    BatchState.UNDONE: deny("BATCH_UNDONE", _CLAUSE, "none: the batch was undone"),
}


def by_its_batch(decision: Decision, batch: Batch) -> Decision:
    """Return what the rules said, and what the batch of the command adds to it."""
    finding = _FINDINGS.get(batch.state)
    return decision if finding is None else _with(decision, finding)


def _with(decision: Decision, finding: Finding) -> Decision:
    failing = [each for each in decision.findings if each.verdict is not Verdict.ALLOW]
    findings = (*failing, finding)
    return replace(decision, verdict=prevailing(findings), findings=findings, next_possible_at=None)
