"""People's calls, made in lockstep with the simulated clock, once each."""

import json
from dataclasses import dataclass, field
from datetime import date

import httpx
import pytest

from mdms.domain.errors import UsageError
from simulators.calendar import LocalDay
from simulators.script import Breakage, Call, Cut, HttpApi, Repetition, Script
from simulators.switch import Fault

START_S = LocalDay.of(date(2026, 11, 3)).start_s
NOON_S = START_S + 12 * 3600
CALL = Call(NOON_S, "disconnect", "POST", "/v1/controls", {"meter": "E1"}, "requester")


@dataclass
class RecordingApi:
    performed: list[tuple[str, int]] = field(default_factory=list)

    async def perform(self, call: Call, at_s: int) -> None:
        self.performed.append((call.name, at_s))


async def no_pause(_seconds: float) -> None:
    """Wait for nothing."""


def test_a_script_has_calls_outages_and_faults_in_order_of_time(tmp_path):
    path = tmp_path / "script.json"
    call = {"name": "disconnect", "method": "POST", "path": "/v1/controls", "token": "requester"}
    items = [
        {"at": "2026-11-03T20:00:00Z", **call, "body": {"meter": "E1"}},
        {"at": "2026-11-03T11:00", "outage": {"transformer_id": "TX00001", "minutes": 47}},
        {"at": "2026-11-03T10:00", "fault": {"badge": "E1", "switch": "fail_open"}},
        {"at": "2026-11-03T11:00", **call, "name": "earlier"},
        {"at": "2026-11-03T09:00", "flood": {"badge": "E1", "minutes": 90, "per_hour": 20_000}},
    ]
    path.write_text(json.dumps(items))

    script = Script.load(path)

    assert [each.name for each in script.calls] == ["earlier", "disconnect"]
    assert script.calls[1] == CALL
    assert script.cuts == [Cut(START_S + 11 * 3600, "TX00001", 47)]
    assert script.repetitions == [Repetition(START_S + 9 * 3600, "E1", 90, 20_000)]
    assert script.breakages == [Breakage(START_S + 10 * 3600, "E1", Fault.FAIL_OPEN)]


@pytest.mark.parametrize("text", ["", "{}", '[{"at": "noon"}]', '[{"at": "2026-11-03"}]'])
def test_what_is_no_script_gets_one_sentence(tmp_path, text):
    path = tmp_path / "script.json"
    path.write_text(text)

    with pytest.raises(UsageError, match="is no script"):
        Script.load(path)


@pytest.mark.parametrize(
    ("controls", "made"),
    [
        ([], True),
        ([("reconnect", None), ("reconnect", "2026-11-03T19:00:00+00:00")], True),
        ([("ping", None), ("reconnect", "2026-11-03T19:00:00+00:00")], False),
    ],
)
async def test_a_call_may_be_left_out_once_the_same_was_verified(tmp_path, controls, made):
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        rows = [{"action": action, "verified_at": at} for action, at in controls]
        return httpx.Response(200, json={"controls": rows})

    body = {"action": "reconnect", "meter": "E1"}
    call = Call(NOON_S, "again", "POST", "/v1/controls", body, "requester", unless_verified=True)
    transport = httpx.MockTransport(answer)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        api = HttpApi(client, {"requester": "secret"}, tmp_path / "script.jsonl", no_pause)
        await api.perform(call, NOON_S)

    assert asked[0].url.params["meter"] == "E1"
    assert [request.method for request in asked] == ["GET", "POST"][: 1 + made]
    assert (tmp_path / "script.jsonl").exists() == made


@pytest.mark.slow
async def test_a_call_is_made_when_its_time_has_come_and_a_second_follows(play):
    api = RecordingApi()

    played = await play(days=1, script=Script([CALL]), api=api)

    assert api.performed == [("disconnect", NOON_S)]
    ends = [at_s - NOON_S for _, at_s, *_ in played.recorder.grants]
    assert {0, 1, 900} <= set(ends)
    assert len(ends) == 98


@pytest.mark.slow
async def test_a_call_that_was_made_before_a_kill_is_not_made_again(play, recorder):
    first, second = RecordingApi(), RecordingApi()
    recorder.killed_after = 180
    with pytest.raises(ExceptionGroup):
        await play(days=1, script=Script([CALL]), api=first, recorder=recorder)

    await play(days=1, script=Script([CALL]), api=second)

    assert recorder.grants[-1][1] > NOON_S
    assert first.performed == [("disconnect", NOON_S)]
    assert second.performed == []


async def test_a_call_waits_for_the_api_and_writes_down_what_it_said(tmp_path):
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if len(asked) == 1:
            raise httpx.ConnectError("nobody there")
        return httpx.Response(201, json={"control_id": "1"})

    transport = httpx.MockTransport(answer)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        api = HttpApi(client, {"requester": "secret"}, tmp_path / "script.jsonl", no_pause)
        await api.perform(CALL, NOON_S)

    assert asked[1].headers["Authorization"] == "Bearer secret"
    assert json.loads(asked[1].content) == {"meter": "E1"}
    (line,) = (tmp_path / "script.jsonl").read_text().splitlines()
    assert json.loads(line) == {
        "name": "disconnect",
        "at": "2026-11-03T20:00:00Z",
        "status": 201,
        "answer": {"control_id": "1"},
    }
