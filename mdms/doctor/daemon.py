"""Checks of the daemon and of our token for it; before the first start both may be absent."""

import hashlib
import re
from dataclasses import dataclass
from http import HTTPStatus

import httpx

from mdms.doctor.findings import Finding, ok, problem, warning
from mdms.ports.clock import Clock
from mdms.settings import Settings

_ANSWER_S_MAX = 5.0
_WATCH_S = 12
"""Longer than a client waits for a broker that keeps it waiting."""
_SESSION_METRIC = re.compile(r"^mdms_ingest_(broker_\w+|standby) (\S+)$", re.MULTILINE)

_NO_TOKEN = warning("token", "[client] token is empty: `mdms token create` makes one")


async def check_daemon(settings: Settings, clock: Clock, *, broker_answers: bool) -> list[Finding]:
    """
    Return what is wrong with the daemon that [client] url names, or with its absence.

    Args:
        settings: Ours, which may be the daemon's too.
        clock: For waiting.
        broker_answers: Whether it let us in just now; if not, the daemon's session says nothing.
    """
    url = settings.client.url
    async with httpx.AsyncClient(base_url=url, timeout=_ANSWER_S_MAX) as http:
        try:
            alive = await http.get("/healthz")
        except httpx.ConnectError:
            return [_absent(url), _offline_token(settings)]
        except httpx.TransportError as error:
            return [_foreign(url, f"answered with {type(error).__name__}")]
        if not _is_ours(alive):
            return [_foreign(url, f"answered {alive.status_code} to /healthz")]
        if (await _session(http)).stands_by:
            waits = ok("daemon", f"the daemon at {url} stands by: another process takes reads")
            return [waits, await _token(http, settings)]
        findings = [await _readiness(http), await _token(http, settings)]
        if broker_answers:
            findings.append(await _client_id(http, settings, clock))
        return findings


def _absent(url: str) -> Finding:
    return warning("daemon", f"nothing listens at {url}: start `mdms serve`, or set [client] url")


def _foreign(url: str, what: str) -> Finding:
    return problem(
        "daemon",
        f"another program has the port of {url} ({what}): "
        "stop it, or choose another [api] port and [client] url",
    )


def _is_ours(answer: httpx.Response) -> bool:
    try:
        return bool(answer.json() == {"status": "alive"})
    except ValueError:
        return False


async def _readiness(http: httpx.AsyncClient) -> Finding:
    answer = (await http.get("/readyz")).json()
    if answer["ready"]:
        return ok("daemon", f"the daemon at {http.base_url} takes reads")
    return problem("daemon", f"the daemon runs, but {'; '.join(answer['problems'])}")


def _offline_token(settings: Settings) -> Finding:
    """Judge the token by the settings alone: they may hold both sides of it."""
    if not settings.api.tokens:
        return warning("token", "nobody may call the daemon: run `mdms token create --offline`")
    if not settings.client.token.get_secret_value():
        return _NO_TOKEN
    owner = _owner(settings)
    if owner is None:
        return warning(
            "token",
            "[client] token fits none of [api.tokens]: unless the daemon made it, run "
            "`mdms token create --offline` and copy both blocks",
        )
    return ok("token", f"it is {owner}")


def _owner(settings: Settings) -> str | None:
    """Return whose our token is and what they may do, where the settings say so."""
    digest = hashlib.sha256(settings.client.token.get_secret_value().encode()).hexdigest()
    for name, token in settings.api.tokens.items():
        if token.sha256 == digest:
            return f"{name}'s, who may act as {', '.join(token.roles)}"
    return None


async def _token(http: httpx.AsyncClient, settings: Settings) -> Finding:
    secret = settings.client.token.get_secret_value()
    if not secret:
        return _NO_TOKEN
    answer = await http.get("/v1/status", headers={"Authorization": f"Bearer {secret}"})
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        return problem(
            "token",
            "our token is nobody's (any more): ask an administrator for one (`mdms token "
            "create`); the first one's comes from `mdms token create --offline`",
        )
    owner = _owner(settings)
    return ok("token", f"the daemon knows our token{f', {owner}' if owner else ''}")


async def _client_id(http: httpx.AsyncClient, settings: Settings, clock: Clock) -> Finding:
    """
    Watch for two daemons that take the broker's session from each other.

    Brokers let the newer one win, so the daemon is now connected and now not, for seconds each.
    """
    before = await _session(http)
    if not before.connections:
        return ok("client id", "this daemon takes no reads, so it has no session to lose")
    for _ in range(_WATCH_S):
        await clock.sleep(1)
        now = await _session(http)
        if now != before or not now.connected:
            return problem(
                "client id",
                "the broker answers us, but the daemon keeps losing it: most likely another one "
                f"connects as {settings.mqtt.client_id!r} too, and has another database; "
                "give each a [mqtt] client_id of its own",
            )
    return ok("client id", f"nobody else is {settings.mqtt.client_id!r} to the broker")


@dataclass(frozen=True, slots=True)
class _Session:
    connections: float
    connected: bool
    stands_by: bool


async def _session(http: httpx.AsyncClient) -> _Session:
    values = dict(_SESSION_METRIC.findall((await http.get("/metrics")).text))
    return _Session(
        connections=float(values["broker_connections_total"]),
        connected=float(values["broker_connected"]) == 1,
        stands_by=float(values.get("standby", 0)) == 1,
    )
