"""The broker's configuration that ships, on a real Mosquitto: who may say and hear what."""

import asyncio
import gc
import getpass
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiomqtt
import pytest
from structlog.testing import capture_logs

from ingest.mqtt import MqttConfig, MqttSource, uplink_topics
from mdms.domain.errors import UsageError
from mdms.embedded import processes
from mdms.settings import config_dir
from tests.brokers import LiveClock, mosquitto
from tests.certificates import Authority, Identity

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(mosquitto() is None, reason="Mosquitto is not installed"),
]

UP = "ami/v1/cpau/col/{}/up/read"
DOWN = "ami/v1/cpau/col/{}/down/ctl"
STATE = "ami/v1/cpau/col/{}/state"
PASSWORD = "correct horse"
HOST = "localhost"
ANY = asyncio.FIRST_COMPLETED


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker that runs the shipped configuration, and who signs its collectors' certificates."""

    port: int
    tls_port: int
    authority: Authority
    seventeen: Identity
    revoked: Identity

    @asynccontextmanager
    async def collector(
        self, identity: Identity | None, *, client_id: str | None = None, patience_s: float = 20
    ) -> AsyncIterator[aiomqtt.Client]:
        """Connect as a collector does, with a certificate or without."""
        context = (
            identity.context(self.authority.file)
            if identity
            else ssl.create_default_context(cafile=str(self.authority.file))
        )
        async with aiomqtt.Client(
            HOST, self.tls_port, tls_context=context, identifier=client_id,
            protocol=aiomqtt.ProtocolVersion.V5, timeout=patience_s,
        ) as client:  # fmt: skip
            yield client

    @asynccontextmanager
    async def head(
        self, user: str | None = "mdms-ingest", password: str = PASSWORD
    ) -> AsyncIterator[aiomqtt.Client]:
        """Connect as the daemon does."""
        async with aiomqtt.Client(
            HOST, self.port, username=user, password=password if user else None,
            protocol=aiomqtt.ProtocolVersion.V5, timeout=20,
        ) as client:  # fmt: skip
            yield client


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    folder = tmp_path_factory.mktemp("mosquitto")
    authority = Authority(folder / "certs")
    server = authority.issue("broker", host=HOST)
    server.certificate.rename(folder / "certs" / "broker.crt")
    server.key.rename(folder / "certs" / "broker.key")
    revoked = authority.issue("19")
    authority.revoke([revoked])
    port, tls_port = processes.free_port(), processes.free_port()
    passwd = folder / "passwd"
    subprocess.run(["mosquitto_passwd", "-b", "-c", passwd, "mdms-ingest", PASSWORD], check=True)
    shipped = config_dir() / "mosquitto"
    text = (shipped / "mosquitto.conf").read_text()
    for was, now in {
        "listener 8883\n": f"listener {tls_port} 127.0.0.1\n",
        "listener 1883 127.0.0.1\n": f"listener {port} 127.0.0.1\nuser {getpass.getuser()}\n",
        "/etc/mosquitto/acl": str(shipped / "acl"),
        "/etc/mosquitto/passwd": str(passwd),
        "/etc/mosquitto/certs/": f"{folder / 'certs'}/",
        "/var/lib/mosquitto/": f"{folder}/",
    }.items():
        assert was in text
        text = text.replace(was, now)
    (folder / "mosquitto.conf").write_text(text)
    binary, log = mosquitto(), folder / "log"
    assert binary is not None
    child = processes.spawn([binary, "-c", folder / "mosquitto.conf"], log=log)
    with processes.ended_if_interrupted(child, grace_s=5):
        processes.wait_until(
            lambda: all(map(processes.accepts_connections, (port, tls_port))),
            child, log=log, timeout_s=60,
        )  # fmt: skip
    yield Broker(port, tls_port, authority, authority.issue("17"), revoked)
    processes.stop(child, grace_s=5)


async def heard(client: aiomqtt.Client) -> list[str]:
    """Return the topics of what arrives up to the end marker, retained messages left out."""
    topics: list[str] = []
    async with asyncio.timeout(30):
        async for message in client.messages:
            if message.payload == b"end":
                return topics
            if not message.retain:
                topics.append(str(message.topic))
    raise AssertionError("unreachable")


async def may_publish(connected: AbstractAsyncContextManager[aiomqtt.Client], topic: str) -> bool:
    """Publish; tell whether the broker took it. Over TLS it may end a connection to say no."""
    taken: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    with suppress(aiomqtt.MqttError):
        async with connected as client:
            client._client.on_publish = lambda *given: taken.set_result(not given[3].is_failure)
            client._client.publish(topic, b"x", qos=1)
            waited: set[asyncio.Future[Any]] = {taken, client._disconnected}
            await asyncio.wait(waited, timeout=20, return_when=ANY)
    return taken.done() and taken.result()


async def test_a_collector_speaks_for_itself_and_for_nobody_else(broker):
    async with broker.head() as head:
        await head.subscribe("ami/v1/#", qos=1)
        topics = [
            UP.format(17), STATE.format(17), UP.format(18), STATE.format(18), DOWN.format(17),
            "ami/v1/cpau/head/time", "ami/v1/other/col/17/up/read",
        ]  # fmt: skip

        allowed = {
            topic for topic in topics
            if await may_publish(broker.collector(broker.seventeen), topic)
        }  # fmt: skip
        async with broker.collector(broker.seventeen) as collector:
            await collector.publish(UP.format(17), b"end", qos=1)

        assert allowed == {UP.format(17), STATE.format(17)}
        assert await heard(head) == [UP.format(17), STATE.format(17)]


async def test_a_collector_hears_what_is_meant_for_it_and_nothing_else(broker):
    async with broker.head() as head, broker.collector(broker.seventeen) as collector:
        for topic in (DOWN.format(17), DOWN.format(18), "ami/v1/cpau/col/+/down/#",
                      "ami/v1/cpau/col/+/up/#", "#"):  # fmt: skip
            with suppress(aiomqtt.MqttError):
                await collector.subscribe(topic, qos=1)
        await head.publish(DOWN.format(18), b"secret", qos=1)
        await head.publish("ami/v1/cpau/head/time", b"now", qos=0)
        await head.publish(DOWN.format(17), b"end", qos=1)

        assert set(await heard(collector)) <= {"ami/v1/cpau/head/time"}


async def test_a_wrong_common_name_may_say_nothing_in_anybodys_name(broker):
    stranger = broker.authority.issue("meter-shop")

    assert not await may_publish(broker.collector(stranger), UP.format(17))


@pytest.mark.parametrize("who", ["nobody", "expired", "foreign", "revoked"])
async def test_who_has_no_valid_certificate_does_not_get_in(broker, tmp_path, who):
    identities: dict[str, Callable[[], Identity | None]] = {
        "nobody": lambda: None,
        "expired": lambda: broker.authority.issue("17", lasts=timedelta(days=30)),
        "foreign": lambda: Authority(tmp_path, name="Somebody's CA").issue("17"),
        "revoked": lambda: broker.revoked,
    }
    identity = identities[who]()

    with pytest.raises((aiomqtt.MqttError, ssl.SSLError)):
        # Over TLS 1.3 nobody is told: there is no answer.
        async with broker.collector(identity, patience_s=2) as client:
            await client.publish(UP.format(17), b"x", qos=1)


async def test_nobody_takes_another_collectors_session_over(broker):
    eighteen = broker.authority.issue("18")
    async with broker.head() as head, broker.collector(eighteen) as victim:
        await victim.subscribe(DOWN.format(18), qos=1)

        async with broker.collector(broker.seventeen, client_id="18") as thief:
            await thief.publish(UP.format(17), b"x", qos=1)
        await head.publish(DOWN.format(18), b"end", qos=1)

        assert await heard(victim) == []


@pytest.mark.parametrize(("user", "password"), [(None, ""), ("mdms-ingest", "guess"), ("17", "")])
async def test_beside_the_certificates_only_the_head_end_gets_in(broker, user, password):
    with pytest.raises(aiomqtt.MqttError):
        async with broker.head(user, password):
            pass


async def test_the_head_end_speaks_to_collectors_and_not_as_one(broker):
    assert await may_publish(broker.head(), DOWN.format(17))
    assert not await may_publish(broker.head(), UP.format(17))


def ingest_over_tls(
    broker: Broker, identity: Identity, authority: Authority | None = None
) -> MqttSource:
    """Return the daemon's own connection, from another host."""
    return MqttSource(
        MqttConfig(
            url=f"mqtts://{HOST}:{broker.tls_port}",
            client_id="mdms-ingest",
            topics=(uplink_topics("cpau"),),
            backoff_s_max=0.1,
            ca=str((authority or broker.authority).file),
            certificate=str(identity.certificate),
            key=str(identity.key),
        ),
        LiveClock(),
    )


async def test_the_daemon_may_come_from_another_host_with_a_certificate_of_its_name(broker):
    ours = broker.authority.issue("mdms-ingest")
    async with ingest_over_tls(broker, ours) as source, asyncio.timeout(40):
        await source.until_connected()
        async with broker.collector(broker.seventeen) as collector:
            await collector.subscribe(DOWN.format(17), qos=1)
            await collector.publish(UP.format(17), b"a batch", qos=1)
            (envelope,) = await anext(source.batches(messages_max=1, bytes_max=9, age_s_max=0))
            await source.ack([envelope])
            await source.publish(DOWN.format(17), b"end")

            assert (envelope.topic, envelope.payload) == (UP.format(17), b"a batch")
            assert await heard(collector) == []


# A handshake that fails leaves paho's socket to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_the_daemon_speaks_to_no_broker_that_its_authority_has_not_signed(broker, tmp_path):
    ours, somebody = (
        broker.authority.issue("mdms-ingest"),
        Authority(tmp_path, name="Somebody's CA"),
    )

    with capture_logs() as logs:
        async with ingest_over_tls(broker, ours, somebody) as source:
            while not logs:
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await source.until_connected()
    gc.collect()  # here, and not in a test that does not expect it

    assert "certificate verify failed" in logs[0]["error"]


async def test_a_certificate_that_is_not_there_is_named(broker, tmp_path):
    missing = str(tmp_path / "none.crt")
    config = MqttConfig(
        url=f"mqtts://{HOST}", client_id="x", topics=(), certificate=missing, key=missing
    )

    with pytest.raises(UsageError, match=r"cannot use .*none\.crt"):
        config.connector()
    with pytest.raises(UsageError, match=r"cannot use .*none\.crt"):
        MqttConfig(url=f"mqtts://{HOST}", client_id="x", topics=(), ca=missing).connector()
