"""The compose file, as far as it can be looked at without Docker: it agrees with the rest of us."""

import re
from pathlib import Path
from typing import Any

import pytest

from mdms.cli.deferred import NOUNS
from mdms.settings import Settings, config_dir

COMPOSE = config_dir() / "compose"
TEXT = (COMPOSE / "compose.yml").read_text()
DOCKERFILE = (COMPOSE / "Dockerfile").read_text()
ROOT = config_dir().parent
SERVICES = dict(
    re.findall(
        r"^  (\w+):\n((?:    .*\n|\n|  #.*\n)+)", TEXT.partition("\nservices:\n")[2], re.MULTILINE
    )
)


def test_what_it_mounts_exists():
    mounted = [
        source
        for source in re.findall(r"- (\.[^:\s]+):/", TEXT)
        if not source.startswith("./secrets/")  # which each installation makes for itself
    ]

    assert len(mounted) >= 6
    for source in mounted:
        assert (COMPOSE / source).exists(), source


def test_every_setting_it_gives_is_one():
    for name in set(re.findall(r"\bMDMS_[A-Z]+__[A-Z_]+", TEXT + DOCKERFILE)):
        section, key = name.removeprefix("MDMS_").lower().split("__")
        model: Any = Settings.model_fields[section].annotation
        assert key in model.model_fields, name


def test_every_secret_it_asks_for_is_in_the_example():
    asked = set(re.findall(r"\$\{(\w+):\?\}", TEXT))
    example = set(re.findall(r"^(\w+)=$", (COMPOSE / ".env.example").read_text(), re.MULTILINE))

    assert asked <= example
    assert not re.search(r"(?i)password: (?!\$\{)", TEXT), "no password stands in the file"


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"pod"}))
def test_all_share_one_network_so_that_the_files_of_config_hold(name):
    body = SERVICES[name]

    assert "network_mode: service:pod" in body or "<<: *mdms" in body
    assert "ports:" not in body


def test_only_the_brokers_port_is_open_to_others():
    (ports,) = re.findall(r"ports: (.*)", SERVICES["pod"])
    opened = re.findall(r'"([\d.:]+)"', ports)

    assert [port for port in opened if not port.startswith("127.0.0.1:")] == ["8883:8883"]
    assert f"127.0.0.1:{Settings().api.port}:{Settings().api.port}" in opened
    assert "listener 8883" in (config_dir() / "mosquitto" / "mosquitto.conf").read_text()


def test_the_image_runs_commands_that_exist_as_users_without_rights():
    ran = re.findall(r"^    command: \[(\w+)", TEXT, re.MULTILINE)

    assert {"serve", "signer", "db"} == set(ran) <= set(NOUNS)
    assert "USER mdms" in DOCKERFILE
    (signer_user,) = re.findall(r'user: "(\d+):', SERVICES["signer"])
    assert f"--uid {signer_user}" in DOCKERFILE


def test_the_image_is_made_of_what_there_is():
    for source in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE):
        for each in source.split():
            assert (ROOT / each).exists(), each
    packaged = re.findall(r"packages = \[(.*)\]", (ROOT / "pyproject.toml").read_text())[0]
    for package in re.findall(r'"(\w+)"', packaged):
        assert f"COPY {package} {package}" in DOCKERFILE


def test_settings_by_environment_are_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in re.findall(
        r"^      (MDMS_\w+__\w+): (\S+)$", SERVICES["signer"], re.MULTILINE
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    settings = Settings.load(None)

    assert settings.signer.socket == "/run/mdms-signer/socket"
    assert settings.signer.peer == "mdms"
