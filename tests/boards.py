"""What `GET /v1/board` answers of a bad day, and of one of which nothing is known."""

from typing import Any

BOARD: dict[str, Any] = {
    "utility": "cpau",
    "zone": "America/Los_Angeles",
    "day": "2026-11-01",
    "start": "2026-11-01T07:00:00Z",
    "end": "2026-11-02T08:00:00Z",
    "now": "2026-11-02T17:00:00Z",
    "levels": [
        {
            "local_day": day, "commodity": commodity, "mark": mark, "expected": 2500,
            "received": received, "estimated": 5, "held": 1, "missing": 2,
            "uplink_ratio": received / 2500, "received_ratio": received / 2500,
            "estimated_ratio": 0.002,
        }
        for day, commodity, mark, received in (
            ("2026-10-31", "electric", "raw", 2490),
            ("2026-11-01", "electric", "raw", 2400),
            ("2026-11-01", "water", "raw", 2500),
            ("2026-10-28", "water", "settled", 2500),
        )
    ],
    "hours": [
        {"at": "2026-11-01T07:00:00Z", "commodity": "electric", "received": 100},
        {"at": "2026-11-02T07:00:00Z", "commodity": "electric", "received": 50},
    ],
    "collectors": [
        {
            "name": "Mast <1>", "online": True, "condition": "online", "reason": "",
            "changed_at": None, "batch_received_at": "2026-11-02T16:59:00Z", "holes_open": 3,
            "batches_lost": 12,
        },
        {
            "name": "Roof", "online": None, "condition": "unheard", "reason": None,
            "changed_at": None, "batch_received_at": None, "holes_open": 0, "batches_lost": 0,
        },
    ],
    "exceptions": [
        {
            "rule": "V08", "commodity": "electric", "waiting": 4, "below_1_day": 2, "to_3_days": 1,
            "to_7_days": 0, "older": 1, "oldest_day": "2026-10-25",
        }
    ],
    "nights": [
        {
            "started_at": "2026-11-02T13:00:00Z", "finished_at": "2026-11-02T13:25:00Z",
            "channel_days": 50,
        }
    ],
    "silent": [{"commodity": "electric", "meters": 25, "silent": 3}],
    "backlog": [
        {
            "batches_missing": 12, "missing_since": "2026-11-02T10:00:00Z",
            "newest_batch_at": "2026-11-02T16:59:00Z", "dead_letters": 5,
        }
    ],
    "cycles": [
        {
            "cycle": 14, "window_start": "2026-10-04", "window_end": "2026-11-02", "days": 29,
            "state": "due", "services": 40, "frozen": 0, "blocked": 2, "exceptions": 1,
        }
    ],
    "leaks_open": [{"commodity": "gas", "open": 1, "new": 0}],
    "unknown": [{"action": "disconnect", "commands": 1, "oldest": "2026-10-30T16:59:00Z"}],
    "leaks": [
        {
            "commodity": "gas", "kind": "check", "state": "SAFETY_CHECK", "severity": 5,
            "rate": 1.25, "lost": 1234.0, "unit": "cf", "began_at": "2026-10-30T03:00:00Z",
            "raised_at": "2026-10-31T03:00:00Z",
        }
    ],
    "outages": [
        {
            "device": "feeder", "name": "East", "began_at": "2026-11-01T20:00:00Z",
            "ended_at": None, "customers": 1200, "reported": 900,
        }
    ],
    "reliability": [
        {
            "local_day": "2026-11-01", "customers": 30000, "saidi_min": 4.2, "saifi": 0.04,
            "caidi_min": 105.0, "maifi": 0.0,
        }
    ],
    "commands": [
        {"action": "disconnect", "state": "UNKNOWN", "commands": 1, "slowest_s": None},
        {"action": "reconnect", "state": "VERIFIED", "commands": 2, "slowest_s": 31.0},
    ],
    "refusals": [{"code": "NP_STALE", "clause": "R11.C", "commands": 3}],
    "orders": [
        {"reason": "CHECK", "is_safety": True, "orders": 1, "oldest": "2026-11-01T20:00:00Z"}
    ],
}  # fmt: skip
NOTHING: dict[str, Any] = {
    **BOARD,
    **{
        name: []
        for name in (
            "levels", "nights", "hours", "collectors", "silent", "exceptions", "cycles", "leaks",
            "leaks_open", "outages", "reliability", "commands", "unknown", "refusals", "orders",
        )
    },
    "backlog": [
        {"batches_missing": 0, "missing_since": None, "newest_batch_at": None, "dead_letters": 0}
    ],
}  # fmt: skip
