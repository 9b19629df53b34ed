"""Sequence numbers of collectors survive the process, also when they start again from nothing."""

from simulators.counters import CounterFile


def test_numbers_are_whole_in_the_file_whether_they_grow_or_shrink(tmp_path):
    path = tmp_path / "counters.json"
    first = CounterFile(path)
    first.boot(1, 11)
    for seq in (9, 1_000_000, 3):
        first.keep({1: seq})

        _, found = CounterFile(path).boot(1, 11)

        assert found == seq


def test_a_new_start_takes_a_new_boot_id_and_goes_on_counting(tmp_path):
    path = tmp_path / "counters.json"
    first = CounterFile(path)
    boot_id, seq = first.boot(1, 11)
    first.keep({1: 700})

    again_id, again_seq = CounterFile(path).boot(1, 11)

    assert (seq, again_seq) == (0, 700)
    assert again_id != boot_id
