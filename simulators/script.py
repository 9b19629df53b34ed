"""
What people do while time passes: calls of the head-end's API, outages, meters that break.

A script is a JSON list of items; each has a time `at` (ISO 8601, the city's local time where no
offset is given) and a call (`method`, `path`, `body`, `token`), an `outage`, a `fault` or a
`flood`.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import httpx

from mdms.domain.errors import UsageError
from mdms.domain.time import from_epoch_s, to_epoch_s
from simulators.calendar import ZONE
from simulators.field import Field
from simulators.switch import Fault

_TIMEOUT_S = 30.0
_ATTEMPTS = 240
_AGAIN_S = 0.5


@dataclass(frozen=True, slots=True)
class Call:
    """
    A request to the head-end.

    Attributes:
        token: Names whose.
        unless_verified: Leave it out if the meter's newest command of this kind was verified.
        newest_of: A badge: `{newest}` in the path stands for the id of its newest command.
    """

    at_s: int
    name: str
    method: str
    path: str
    body: Any
    token: str
    unless_verified: bool = False
    newest_of: str = ""


@dataclass(frozen=True, slots=True)
class Cut:
    """A transformer without power for some minutes."""

    at_s: int
    transformer_id: str
    minutes: int


@dataclass(frozen=True, slots=True)
class Breakage:
    """Something that is wrong with a meter from then on."""

    at_s: int
    badge: str
    fault: Fault


@dataclass(frozen=True, slots=True)
class Repetition:
    """A meter that says the same over and over for some minutes."""

    at_s: int
    badge: str
    minutes: int
    per_hour: int


@dataclass(frozen=True, slots=True)
class Script:
    """All items of a script by kind, each in order of time."""

    calls: Sequence[Call] = ()
    cuts: Sequence[Cut] = ()
    breakages: Sequence[Breakage] = ()
    repetitions: Sequence[Repetition] = ()

    @classmethod
    def load(cls, path: Path) -> "Script":
        """
        Read a script.

        Raises:
            UsageError: The file is no such list.
        """
        try:
            written = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(written, list):
                raise TypeError("a list is due")
            items = [_item(item) for item in written]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{path} is no script: {error!r}") from error
        items.sort(key=lambda item: item.at_s)
        return cls(
            [item for item in items if isinstance(item, Call)],
            [item for item in items if isinstance(item, Cut)],
            [item for item in items if isinstance(item, Breakage)],
            [item for item in items if isinstance(item, Repetition)],
        )


def _item(item: Mapping[str, Any]) -> Call | Cut | Breakage | Repetition:
    at = datetime.fromisoformat(item["at"])
    at_s = to_epoch_s(at if at.tzinfo else at.replace(tzinfo=ZONE))
    if "outage" in item:
        outage = item["outage"]
        return Cut(at_s, str(outage["transformer_id"]), int(outage["minutes"]))
    if "flood" in item:
        flood = item["flood"]
        return Repetition(at_s, str(flood["badge"]), int(flood["minutes"]), int(flood["per_hour"]))
    if "fault" in item:
        fault = item["fault"]
        return Breakage(at_s, str(fault["badge"]), Fault(fault["switch"]))
    return Call(
        at_s,
        str(item["name"]),
        str(item["method"]),
        str(item["path"]),
        item.get("body"),
        str(item["token"]),
        bool(item.get("unless_verified", False)),
        str(item.get("newest_of", "")),
    )


class Api(Protocol):
    """Where calls go."""

    async def perform(self, call: Call, at_s: int) -> None: ...


class HttpApi:
    """The head-end's API; what it answers goes to a file, one JSON object a line."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        tokens: Mapping[str, str],
        results: Path,
        pause: Callable[[float], Awaitable[None]],
    ) -> None:
        self._client, self._tokens = client, tokens
        self._results, self._pause = results, pause

    async def perform(self, call: Call, at_s: int) -> None:
        """Make a call and write down what came of it, or find that there is no need."""
        status: int | None = None
        answer: Any = None
        try:
            if call.unless_verified and await self._is_verified(call):
                return
            response = await self._request(await self._addressed(call))
        except httpx.TransportError as error:
            answer = repr(error)
        else:
            status, answer = response.status_code, _content(response)
        line = {
            "name": call.name,
            "at": f"{from_epoch_s(at_s):%Y-%m-%dT%H:%M:%SZ}",
            "status": status,
            "answer": answer,
        }
        with self._results.open("a", encoding="utf-8") as results:
            results.write(json.dumps(line) + "\n")

    async def _is_verified(self, call: Call) -> bool:
        """Ask what became of the meter's newest command of this kind."""
        commands = await self._commands(call, call.body["meter"])
        alike = [each for each in commands if each["action"] == call.body["action"]]
        return bool(alike) and alike[0]["verified_at"] is not None

    async def _addressed(self, call: Call) -> Call:
        """Return a call whose path names the command that is meant, if one is."""
        if not call.newest_of:
            return call
        commands = await self._commands(call, call.newest_of)
        newest = commands[0]["control_id"] if commands else "none"
        return replace(call, path=call.path.format(newest=newest))

    async def _commands(self, call: Call, badge: str) -> Sequence[Mapping[str, Any]]:
        """Return a meter's commands, the newest first; none where nobody tells."""
        look = replace(call, method="GET", path=f"/v1/controls?meter={badge}", body=None)
        response = await self._request(look)
        if not response.is_success:
            return []
        found: Sequence[Mapping[str, Any]] = response.json()["controls"]
        return found

    async def _request(self, call: Call) -> httpx.Response:
        """Call, again and again while nobody is there to be called."""
        headers = {"Authorization": f"Bearer {self._tokens[call.token]}", "Purpose": "script"}
        for _ in range(_ATTEMPTS):
            try:
                return await self._client.request(
                    call.method, call.path, json=call.body, headers=headers, timeout=_TIMEOUT_S
                )
            except httpx.ConnectError:
                await self._pause(_AGAIN_S)
        raise httpx.ConnectError(f"nobody answers at {self._client.base_url}")


def _content(response: httpx.Response) -> Any:  # noqa: ANN401 - whatever the API says
    try:
        return response.json()
    except ValueError:
        return response.text


class Director:
    """
    Sees to it that a script is followed.

    Attributes:
        called: How many calls were made.
    """

    def __init__(self, script: Script, field: Field, api: Api | None = None) -> None:
        assert api or not script.calls, "calls need an API"
        self._script, self._field, self._api = script, field, api
        self._broken = self._flooding = self.called = 0

    def spoil(self, now_s: int) -> None:
        """Break the meters whose time has come, or let them repeat themselves."""
        repetitions = self._script.repetitions
        while self._flooding < len(repetitions) and repetitions[self._flooding].at_s <= now_s:
            flood = repetitions[self._flooding]
            end_s = flood.at_s + 60 * flood.minutes
            self._field.flood(flood.badge, flood.at_s, end_s, flood.per_hour)
            self._flooding += 1
        breakages = self._script.breakages
        while self._broken < len(breakages) and breakages[self._broken].at_s <= now_s:
            breakage = breakages[self._broken]
            self._field.break_meter(breakage.badge, breakage.fault)
            self._broken += 1

    def due(self, now_s: int) -> Call | None:
        """Return the next call whose time has come."""
        calls = self._script.calls
        is_due = self.called < len(calls) and calls[self.called].at_s <= now_s
        return calls[self.called] if is_due else None

    async def perform(self, call: Call, now_s: int) -> None:
        """Make a call."""
        assert self._api is not None, "calls need an API"
        await self._api.perform(call, now_s)
