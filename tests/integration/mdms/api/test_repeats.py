"""A write that is sent again by the same key is done once."""

from datetime import UTC, datetime

import pytest

from mdms.domain.people import Role
from mdms.services.answers import AnswerService
from tests.fakes import FakeClock
from tests.integration.mdms.api.test_own_data import http
from tests.integration.mdms.api.test_routes import NOW, as_

__all__ = ["http"]

pytestmark = pytest.mark.db

FACT = {
    "subject": "account", "subject_id": "A1", "fact": "standing", "value": "current",
    "effective_at": "2026-11-01T00:00:00Z",
}  # fmt: skip
STATE = {"facts": [FACT]}


async def test_the_same_write_twice_is_done_once_and_answered_the_same(http):
    keyed = as_(Role.BILLING) | {"Idempotency-Key": "bill-run-7"}

    first = await http.post("/v1/facts", json=STATE, headers=keyed)
    again = await http.post("/v1/facts", json=STATE, headers=keyed)
    other = {"facts": [FACT | {"value": "past_due"}]}
    reused = await http.post("/v1/facts", json=other, headers=keyed)
    stranger = await http.post("/v1/facts", json=STATE, headers=keyed | as_(Role.VIEWER))

    assert (first.status_code, first.json()) == (201, {"new": 1})
    assert (again.status_code, again.json()) == (201, {"new": 1})
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert reused.status_code == 422
    assert reused.headers["content-type"] == "application/problem+json"
    assert stranger.status_code == 403


async def test_an_answer_that_shows_a_secret_is_kept_nowhere(http):
    body = {"holder": "owner", "account_ids": ["A1"]}

    answer = await http.post(
        "/v1/grants", json=body, headers=as_(Role.PORTAL) | {"Idempotency-Key": "1"}
    )

    assert answer.status_code == 422


async def test_a_request_whose_answer_was_lost_is_not_done_again(http, store):
    answers = AnswerService(store, FakeClock(NOW))
    request = b'["POST", "/v1/facts", ""]' + b'{"facts":[]}'
    await answers.begin("billing", "lost", request)  # and then the daemon ends

    again = await http.post(
        "/v1/facts",
        content=b'{"facts":[]}',
        headers=as_(Role.BILLING) | {"Idempotency-Key": "lost"},
    )

    assert again.status_code == 409
    assert "look what came of it" in again.json()["detail"]


async def test_a_key_is_free_again_after_a_day(store):
    await AnswerService(store, FakeClock(NOW)).begin("secret", "key", b"one")
    later = AnswerService(store, FakeClock(datetime(2026, 12, 3, tzinfo=UTC)))

    assert (await later.begin("secret", "key", b"two")).status is None
