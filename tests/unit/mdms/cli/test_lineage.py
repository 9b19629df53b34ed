"""How explanations, traces and days look on a terminal of 80 columns."""

import io
from typing import Any

from rich.console import Console

from mdms.cli.day_plot import day_plot
from mdms.cli.lineage import print_explanation, print_trace

VERSION = {
    "version": 0, "value": 140, "status": "V", "method": "NONE", "source": "uplink",
    "recorded_at": "2026-11-03T09:00:00+00:00", "rules": [],
}  # fmt: skip
WHY: dict[str, Any] = VERSION | {
    "meter": "E1000001",
    "start": "2026-11-03T01:00:00-08:00",
    "end": "2026-11-03T01:15:00-08:00",
    "status": "E",
    "unit": "Wh",
    "status_words": "provisional estimate",
    "method": "H1",
    "method_words": "weighted mean of the same time on other days",
    "iec": ["3.8.0"],
    "rules": [],
    "versions": [VERSION],
    "bracket": {
        "from": "2026-11-03T00:00:00-08:00", "to": "2026-11-04T00:00:00-08:00",
        "register_from": 0, "register_to": 14160, "usage": 14160, "residual": 560, "missing": 4,
    },
    "alpha": 1.04,
    "p10": 90,
    "p90": 260,
    "lighter": 3,
    "sources": [
        {
            "meter": "E1000001", "day": "2026-10-27", "start": "2026-10-27T01:00:00-07:00",
            "value": 99, "weight": 0.7,
        }
    ],
    "factors": [],
    "edits": [],
    "outcome": {
        "day": "2026-11-03", "judged_at": "2026-11-04T14:00:00+00:00", "times_judged": 1,
        "ruleset_hash": "abcdef0123456789", "ruleset": "3", "approved_by": "council",
    },
    "same": True,
    "known_at": "2026-11-04T14:00:00+00:00",
    "received_since": None,
    "differs": [],
}  # fmt: skip


def narrow() -> Console:
    return Console(file=io.StringIO(), width=80)


def printed(console: Console) -> list[str]:
    assert isinstance(console.file, io.StringIO)
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    return lines


def test_an_explanation_is_sentences_with_names():
    console = narrow()

    print_explanation(WHY, console)

    text = "\n".join(printed(console))
    for part in ("value     140 Wh", "status    E: provisional estimate", "quality   3.8.0 in IEC",
                 "alpha     1.04",
                 "560 for 4 missing", "abcdef012345", "same bits", "2026-10-27"):  # fmt: skip
        assert part in text


def test_a_profile_of_a_class_names_a_few_of_its_meters():
    console = narrow()
    meters = [f"E100000{number}" for number in range(2, 7)]
    share = {
        "name": "share of a day, of the class", "value": 0.0123, "meters": meters,
        "from": "2026-10-05", "to": "2026-11-01",
    }  # fmt: skip

    print_explanation(WHY | {"sources": [], "factors": [share]}, console)

    text = "\n".join(printed(console))
    assert "Multiplied from" in text
    for named, part in ((True, "E1000004 and 2 more"), (False, "E1000005")):
        assert (part in text) is named


def test_what_differs_is_named():
    console = narrow()

    print_explanation(WHY | {"same": False, "differs": ["value: stored 1, now 2"]}, console)

    assert any("value: stored 1, now 2" in line for line in printed(console))


def test_a_quantum_that_is_no_whole_unit_is_multiplied():
    console = narrow()

    print_explanation(WHY | {"unit": "0.1gal"}, console)

    assert any("value     140 x 0.1gal" in line for line in printed(console))


def test_a_read_that_came_since_is_named():
    console = narrow()

    print_explanation(WHY | {"received_since": "2026-11-04T15:15:00+00:00"}, console)

    assert any("received 2026-11-04 15:15:00Z: the next run" in line for line in printed(console))


def test_a_trace_ends_with_what_is_missing():
    console = narrow()
    trace = {
        "meter": "E1000001", "start": WHY["start"], "end": WHY["end"], "versions": [VERSION],
        "frames": [], "same": None, "note": "raw messages are kept for 90 days",
    }  # fmt: skip

    print_trace(trace, console)

    assert printed(console)[-1] == "raw messages are kept for 90 days"


def clock(second: int) -> str:
    return f"{second // 3600:02}:{second % 3600 // 60:02}"


def a_day(interval_s: int) -> dict[str, Any]:
    count = 86_400 // interval_s
    intervals = [
        {
            "start": f"2026-11-03T{clock(i * interval_s)}:00-08:00",
            "value": None if i == 3 else 100 * interval_s // 900,
            "status": "-" if i == 3 else "S" if i == 5 else "V",
            "rules": ["V24 SPIKE_FAIL: it stands out"] if i == 5 else [],
        }
        for i in range(count)
    ]
    like = {"day": "2026-10-27", "values": [100 * interval_s // 900] * count}
    bracket = {
        "from": "2026-11-03T00:00:00-08:00", "to": "2026-11-04T00:00:00-08:00",
        "register": 9600, "intervals": 9500, "residual": 100, "whole": False, "tolerance": 9,
    }  # fmt: skip
    return {
        "day": "2026-11-03", "unit": "Wh", "interval_s": interval_s, "intervals": intervals,
        "like_days": [like], "registers": [], "brackets": [bracket],
    }  # fmt: skip


def test_a_day_has_a_line_for_each_hour_with_values_letters_and_a_bar():
    for interval_s in (300, 900, 1800, 3600):
        console = narrow()
        console.print(day_plot(a_day(interval_s), console))

        lines = printed(console)
        hours = [line for line in lines if line[:2].isdecimal() and line[2] == ":"]
        assert len(hours) == 24
        assert all("│" in line for line in hours)
        assert "100 left for what is missing" in "\n".join(lines)
        assert any("V24 SPIKE_FAIL" in line for line in lines)
        assert "like 10-27" in lines[0]


def test_the_hour_that_comes_twice_in_autumn_has_two_lines():
    day = a_day(3600)
    again = dict(day["intervals"][1], start="2026-11-01T01:00:00-07:00")
    day["intervals"].insert(1, again)
    day["like_days"][0]["values"].append(400)
    console = narrow()

    console.print(day_plot(day, console))

    assert len([line for line in printed(console) if line.startswith("01:00")]) == 2
