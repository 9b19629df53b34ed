"""Data that went astray: an incident in the audit, an alert to everybody concerned."""

import json
from datetime import UTC, datetime

import pytest

from mdms.domain.people import Role
from tests.integration.mdms.api.test_own_data import http
from tests.integration.mdms.api.test_routes import as_

__all__ = ["http"]

pytestmark = pytest.mark.db

BODY = {"account_ids": ["A2", "A1", "A1"], "what": "an export went to another firm"}


async def test_an_incident_is_kept_and_each_account_is_told_once(http, store):
    refused = await http.post("/v1/breaches", json=BODY, headers=as_(Role.ADMIN))
    unknown = BODY | {"account_ids": ["A1", "A99"]}
    nobody = await http.post("/v1/breaches", json=unknown, headers=as_(Role.PRIVACY))
    opened = await http.post("/v1/breaches", json=BODY, headers=as_(Role.PRIVACY))
    async with store() as work:
        alerts = await work.alerts.due(datetime(2027, 1, 1, tzinfo=UTC), 99)
        [record] = await work.audit.newest(subject=opened.json()["incident"], count_max=9)

    assert (refused.status_code, nobody.status_code, opened.status_code) == (403, 404, 201)
    assert (opened.json()["code"], opened.json()["accounts"]) == ("PV_BREACH", 2)
    told = sorted((each.kind, each.account_id) for each in alerts)
    assert told == [("breach", "A1"), ("breach", "A2")]
    assert "firm" not in json.dumps([dict(each.figures) for each in alerts])
    kept = json.loads(record.content)
    assert (kept["kind"], kept["actor"]) == ("privacy.breach", "privacy")
    assert kept["detail"]["accounts"] == "A1, A2"
