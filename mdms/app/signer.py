"""
The signer as a process: its keys, its own database user, its own copy of the rules, one socket.

It shares no memory with the daemon and takes nothing from it but requests. Under a simulation's
clock it hears the granted time by a subscription of its own.
"""

import ctypes
import os
import pwd
import resource
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import structlog
from prometheus_client import start_http_server

from commands.signing import breaker, keys
from commands.signing.breaker import Supervisors
from commands.signing.keys import KeyRing
from commands.signing.local import LocalSigner
from commands.signing.rules import OpenRules
from commands.signing.sealing import Sealer, sealing_key
from commands.signing.server import listening
from commands.signing.witness import GrantedWitness, SteadyWitness, Witness
from ingest.followed import FollowedClock, simulated_time_topic
from ingest.held import Grant
from ingest.mqtt import MqttConfig, MqttSource
from mdms.app.clock import SystemClock
from mdms.app.rules import texts
from mdms.app.service_manager import ServiceManager
from mdms.app.tasks import ended_in_order, on_signal
from mdms.domain.errors import UsageError
from mdms.domain.time import from_epoch_us
from mdms.policy.calendars import Calendar
from mdms.policy.rulebook import Rulebook
from mdms.ports.clock import Clock
from mdms.ports.messages import Envelope
from mdms.settings import Settings, SignerSettings, config_dir, read_private
from mdms.storage.seals import SealFile
from mdms.storage.signer import open_signer_memory

CREDENTIAL = "mdms-signer-kek"
"""Name of the service manager's credential (systemd: LoadCredential)."""

_PR_SET_DUMPABLE = 4

log = structlog.get_logger()


async def serve_signer(settings: Settings) -> None:
    """
    Sign and verify until SIGTERM or SIGINT.

    Raises:
        UsageError: A setting is missing, or names what cannot be used.
        UnavailableError: The database is away.
    """
    _keep_memory_private()
    stop, manager = on_signal(), ServiceManager.of()
    own = settings.signer
    if not own.socket:
        raise UsageError("[signer] socket names no socket to listen at")
    ring, rules = open_keys(own), read_rules(settings)
    supervisors = _supervisors(own)
    async with AsyncExitStack() as stack:
        tasks = await stack.enter_async_context(ended_in_order())
        memory = await stack.enter_async_context(
            open_signer_memory(
                own.dsn.get_secret_value(),
                statement_timeout_s=settings.database.statement_timeout_s,
            )
        )
        clock: Clock = SystemClock()
        witness: Witness = SteadyWitness(clock)
        if settings.clock.source == "simulation":
            followed = FollowedClock()
            source = await stack.enter_async_context(_grants(settings, followed))
            await source.until_connected()
            tasks.start(_follow(source, followed))
            clock, witness = followed, GrantedWitness(followed)
        signer = LocalSigner(ring, memory, clock, rules, supervisors=supervisors, time=witness)
        if own.metrics_port:
            server, _ = start_http_server(own.metrics_port, "127.0.0.1")
            stack.callback(server.shutdown)
        if own.seals:
            place = SealFile(Path(own.seals))
            tasks.start(Sealer(sealing_key(read_kek(own)), memory, place, clock).forever())
        await signer.resume()
        await signer.standing_trip()
        await stack.enter_async_context(
            listening(signer, Path(own.socket), peer_uid=_uid(own.peer))
        )
        if manager.watchdog_s is not None:
            tasks.start(manager.watched(SystemClock()))
        manager.ready()
        log.info("signer.started", key_ids=ring.key_ids, rules=rules.rulebook.hash[:12])
        await tasks.until(stop)
        manager.stopping()
        log.info("signer.stopping")


def open_keys(settings: SignerSettings) -> KeyRing:
    """
    Return the master keys, unwrapped.

    Raises:
        UsageError: One of the two files is away, open to others, or not what it should be.
    """
    if not settings.keys:
        raise UsageError("[signer] keys names no file; `mdms signer keys init` makes one")
    return KeyRing(keys.unwrap(read_private(Path(settings.keys)), read_kek(settings)))


def read_kek(settings: SignerSettings) -> bytes:
    """
    Return the key-encryption key, from its file or from the service manager.

    Raises:
        UsageError: There is none.
    """
    return keys.parse_kek(read_private(kek_path(settings)))


def kek_path(settings: SignerSettings) -> Path:
    """
    Return where the key-encryption key is.

    Raises:
        UsageError: Neither the settings nor the service manager name one.
    """
    if settings.kek:
        return Path(settings.kek)
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if folder is None:
        raise UsageError(
            f"[signer] kek names no file, and the service manager gave no credential {CREDENTIAL}"
        )
    return Path(folder) / CREDENTIAL


def read_rules(settings: Settings) -> OpenRules:
    """
    Read the signer's own copy of the rules.

    Raises:
        OperatorError: A file cannot be used.
    """
    folder = Path(settings.signer.rules) if settings.signer.rules else config_dir()
    return OpenRules(
        rulebook=Rulebook.parse(texts(folder / "policy", "disconnect*.toml")),
        calendar=Calendar.parse(texts(folder / "calendars", "*.toml"), settings.zone),
        remote_open=settings.commands.remote_open,
    )


def _supervisors(settings: SignerSettings) -> Supervisors:
    if not settings.supervisors:
        return Supervisors({})
    return breaker.parse(read_private(Path(settings.supervisors)))


def _uid(user: str) -> int | None:
    if not user:
        return None
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError as error:
        raise UsageError(f"[signer] peer: there is no user {user!r} on this machine") from error


def _keep_memory_private() -> None:
    """Leave no core file, and let no process of our own user read our memory (Linux)."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _grants(settings: Settings, clock: Clock) -> MqttSource:
    mqtt = settings.mqtt
    return MqttSource(
        MqttConfig(
            url=mqtt.url,
            client_id=f"{mqtt.client_id}-signer",
            topics=(simulated_time_topic(settings.utility.code),),
            protocol=mqtt.protocol,
            receive_max=mqtt.receive_max,
            keepalive_s=mqtt.keepalive_s,
        ),
        clock,
    )


async def _follow(source: MqttSource, clock: FollowedClock) -> None:
    """
    Move the clock with every grant.

    The newest one stays unacknowledged until the next has come: if we are killed, the broker gives
    it to us again, and the daemon, which may wait for us in that very step, does not wait for ever.
    """
    newest: list[Envelope] = []
    async for arrived in source.batches(messages_max=100, bytes_max=1 << 20, age_s_max=0):
        for envelope in arrived:
            _advance(clock, envelope)
        await source.ack([*newest, *arrived[:-1]])
        newest = [arrived[-1]]


def _advance(clock: FollowedClock, envelope: Envelope) -> None:
    try:
        grant = msgspec.json.decode(envelope.payload, type=Grant)
    except msgspec.MsgspecError as error:
        log.warning("signer.grant.unreadable", error=str(error))
    else:
        clock.advance(from_epoch_us(grant.t_us))
