"""The simulator's side of the broker, on real ones: nothing is lost, nobody runs ahead."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiomqtt
import pandas as pd
import pytest

from mdms.embedded.broker import EmbeddedBroker
from simulators.backhaul import Backhaul
from simulators.collector import Collector, Topic
from simulators.journal import Received
from simulators.mishaps import Mishaps
from simulators.mqtt import Broker, MqttPace, MqttUplink
from simulators.radio import Faults
from tests.brokers import LiveClock, Mosquitto, mosquitto

pytestmark = [pytest.mark.broker, pytest.mark.slow]

NODELAY = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)
COLLECTOR = Collector(4, 99, 7, Backhaul(1, 4, 0, Faults.NONE), Mishaps(1, 4, Faults.NONE))


@pytest.fixture(params=["embedded", "mosquitto"])
def broker(request, tmp_path):
    if request.param == "embedded":
        with EmbeddedBroker(tmp_path / "broker") as running:
            yield running
        return
    if mosquitto() is None:
        pytest.skip("Mosquitto is not installed")
    with Mosquitto(tmp_path / "broker", inflight_max=1_000) as running:
        yield running


@asynccontextmanager
async def follower(
    url: str,
    name: str = "daemon",
    steps: list[dict[str, Any]] | None = None,
    step_s: int | None = None,
) -> AsyncIterator[list[aiomqtt.Message]]:
    """Answer every grant, and pass messages on, for as long as the block runs."""
    messages: list[aiomqtt.Message] = []
    broker = Broker.of(url)
    client = aiomqtt.Client(broker.host, broker.port, socket_options=NODELAY)

    async def follow() -> None:
        async for message in client.messages:
            if message.topic.matches("ami/v1/cpau/sim/time"):
                grant = json.loads(message.payload)
                if steps is not None:
                    steps.append(grant)
                said = {"step": grant["step"], "who": name}
                answer = json.dumps(said if step_s is None else {**said, "step_s": step_s})
                await client.publish("ami/v1/cpau/sim/done", answer, 1)
            else:
                messages.append(message)

    async with client:
        await client.subscribe([("ami/v1/cpau/col/#", 1), ("ami/v1/cpau/sim/time", 1)])
        task = asyncio.create_task(follow())
        try:
            yield messages
        finally:
            # Python 3.11's wait_for may lose a cancellation that comes with its result.
            while not task.done():
                task.cancel()
                await asyncio.wait([task], timeout=0.1)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await LiveClock().sleep(0.02)


async def test_the_first_grant_is_said_until_a_late_follower_hears_it(broker):
    pace = MqttPace(Broker.of(broker.url), "cpau", ["daemon"], LiveClock().sleep)
    granting = asyncio.create_task(pace.grant(0, 1_793_692_800, {}, {}))
    await LiveClock().sleep(0.3)
    assert not granting.done()

    steps: list[dict[str, Any]] = []
    async with follower(broker.url, steps=steps):
        await granting
        await pace.grant(1, 1_793_693_700, {4: 8}, {})
    await pace.close()

    assert {"step": 0, "t_us": 1_793_692_800_000_000, "seq": {}} in steps
    assert steps[-1] == {"step": 1, "t_us": 1_793_693_700_000_000, "seq": {"4": 8}}
    assert [grant["step"] for grant in steps].count(1) == 1


async def test_a_grant_waits_for_every_follower(broker):
    pace = MqttPace(Broker.of(broker.url), "cpau", ["daemon", "signer"], LiveClock().sleep)
    async with follower(broker.url):
        granting = asyncio.create_task(pace.grant(0, 0, {}, {}))
        await LiveClock().sleep(0.3)
        assert not granting.done()

        async with follower(broker.url, name="signer"):
            await granting
    await pace.close()


async def test_a_batch_arrives_whole_on_its_collectors_topic_after_the_state(broker):
    uplink = MqttUplink(Broker.of(broker.url), "cpau", [COLLECTOR], LiveClock().sleep)
    async with follower(broker.url) as messages:
        await uplink.publish(4, Topic.READ, b"FNB1" + bytes(200))
        await uplink.close()
        await until(lambda: len(messages) >= 3)

    said = {(str(m.topic), bytes(m.payload)) for m in messages}
    assert ("ami/v1/cpau/col/4/up/read", b"FNB1" + bytes(200)) in said
    states = [json.loads(m.payload) for m in messages if str(m.topic).endswith("/state")]
    online = {"s": "online", "id": 4, "boot": 99, "seq": 7, "oldest_seq": 8, "buf": 0}
    assert states == [online, {"s": "offline", "id": 4}]


async def test_a_collector_hears_what_it_is_told_also_what_came_while_it_was_away(broker):
    uplink = MqttUplink(Broker.of(broker.url), "cpau", [COLLECTOR], LiveClock().sleep)
    heard: list[Received] = []

    def heard_all(count: int) -> bool:
        heard.extend(uplink.received())
        return len(heard) >= count

    address = Broker.of(broker.url)
    async with aiomqtt.Client(address.host, address.port, socket_options=NODELAY) as head_end:
        await uplink.attend()
        await head_end.publish("ami/v1/cpau/col/4/down/cmd", bytes(64), 1)
        await until(lambda: heard_all(1))
        await uplink.close()
        await head_end.publish("ami/v1/cpau/col/4/down/ctl", b"{}", 1)
        await uplink.attend()
        await until(lambda: heard_all(2))
    await uplink.close()

    assert heard == [Received(4, "cmd", bytes(64)), Received(4, "ctl", b"{}")]


async def test_the_next_step_is_as_short_as_a_follower_wants(broker):
    pace = MqttPace(Broker.of(broker.url), "cpau", ["daemon", "other"], LiveClock().sleep)
    async with follower(broker.url, step_s=1), follower(broker.url, name="other"):
        step_s = await pace.grant(0, 0, {}, {})
    await pace.close()

    assert step_s == 1


async def test_publishing_waits_for_the_broker_and_outlives_its_restart(tmp_path):
    with EmbeddedBroker(tmp_path / "broker") as running:
        url = running.url
        running.stop()
        uplink = MqttUplink(Broker.of(url), "cpau", [COLLECTOR], LiveClock().sleep)
        publishing = asyncio.create_task(uplink.publish(4, Topic.READ, b"first"))
        await LiveClock().sleep(0.2)
        assert not publishing.done()

        running.start()
        await publishing
        running.stop()
        running.start()
        await uplink.publish(4, Topic.READ, b"second")
        await uplink.close()


async def test_a_process_stopped_in_the_middle_leaves_the_truth_so_far(tmp_path):
    with EmbeddedBroker(tmp_path / "broker") as running:
        async with follower(running.url):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "simulators", "run", "--broker", running.url,
                "--out", str(tmp_path), "--meters", "20", "--days", "30",
                stdout=asyncio.subprocess.PIPE, env={**os.environ},
            )  # fmt: skip
            assert process.stdout is not None
            first = json.loads(await process.stdout.readline())
            process.send_signal(signal.SIGTERM)
            rest = await process.stdout.read()
            status = await process.wait()

    assert status == 128 + signal.SIGTERM
    assert first["step"] == 16
    last = json.loads(rest.splitlines()[-1])
    assert not last["done"]
    intervals = pd.read_parquet(tmp_path / "truth" / "intervals.parquet")
    assert intervals["sent"].any()
    ends = intervals["start_utc"].max() + pd.Timedelta(minutes=15)
    assert ends <= pd.Timestamp(last["at"])


async def test_a_killed_process_goes_on_when_it_is_started_again(tmp_path):
    async def start(url: str, out: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "simulators", "run", "--broker", url,
            "--out", str(tmp_path / out), "--meters", "20", "--days", "1",
            stdout=asyncio.subprocess.PIPE, env={**os.environ},
        )  # fmt: skip

    with EmbeddedBroker(tmp_path / "broker") as running:
        async with follower(running.url) as messages:
            whole = await start(running.url, "whole")
            await whole.communicate()
            undisturbed = {bytes(m.payload) for m in messages if m.topic.matches("+/+/+/+/+/up/+")}
            messages.clear()

            killed = await start(running.url, "killed")
            assert killed.stdout is not None
            await killed.stdout.readline()
            killed.kill()
            await killed.communicate()
            again = await start(running.url, "killed")
            reports, _ = await again.communicate()
            in_two = {bytes(m.payload) for m in messages if m.topic.matches("+/+/+/+/+/up/+")}

    assert again.returncode == 0
    assert json.loads(reports.splitlines()[0])["step"] >= 32
    assert in_two == undisturbed
    for name in ("intervals", "registers"):
        tables = [
            pd.read_parquet(tmp_path / out / "truth" / f"{name}.parquet")
            for out in ("whole", "killed")
        ]
        assert tables[0].equals(tables[1])


async def test_a_city_that_is_served_says_when_its_office_morning_has_come(tmp_path):
    with EmbeddedBroker(tmp_path / "broker") as running:
        async with follower(running.url):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "simulators", "run", "--broker", running.url,
                "--out", str(tmp_path), "--meters", "5", "--days", "1", "--serve",
                stdout=asyncio.subprocess.PIPE, env={**os.environ},
            )  # fmt: skip
            assert process.stdout is not None
            done: list[str] = []
            while len(done) < 2:
                report = json.loads(await process.stdout.readline())
                done += [report["at"]] if report["done"] else []
            process.send_signal(signal.SIGTERM)
            await process.wait()

    over, morning = map(pd.Timestamp, done)
    assert over == pd.Timestamp("2026-11-04T00:00-08:00")
    assert morning == pd.Timestamp("2026-11-04T10:00-08:00")
