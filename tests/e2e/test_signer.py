"""The signer as its keeper runs it: keys, a process, a breaker that is released."""

import asyncio
import socket
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from commands.signing import keys
from commands.signing.client import SocketSigner
from mdms.app.clock import SystemClock
from mdms.cli import app
from mdms.domain.controls import Opcode
from mdms.domain.errors import OperatorError, UsageError
from mdms.storage.unit_of_work import open_store
from tests.integration.commands.town import a_town, an_open, command_of, store_opens
from tests.signing import SignerProcess, an_edition, write_signer_files

pytestmark = [pytest.mark.db, pytest.mark.slow]

CLOCK = SystemClock()


@pytest.fixture
def config(tmp_path: Path, database: str) -> Path:
    edition = an_edition(per_hour=1)
    return write_signer_files(tmp_path / "signer", database, edition=edition)


def mdms(*arguments: object, config: Path) -> Result:
    done = CliRunner().invoke(app, [*map(str, arguments), "--config", str(config)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def unwrapped(config: Path) -> dict[int, bytes]:
    kek = keys.parse_kek(config.with_name("kek").read_text())
    return keys.unwrap(config.with_name("keys.toml").read_text(), kek)


def test_keys_are_made_wrapped_and_rotated_and_none_is_ever_shown(config):
    for name in ("kek", "keys.toml"):
        config.with_name(name).unlink()

    made = mdms("signer", "keys", "init", config=config)
    first = unwrapped(config)
    rotated = mdms("signer", "keys", "rotate", config=config)
    listed = mdms("signer", "keys", "ls", "-o", "csv", config=config)

    both = unwrapped(config)
    assert listed.stdout.split() == ["key_id", "1", "2"]
    assert both[1] == first[1] != both[2]
    shown = made.output + rotated.output + listed.output
    assert all(key.hex() not in shown for key in both.values())
    for name in ("kek", "keys.toml"):
        assert stat.S_IMODE(config.with_name(name).stat().st_mode) == 0o600
    with pytest.raises(UsageError, match="File exists"):
        mdms("signer", "keys", "init", config=config)


def test_plain_keys_of_a_ceremony_are_wrapped(config, tmp_path):
    config.with_name("keys.toml").unlink()
    plain = tmp_path / "plain.toml"
    plain.touch(mode=0o600)
    plain.write_text(f'[masters]\n7 = "{bytes(16).hex()}"\n')

    mdms("signer", "keys", "wrap", plain, config=config)

    assert unwrapped(config) == {7: bytes(16)}


def test_the_service_manager_hears_when_it_is_ready_and_when_it_ends(config, tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "notify"))
        line.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "1000000")

        process = SignerProcess(config)
        heard = [line.recv(64) for _ in range(3)]
        status = process.stop()
        while heard[-1] in {b"READY=1", b"WATCHDOG=1"}:
            heard.append(line.recv(64))

    assert status == 0
    assert b"READY=1" in heard[:2]
    assert b"WATCHDOG=1" in heard
    assert heard[-1] == b"STOPPING=1"


def test_a_process_shows_no_key_in_its_log_or_environment(config):
    process = SignerProcess(config)
    asyncio.run(_sign_and_verify(process))
    process.kill()

    secrets = [*unwrapped(config).values(), bytes.fromhex(config.with_name("kek").read_text())]
    log = process.log.read_text()
    assert "signer.started" in log
    assert "SIGNER_KEY" not in log
    for secret in secrets:
        assert secret.hex() not in log
        assert repr(secret)[2:-1] not in log


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_no_process_of_the_same_user_may_look_into_its_memory(config):
    process = SignerProcess(config)
    status = Path(f"/proc/{process.pid}/status").stat()
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    process.kill()

    assert status.st_uid == 0, "what may not be dumped belongs to root"
    assert "Max core file size        0                    0" in limits


def test_two_supervisors_release_the_breaker_by_the_command_line(config, database, tmp_path):
    process = SignerProcess(config)
    before = mdms("signer", "status", "-o", "csv", config=config)
    asyncio.run(_open_two(process, database))
    for name in ("ada", "bob"):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(f"{name}\n")

    standing = mdms("signer", "status", "-o", "json", config=config)
    with pytest.raises(OperatorError, match="not a proof"):
        mdms("signer", "release", "ada", "--secret-file", tmp_path / "bob", config=config)
    first = mdms("signer", "release", "ada", "--secret-file", tmp_path / "ada", config=config)
    second = mdms("signer", "release", "bob", "--secret-file", tmp_path / "bob", config=config)
    with pytest.raises(OperatorError, match="nothing to release"):
        mdms("signer", "release", "bob", "--secret-file", tmp_path / "bob", config=config)
    assert process.stop() == 0

    assert "closed" in before.stdout
    assert "1 of 1 opens in an hour" in standing.stdout
    assert "another supervisor" in first.stdout
    assert second.stdout.endswith("released\n")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"kek": "00" * 32}, "was wrapped under another key-encryption key"),
        ({"kek": "no key"}, "64 hexadecimal digits"),
        ({"keys.toml": ""}, "mdms signer keys init"),
        ({"rules/calendars/2026.toml": "year = 2026"}, "2026.toml"),
    ],
)
def test_what_it_cannot_use_ends_it_with_one_sentence(config, changes, sentence):
    for name, text in changes.items():
        (config.parent / name).write_text(text)

    done = subprocess.run(
        [sys.executable, "-m", "mdms", "signer", "--config", str(config)],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip

    assert done.returncode in {1, 2}
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


async def _sign_and_verify(process: SignerProcess) -> None:
    line = SocketSigner(process.socket, CLOCK)
    close = replace(command_of(an_open(0, CLOCK.now())), opcode=Opcode.CLOSE)
    await line.sign(close)
    await line.close()


async def _open_two(process: SignerProcess, database: str) -> None:
    opens = [an_open(n, CLOCK.now()) for n in range(2)]
    async with open_store(database, connections_max=2, statement_timeout_s=30) as store:
        async with store() as work:
            await work.registry.merge(a_town(2, transformer_count=2))
        await store_opens(store, opens)
    line = SocketSigner(process.socket, CLOCK)
    await line.sign(command_of(opens[0]))
    with pytest.raises(OperatorError, match="RD_BUDGET"):
        await line.sign(command_of(opens[1]))
    await line.close()
