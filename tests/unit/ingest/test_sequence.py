"""Which batches are missing, whatever order they come in and whatever the collector forgot."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.sequence import OFFERED_BATCHES_MAX, SPAN_BATCHES_MAX, Following, Offer, Seen
from mdms.domain.gaps import BatchCount, Hole, Span

AT = datetime(2026, 12, 1, 12, tzinfo=UTC)


class Head:
    """Keeps a count from one transaction to the next, as the store does."""

    def __init__(self) -> None:
        self.count: BatchCount | None = None
        self.holes: dict[int, Hole] = {}
        self.lost: list[Span] = []
        self.resets = 0

    def take(self, *messages: Seen | Offer) -> "Head":
        following = Following(7, self.count, list(self.holes.values()))
        for each in messages:
            if isinstance(each, Seen):
                following.take(each)
            else:
                following.offer(each)
        change = following.change()
        self.count = change.count
        for hole_id, spans in change.remaining.items():
            del self.holes[hole_id]
            self.open(spans)
        self.open(change.opened)
        self.lost += change.lost
        self.resets += change.reset
        return self

    def open(self, spans: Sequence[Span], asked_count: int = 0) -> None:
        for span in spans:
            hole_id = max(self.holes, default=0) + 1
            self.holes[hole_id] = Hole(hole_id, 7, span, AT, AT, asked_count, None)

    def ask(self) -> None:
        holes, self.holes = self.holes, {}
        for hole in holes.values():
            self.open([hole.span], asked_count=1)

    @property
    def missing(self) -> list[int]:
        return sorted(
            number
            for hole in self.holes.values()
            if hole.span.first_seq is not None and hole.span.last_seq is not None
            for number in range(hole.span.first_seq, hole.span.last_seq + 1)
        )

    @property
    def times(self) -> list[tuple[int, int]]:
        spans = [hole.span for hole in self.holes.values()]
        return sorted((span.from_us, span.to_us) for span in spans if span.first_seq is None)


def batch(seq: int, *, boot: int = 1, at: int | None = None, **rest: bool) -> Seen:
    return Seen(7, boot, seq, 10 * seq if at is None else at, **rest)


def offer(seq: int, oldest: int | None = None, *, boot: int = 1, at: int = 10_000) -> Offer:
    return Offer(7, boot, seq, oldest, at)


def test_the_first_number_is_the_base_and_nothing_below_is_missed():
    assert Head().take(batch(5)).missing == []


def test_a_jump_opens_a_hole_and_what_comes_later_fills_it():
    head = Head().take(batch(1), batch(5))
    assert head.missing == [2, 3, 4]

    head.take(batch(3))
    assert head.missing == [2, 4]

    head.take(batch(2), batch(4))
    assert head.holes == {}


def test_holes_within_one_transaction_never_reach_the_store():
    assert Head().take(batch(1), batch(3), batch(2)).holes == {}


def test_a_hole_knows_when_its_batches_were_closed():
    (hole,) = Head().take(batch(1), batch(5)).holes.values()

    assert (hole.span.from_us, hole.span.to_us) == (10, 50)


def test_a_restart_that_keeps_the_count_goes_on_with_it():
    head = Head().take(batch(1), batch(4, boot=2))

    assert head.missing == [2, 3]
    assert head.take(batch(3)).missing == [2]
    assert head.resets == 0


def test_no_hole_is_longer_than_a_request():
    head = Head().take(batch(1), batch(2 * SPAN_BATCHES_MAX + 4))

    ends = [hole.span.last_seq for hole in head.holes.values()]
    assert ends == [SPAN_BATCHES_MAX + 1, 2 * SPAN_BATCHES_MAX + 1, 2 * SPAN_BATCHES_MAX + 3]


@pytest.mark.parametrize("counted", [(), (batch(1 << 61),)])
def test_of_what_a_collector_says_it_has_no_more_is_believed_than_it_can_have(counted):
    head = Head().take(*counted, offer(1 << 61, 1))

    assert len(head.missing) in {OFFERED_BATCHES_MAX, OFFERED_BATCHES_MAX - len(counted)}
    assert max(head.missing) == (1 << 61) - len(counted)


def test_the_state_finds_what_was_lost_at_the_end():
    head = Head().take(batch(1), offer(3))

    assert head.missing == [2, 3]
    assert head.take(batch(3), batch(2)).holes == {}


def test_the_state_of_a_collector_that_was_never_heard_tells_what_there_is():
    assert Head().take(offer(3, 2)).missing == [2, 3]
    assert Head().take(offer(3)).missing == []
    assert Head().take(offer(0, 0), batch(2)).missing == [1]


def test_what_lies_below_the_base_is_asked_for_when_it_is_offered():
    head = Head().take(batch(5), offer(5, 3))

    assert head.missing == [3, 4]
    assert head.take(offer(5, 3)).missing == [3, 4]


def test_what_the_collector_no_longer_has_is_lost():
    head = Head().take(batch(1), batch(6), offer(6, 4))

    assert head.missing == [4, 5]
    assert [(span.first_seq, span.last_seq) for span in head.lost] == [(2, 3)]


def test_an_old_state_that_the_broker_kept_says_nothing():
    head = Head().take(batch(5, boot=2, at=500), offer(400, 300, boot=1, at=40))

    assert head.holes == {}


def test_an_empty_batch_says_that_the_rest_of_its_hole_is_gone():
    head = Head().take(batch(1), batch(6))
    head.take(batch(3, at=70, empty=True, last_of_backfill=True))
    assert head.missing == [2, 3, 4, 5], "nobody asked for it yet"

    head.ask()
    head.take(batch(3, at=70, empty=True, last_of_backfill=True))

    assert head.missing == [2]
    assert [(span.first_seq, span.last_seq) for span in head.lost] == [(3, 5)]


@pytest.mark.parametrize("boot", [1, 2])
def test_an_empty_batch_moves_no_count(boot):
    head = Head().take(batch(1), batch(9, boot=boot, at=99, empty=True, last_of_backfill=True))

    assert head.missing == []
    assert head.count is not None
    assert head.count.top_seq == 1


def test_a_start_that_counts_lower_is_a_reset_and_what_was_missing_is_asked_for_by_time():
    head = Head().take(batch(10), batch(12), batch(1, boot=2, at=300))

    assert head.resets == 1
    assert head.missing == []
    assert head.times == [(100, 300)]


def test_all_that_is_missing_of_earlier_counts_is_one_stretch_of_time():
    head = Head().take(batch(10), batch(1, boot=2, at=300), batch(3, boot=2, at=330))

    head.take(batch(1, boot=3, at=700))

    assert head.resets == 2
    assert head.missing == []
    assert head.times == [(100, 700)]


def test_nothing_more_of_some_numbers_ends_no_time():
    head = Head().take(batch(10), batch(1, boot=2, at=300), batch(4, boot=2, at=330))
    head.ask()

    head.take(batch(2, boot=2, at=900, empty=True, last_of_backfill=True))

    assert head.times == [(100, 300)]
    assert [(span.first_seq, span.last_seq) for span in head.lost] == [(2, 3)]


def test_numbers_of_an_earlier_count_mean_nothing_in_a_new_one():
    head = Head().take(batch(10), batch(1, boot=2, at=300), batch(4, boot=2, at=330))
    assert head.missing == [2, 3]

    head.take(batch(13, at=130), batch(3, at=30), batch(10))

    assert head.missing == [2, 3]
    assert head.count is not None
    assert head.count.top_seq == 4
    assert head.resets == 1


def test_copies_from_before_a_restart_are_no_reset():
    head = Head().take(batch(1), batch(4, boot=2))

    head.take(batch(2), batch(2), batch(3), batch(3), batch(1))

    assert head.resets == 0
    assert head.holes == {}


def test_the_state_of_a_start_that_sent_nothing_yet_is_not_believed():
    head = Head().take(batch(10), offer(12, 1, boot=2, at=400))
    assert head.holes == {}

    head.take(batch(3, boot=2, at=330))

    assert head.resets == 1


def test_a_time_is_over_when_the_answer_to_it_has_ended():
    head = Head().take(batch(10), batch(1, boot=2, at=300))
    head.take(batch(11, at=200, last_of_backfill=True))
    assert head.times == [(100, 300)], "nobody asked for it yet"

    head.ask()
    head.take(batch(11, at=200, last_of_backfill=True))
    assert head.times == [(201, 300)], "an answer is bounded, so the rest is asked for"

    head.ask()
    head.take(batch(1, boot=2, at=900, empty=True, last_of_backfill=True))
    assert head.times == []


def test_the_answer_to_another_request_ends_no_time():
    head = Head().take(batch(10), batch(1, boot=2, at=300), batch(4, boot=2, at=600))
    head.ask()

    head.take(batch(3, boot=2, at=590, last_of_backfill=True))

    assert head.missing == [2]
    assert head.times == [(100, 300)]


def test_a_copy_of_an_earlier_count_is_no_reset_though_nobody_knows_when_it_was_closed():
    head = Head().take(batch(10), batch(1, boot=2, at=300), batch(4, boot=2, at=330))
    head.ask()

    head.take(batch(2, at=900, asked_for=True, misdated=True))

    assert head.resets == 1
    assert head.missing == [2, 3]


def test_a_copy_of_an_unknown_time_and_start_fills_no_hole():
    head = Head().take(batch(1), batch(4, at=900))

    head.take(batch(2, boot=2, at=900, asked_for=True, misdated=True))

    assert head.missing == [2, 3]


def test_a_copy_of_an_earlier_count_hides_no_loss_in_the_new_one():
    head = Head().take(batch(10), batch(1, boot=2, at=300))

    head.take(batch(3, at=900, asked_for=True, misdated=True))
    head.take(batch(4, boot=2, at=930))

    assert head.missing == [2, 3]


def test_a_batch_whose_time_is_unknown_does_not_bound_when_lost_ones_were_closed():
    head = Head().take(batch(10), batch(11, at=900, misdated=True))

    head.take(batch(13, at=910, misdated=True), batch(1, boot=2, at=950))

    assert head.times == [(100, 950)]


def test_a_count_that_begins_at_an_unknown_time_loses_nothing_when_it_is_lost_too():
    head = Head().take(batch(10), batch(1, boot=2, at=900, misdated=True))
    head.ask()
    head.take(batch(1, boot=2, at=910, empty=True, last_of_backfill=True, asked_for=True))
    assert head.times == []

    head.take(batch(1, boot=3, at=950))

    assert head.times == [(100, 950)]


def test_a_first_batch_whose_time_is_unknown_leaves_all_times_open():
    head = Head().take(batch(10, at=900, misdated=True), batch(1, boot=2, at=950))

    assert head.times == [(0, 950)]


def test_an_answer_whose_end_has_no_time_ends_no_time():
    head = Head().take(batch(10), batch(1, boot=2, at=300))
    head.ask()

    head.take(batch(9, boot=2, at=300, last_of_backfill=True, asked_for=True, misdated=True))

    assert head.times == [(100, 300)]


@given(st.data())
def test_whatever_the_order_the_holes_are_what_never_came(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 30))
    restart = data.draw(st.integers(1, count))
    sent = [batch(seq, boot=1 if seq < restart else 2) for seq in range(1, count + 1)]
    arriving = data.draw(st.permutations(sent))
    arriving = arriving[: data.draw(st.integers(1, count))]
    head = Head()

    head.take(offer(0, 0, at=1))
    for each in arriving:
        head.take(each, *data.draw(st.lists(st.just(each), max_size=1)))
    newest = max(arriving, key=lambda each: each.seq)
    head.take(offer(count, 1, boot=newest.boot_id, at=10 * count))

    assert head.missing == sorted({each.seq for each in sent} - {each.seq for each in arriving})
    assert head.resets == 0
