"""`mdms privacy` asks page by page, and shows a customer's grants and looks on one line each."""

import json

import httpx
import pytest
from typer.testing import CliRunner

from mdms.cli import options
from mdms.cli.privacy import app
from mdms.client import Client

LOOK = {
    "number": 2, "at": "2026-12-01T20:00:00+00:00", "by": "clerk", "role": "csr",
    "data": "interval_usage", "place": "E1", "account_ids": ["A1"], "from": None, "to": None,
    "purpose": "case 7", "code": "PV_STAFF",
}  # fmt: skip


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[httpx.Request]:
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        if request.url.path == "/v1/looks":
            first = "after" not in request.url.params
            number = 2 if first else 1
            page = {"looks": [LOOK | {"number": number}], "next": "2" if first else None}
            return httpx.Response(200, json=page)
        group = {"group": "hill", "total": "SUPPRESSED", "code": "PV_AGG"}
        return httpx.Response(200, json={"groups": [group]})

    client = Client("http://mdms", "secret", "case 7")
    client._http = httpx.Client(
        base_url="http://mdms", headers=client._http.headers, transport=httpx.MockTransport(answer)
    )
    monkeypatch.setattr(options, "client", lambda _config: client)
    return requests


def test_looks_are_listed_page_by_page(asked):
    result = CliRunner().invoke(app, ["looks", "--account", "A1", "-o", "json"])

    assert [look["number"] for look in json.loads(result.output)] == [2, 1]
    assert asked[0].url.params["account_id"] == "A1"
    assert asked[1].url.params["after"] == "2"
    assert asked[0].headers["Purpose"] == "case 7"


def test_a_sum_that_is_suppressed_is_no_zero(asked):
    result = CliRunner().invoke(app, ["publish", "water", "2026-11", "--cut", "water_zone"])

    assert "SUPPRESSED" in result.output
    assert json.loads(asked[0].content)["cut"] == "water_zone"
