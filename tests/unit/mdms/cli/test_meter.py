"""`mdms meter` tells the channels of one badge apart."""

from contextlib import contextmanager
from typing import Any

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
