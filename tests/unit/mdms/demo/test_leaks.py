"""The proof tells leaks that were found from those that were missed and those that never were."""

import json

import pandas as pd
import pytest

from mdms.demo.leaks import reconcile_leaks

START = pd.Timestamp("2026-11-03T08:00Z")


def hours(count: float) -> pd.Timestamp:
    return START + pd.Timedelta(hours=count)


def case(
    meter: str,
    began: float,
    raised: float,
    *,
    confirmed: float | None = None,
    ended: float | None = None,
    unit: str = "gal",
) -> dict[str, str | None]:
    at = {"began_at": began, "raised_at": raised, "confirmed_at": confirmed, "ended_at": ended}
    stamps = {name: None if h is None else hours(h).isoformat() for name, h in at.items()}
    return {"leak": f"{meter}-1", "meter": meter, "unit": unit, "kind": "continuous"} | stamps


@pytest.fixture
def demo(tmp_path):
    """W1 was found, W2 was missed, W3 leaked for too short, W4's pipe burst; W5 never leaked."""
    (tmp_path / "truth").mkdir()
    rows = [("W1", 10, 500), ("W2", 20, 500), ("W3", 20, 40)]
    leaks = [(meter, hours(a), hours(b), "continuous", 30) for meter, a, b in rows]
    leaks.append(("W4", hours(100), hours(104), "burst", 3000))
    columns = ["meter", "from_utc", "to_utc", "kind", "rate_quanta_per_h"]
    pd.DataFrame(leaks, columns=columns).to_parquet(tmp_path / "truth" / "leaks.parquet")
    (tmp_path / "registry").mkdir()
    badges = [f"W{number}" for number in range(1, 7)]
    in_place = pd.DataFrame({"badge": badges, "installed_at": "2026-10-01T00:00:00Z"})
    in_place.to_csv(tmp_path / "registry" / "meters.csv", index=False)
    return tmp_path


def test_each_kind_is_told_with_its_delays(demo):
    cases = [
        case("W1", 10, 34, confirmed=58),
        case("W2", 0, 1, ended=9),  # over before the leak began
        case("W4", 100, 101, confirmed=101, ended=160),
        case("W5", 10, 34, confirmed=58, ended=90),
        case("W6", 10, 34, confirmed=34, unit="cf"),
    ]
    (demo / "leaks.json").write_text(json.dumps(cases))

    told = reconcile_leaks(demo)

    assert told["kinds"]["continuous"] == {
        "happened": 3,
        "due": 2,
        "suspected": 1,
        "suspected_delay_h": 24.0,
        "confirmed": 1,
        "confirmed_delay_h": 48.0,
    }
    assert told["kinds"]["burst"]["confirmed_delay_h"] == 1.0
    assert (told["false_suspected"], told["false_confirmed"]) == (1, 1)


def test_a_demo_without_any_leak_found_says_so(demo):
    (demo / "leaks.json").write_text("[]")

    told = reconcile_leaks(demo)

    assert told["kinds"]["continuous"]["confirmed"] == 0
    assert told["kinds"]["continuous"]["confirmed_delay_h"] is None
    assert (told["false_suspected"], told["false_confirmed"]) == (0, 0)
