"""What the doctor says of brokers."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mdms.doctor.broker import check_broker
from mdms.doctor.findings import Level
from mdms.embedded import processes
from mdms.embedded.broker import EmbeddedBroker
from mdms.settings import config_dir
from tests.brokers import Mosquitto, mosquitto
from tests.integration.operations.doctor import broker_settings, found

pytestmark = [pytest.mark.broker, pytest.mark.slow]


needs_mosquitto = pytest.mark.skipif(mosquitto() is None, reason="mosquitto is not installed")


async def test_a_broker_that_is_away_is_a_problem():
    findings = await check_broker(broker_settings(f"mqtt://127.0.0.1:{processes.free_port()}"))

    assert found(findings, "broker")[0] is Level.PROBLEM
    assert "[mqtt] url" in found(findings, "broker")[1]


async def test_a_broker_that_knows_us_by_certificate_is_left_alone():
    findings = await check_broker(
        broker_settings("mqtts://127.0.0.1:1", certificate="ours.crt", key="ours.key")
    )

    assert found(findings, "broker limits")[0] is Level.WARNING


async def test_an_authority_that_cannot_be_read_is_named(tmp_path):
    findings = await check_broker(broker_settings("mqtts://127.0.0.1:1", ca=str(tmp_path / "none")))

    assert found(findings, "broker")[0] is Level.PROBLEM
    assert "none" in found(findings, "broker")[1]


async def test_the_embedded_broker_is_fit(tmp_path):
    with EmbeddedBroker(tmp_path) as broker:
        findings = await check_broker(broker_settings(broker.url))

    assert found(findings, "broker") == (Level.OK, "the broker answers on MQTT 3.1.1")
    assert found(findings, "broker limits")[0] is Level.OK


async def test_a_protocol_that_the_broker_has_not_is_a_problem(tmp_path):
    with EmbeddedBroker(tmp_path) as broker:
        findings = await check_broker(broker_settings(broker.url, protocol="5"))

    assert found(findings, "broker")[0] is Level.PROBLEM
    assert "[mqtt] protocol" in found(findings, "broker")[1]


@needs_mosquitto
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_a_mosquitto_set_up_as_ours_is_fit(tmp_path, protocol):
    with Mosquitto(tmp_path, inflight_max=5000) as broker:
        findings = await check_broker(broker_settings(broker.url, protocol=protocol))

    assert [each.level for each in findings] == [Level.OK, Level.OK]


@needs_mosquitto
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
@pytest.mark.parametrize(
    ("settings", "check", "sentence"),
    [
        ("max_queued_messages 100", "broker queue", "dropped 1900 of 2000 messages"),
        ("max_packet_size 100000", "broker size", "refuses a message of 1 MiB"),
    ],
)
async def test_limits_that_are_too_small_are_problems(
    tmp_path, settings, check, sentence, protocol
):
    with Mosquitto(tmp_path, inflight_max=5000, settings=settings) as broker:
        findings = await check_broker(broker_settings(broker.url, protocol=protocol))

    assert found(findings, check)[0] is Level.PROBLEM
    assert sentence in found(findings, check)[1]


@needs_mosquitto
@pytest.mark.parametrize(
    ("inflight_max", "receive_max", "protocol"),
    [(20, 5000, "3.1.1"), (5000, 20, "5")],  # in MQTT 5 the client's word counts
)
async def test_a_window_smaller_than_a_batch_is_a_problem(
    tmp_path, inflight_max, receive_max, protocol
):
    with Mosquitto(tmp_path, inflight_max=inflight_max) as broker:
        settings = broker_settings(broker.url, protocol=protocol, receive_max=receive_max)
        findings = await check_broker(settings)

    assert found(findings, "broker window")[0] is Level.PROBLEM
    assert "stops after 20 unacknowledged" in found(findings, "broker window")[1]


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[str]:
    """Mosquitto with passwords and the access list that we ship; its address."""
    passwords = tmp_path / "passwd"
    subprocess.run(
        ["mosquitto_passwd", "-b", "-c", passwords, "mdms-ingest", "right"],
        check=True, capture_output=True,
    )  # fmt: skip
    passwords.chmod(0o600)
    access = config_dir() / "mosquitto" / "acl"
    settings = f"allow_anonymous false\npassword_file {passwords}\nacl_file {access}"
    with Mosquitto(tmp_path / "broker", inflight_max=5000, settings=settings) as broker:
        yield broker.url.removeprefix("mqtt://")


@needs_mosquitto
@pytest.mark.parametrize("credentials", ["", "mdms-ingest:wrong@", "nobody:right@"])
async def test_wrong_credentials_are_a_problem(guarded, credentials):
    findings = await check_broker(broker_settings(f"mqtt://{credentials}{guarded}"))

    assert found(findings, "broker")[0] is Level.PROBLEM
    assert "user and password" in found(findings, "broker")[1]
    assert "wrong" not in found(findings, "broker")[1]


@needs_mosquitto
async def test_our_access_list_lets_the_doctor_work(guarded):
    findings = await check_broker(broker_settings(f"mqtt://mdms-ingest:right@{guarded}"))

    assert [each.level for each in findings] == [Level.OK, Level.OK]


@needs_mosquitto
async def test_an_access_list_without_the_doctor_is_a_warning(guarded):
    settings = broker_settings(f"mqtt://mdms-ingest:right@{guarded}")
    elsewhere = settings.model_copy(
        update={"utility": settings.utility.model_copy(update={"code": "other"})}
    )

    findings = await check_broker(elsewhere)

    assert found(findings, "broker limits")[0] is Level.WARNING
    assert "ami/v1/other/head/doctor/#" in found(findings, "broker limits")[1]
