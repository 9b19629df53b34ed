"""A killed simulator goes on where it was, to the byte."""

import json

import pytest

from simulators.journal import Journal, Received
from simulators.radio import Faults

ARGUMENTS = {"meters": 3}
BOOTS = {1: (99, 7)}


def test_a_journal_gives_back_what_was_written(tmp_path):
    path = tmp_path / "journal.jsonl"
    first = Journal.begin(path, ARGUMENTS, BOOTS)
    first.step(900, [Received(1, "cmd", b"\x01\xff")])
    first.call()
    first.step(901, [])

    again = Journal.resume(path, ARGUMENTS)

    assert again is not None
    assert again.boots == BOOTS
    assert [(step.at_s, step.received, step.called) for step in again.past] == [
        (900, [Received(1, "cmd", b"\x01\xff")], 0),
        (901, [], 1),
    ]
    assert again.called == 1


def test_a_line_that_a_kill_cut_short_counts_for_nothing(tmp_path):
    path = tmp_path / "journal.jsonl"
    Journal.begin(path, ARGUMENTS, BOOTS).step(900, [])
    with path.open("a") as journal:
        journal.write('{"at": 18')

    again = Journal.resume(path, ARGUMENTS)

    assert again is not None
    assert [step.at_s for step in again.past] == [900]
    again.step(1800, [])
    assert [json.loads(line) for line in path.read_text().splitlines()][-1]["at"] == 1800


def test_another_run_or_one_that_ended_is_not_gone_on_with(tmp_path):
    path = tmp_path / "journal.jsonl"
    assert Journal.resume(path, ARGUMENTS) is None
    journal = Journal.begin(path, ARGUMENTS, BOOTS)
    assert Journal.resume(path, {"meters": 4}) is None

    journal.end()

    assert Journal.resume(path, ARGUMENTS) is None


@pytest.mark.slow
@pytest.mark.parametrize("faults", [Faults.NORMAL, Faults.STORM])
@pytest.mark.parametrize("killed_after", [1, 300, 600])
async def test_a_killed_run_goes_on_as_if_nothing_had_happened(
    play, recorder, faults, killed_after
):
    whole = await play(meters=60, days=2, faults=faults, name="whole")
    recorder.killed_after = killed_after
    with pytest.raises(ExceptionGroup):
        await play(meters=60, days=2, faults=faults, recorder=recorder)

    rest = await play(meters=60, days=2, faults=faults)

    assert set(recorder.published) | set(rest.recorder.published) == set(whole.recorder.published)
    for name in ("intervals", "registers", "expected", "events", "switches"):
        assert rest.table(name).equals(whole.table(name))
    last = whole.recorder.grants[-1][:3]
    assert rest.recorder.grants[-1][:3] == last
    assert rest.reports[-1].frames == whole.reports[-1].frames
