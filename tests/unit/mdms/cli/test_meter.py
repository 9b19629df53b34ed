"""`mdms meter` tells the channels of one badge apart, and exchanges one meter for another."""

from contextlib import contextmanager, nullcontext
from decimal import Decimal
from typing import Any

import pytest
from typer.testing import CliRunner

from mdms.cli import meter, options
from mdms.domain.reading_types import READING_TYPES

ELECTRIC = [kind for kind in READING_TYPES.values() if kind.unit == "Wh" and kind.interval_s == 900]


class FakeClient:
    """A daemon with one meter that counts both ways."""

    def meters(self) -> list[dict[str, Any]]:
        return [
            {"meter": "E1000001", "reading_type": kind.name, "commodity": "electric",
             "service_class": "electric_200a", "usage_point": "UE1000001", "interval_s": 900,
             "radio_on": True, "installed_at": "2020-01-01T00:00:00+00:00", "removed_at": None}
            for kind in ELECTRIC
        ]  # fmt: skip


def test_each_channel_of_a_meter_has_a_name_in_a_narrow_window(monkeypatch):
    @contextmanager
    def client(_config):
        yield FakeClient()

    monkeypatch.setattr(options, "client", client)

    listed = CliRunner(env={"COLUMNS": "80"}).invoke(meter.app, ["ls"], catch_exceptions=False)

    rows = [line.split() for line in listed.output.splitlines() if "E1000001" in line]
    assert [row[3] for row in rows] == ["delivered", "received"]


class Exchanging:
    """A daemon that agrees to any exchange."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def exchange_meter(self, meter: str, new: str, **told: Any) -> dict[str, Any]:
        self.asked.append({"meter": meter, "new": new, **told})
        place = {"usage_point": "U1", "radio": "on", "installed_at": "", "removed_at": ""}
        final, initial = told["final"], told["initial"]
        return {
            "done": not told["dry_run"],
            "old": place | {"meter": meter, "radio_id": 1, "registers": final},
            "new": place | {"meter": new, "radio_id": 2, "registers": initial, "channels": ["a"]},
        }


@pytest.fixture
def exchanging(monkeypatch: pytest.MonkeyPatch) -> Exchanging:
    daemon = Exchanging()
    monkeypatch.setattr(options, "client", lambda _config: nullcontext(daemon))
    return daemon


EXCHANGE = ["exchange", "E1", "--new", "E2", "--radio-id", "2", "--at", "2026-11-20T10:00-08:00"]


def test_an_exchange_reaches_the_daemon_with_the_registers_that_were_read(exchanging):
    shown = ["--final", "48211.5", "--final", "received=7", "--switch", "--dry-run"]
    done = CliRunner(env={"COLUMNS": "200"}).invoke(
        meter.app, [*EXCHANGE, *shown], catch_exceptions=False
    )

    [asked] = exchanging.asked
    assert asked["final"] == {"delivered": Decimal("48211.5"), "received": Decimal(7)}
    assert (asked["initial"], asked["removed_at"]) == ({}, "2026-11-20T10:00-08:00")
    assert (asked["has_switch"], asked["model"], asked["dry_run"]) == (True, None, True)
    assert "Would be exchanged" in done.output
    assert "delivered=48211.5 received=7" in done.output
    assert "by radio" in done.output


@pytest.mark.parametrize(
    ("shown", "sentence"),
    [
        (["--final", "many"], "'many' is no register; write 48211.5, or received=17"),
        (["--final", "-1"], "shows a number from 0 on"),
        (["--initial", "nan"], "shows a number from 0 on"),
        (["--final", "1", "--final", "delivered=2"], "the register 'delivered' was told twice"),
    ],
)
def test_a_register_that_is_none_is_a_mistake_of_usage(exchanging, shown, sentence):
    ended = CliRunner(env={"COLUMNS": "200"}).invoke(meter.app, [*EXCHANGE, *shown])

    assert sentence in str(ended.exception)
    assert exchanging.asked == []
