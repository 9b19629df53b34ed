"""The audit's chain."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from mdms.domain.audit import BEGINNING, AuditEntry, AuditHead, canonical, chained, followed

AT = datetime(2026, 11, 3, 8, tzinfo=UTC)

entries = st.lists(
    st.builds(
        AuditEntry,
        at=st.just(AT),
        kind=st.sampled_from(["control.step", "fact", "token"]),
        subject=st.text(max_size=8),
        actor=st.text(max_size=8),
        detail=st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=8)),
    ),
    min_size=1,
    max_size=6,
)


@given(entries)
def test_an_untouched_chain_is_followed_to_its_end(noted):
    records = chained(BEGINNING, noted)

    assert followed(BEGINNING, records) == (AuditHead(len(noted), records[-1].hash), None)


@given(entries, st.data())
def test_one_flipped_bit_is_found_and_its_record_named(noted, data):
    records = chained(BEGINNING, noted)
    at = data.draw(st.integers(0, len(records) - 1))
    field = data.draw(st.sampled_from(["content", "hash"]))
    flipped = bytearray(getattr(records[at], field))
    bit = data.draw(st.integers(0, 8 * len(flipped) - 1))
    flipped[bit // 8] ^= 1 << bit % 8
    records[at] = replace(records[at], **{field: bytes(flipped)})

    head, broken_at = followed(BEGINNING, records)

    assert broken_at == at + 1
    assert head.number == at


@given(entries, st.data())
def test_a_removed_record_is_named(noted, data):
    records = chained(BEGINNING, noted)
    at = data.draw(st.integers(0, len(records) - 1))
    rest = records[:at] + records[at + 1 :]

    _, broken_at = followed(BEGINNING, rest)

    assert broken_at == (at + 1 if at < len(rest) else None)  # a cut end shows by the head


def test_what_is_hashed_does_not_depend_on_the_order_of_keys():
    one = AuditEntry(AT, "fact", "A1", "billing", {"value": "paid", "known_at": "today"})
    other = replace(one, detail={"known_at": "today", "value": "paid"})

    assert canonical(1, one) == canonical(1, other)
    assert canonical(1, one) == (
        b'{"actor":"billing","at":"2026-11-03T08:00:00+00:00",'
        b'"detail":{"known_at":"today","value":"paid"},"kind":"fact","number":1,"subject":"A1"}'
    )
