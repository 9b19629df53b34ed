"""The compose file and its image, as far as they can be looked at without Docker."""

import re
import shlex
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pytest

from mdms.cli.deferred import NOUNS
from mdms.settings import Settings, config_dir

yaml: Any = import_module("yaml")  # it comes without types

COMPOSE = config_dir() / "compose"
TEXT = (COMPOSE / "compose.yml").read_text()
FILE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
ROOT = config_dir().parent
MAY_STAND_IN_A_SERVICE: Final = {
    "build", "cap_drop", "command", "depends_on", "entrypoint", "environment", "healthcheck",
    "image", "logging", "network_mode", "ports", "profiles", "read_only", "restart",
    "security_opt", "shm_size", "stop_grace_period", "tmpfs", "user", "volumes",
}  # fmt: skip
"""Those of the Compose specification that we use: a mistyped one would do nothing, silently."""


def instructions(text: str) -> list[tuple[str, str]]:
    """Return a Dockerfile's instructions with their arguments, lines joined."""
    joined = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^\s*#.*\n", "", text))
    return [(line.split()[0], line.partition(" ")[2]) for line in joined.splitlines() if line]


DOCKERFILE = instructions((COMPOSE / "Dockerfile").read_text())


def arguments(name: str) -> list[str]:
    return [rest for each, rest in DOCKERFILE if each == name]


def mounts(service: dict[str, Any]) -> list[tuple[str, str]]:
    return [tuple(each.split(":")[:2]) for each in service.get("volumes", [])]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_one_that_compose_can_read(name):
    service = SERVICES[name]

    assert service.keys() <= MAY_STAND_IN_A_SERVICE
    assert "image" in service
    assert service["restart"] in {"unless-stopped", "no"}
    for other, how in service.get("depends_on", {}).items():
        assert how["condition"] in {"service_started", "service_healthy"}
        assert other in SERVICES
        if how["condition"] == "service_healthy":
            assert SERVICES[other]["healthcheck"]["test"]


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"pod"}))
def test_all_share_one_network_so_that_the_files_of_config_hold(name):
    assert SERVICES[name]["network_mode"] == "service:pod"
    assert "ports" not in SERVICES[name]


def test_every_image_is_of_a_version_that_somebody_chose():
    images = [service["image"] for service in SERVICES.values() if "build" not in service]
    bases = [argument.split()[0] for argument in arguments("FROM")]

    assert len(images) == 5
    for image in [*images, *bases]:
        assert re.fullmatch(r"[\w./-]+:v?\d+\.[\w.-]+", image), image


def test_what_it_mounts_exists():
    mounted = [
        source
        for service in SERVICES.values()
        for source, _ in mounts(service)
        if source.startswith(".") and not source.startswith("./secrets/")  # made on the spot
    ]
    used = {
        source
        for service in SERVICES.values()
        for source, _ in mounts(service)
        if not source.startswith(".")
    }

    assert len(mounted) >= 6
    for source in mounted:
        assert (COMPOSE / source).exists(), source
    assert used == set(FILE["volumes"])


def test_programs_find_their_files_where_they_are_mounted():
    """What a mounted file or a command names is mounted in that container too."""

    def targets(name: str) -> list[str]:
        return [target for _, target in mounts(SERVICES[name])]

    def is_there(path: str, name: str) -> bool:
        return any(path == each or path.startswith(f"{each}/") for each in targets(name))

    mosquitto = (config_dir() / "mosquitto" / "mosquitto.conf").read_text()
    for path in re.findall(r"(?m)^\w+ (/etc/mosquitto/\S+)", mosquitto):
        assert is_there(path, "broker"), path
    prometheus = (config_dir() / "prometheus" / "prometheus.yml").read_text()
    assert "- rules/*.yml" in prometheus
    assert {"/etc/prometheus/prometheus.yml", "/etc/prometheus/rules"} <= set(targets("prometheus"))
    grafana = (config_dir() / "grafana/provisioning/dashboards/mdms.yml").read_text()
    for path in re.findall(r"path: (\S+)", grafana):
        assert is_there(path, "grafana"), path
    for name, value in SERVICES["signer"]["environment"].items():
        if value.startswith("/"):
            assert is_there(value, "signer"), name


def test_every_setting_it_gives_is_one():
    given = [name for service in SERVICES.values() for name in service.get("environment", {})]
    given += [each.partition("=")[0] for line in arguments("ENV") for each in shlex.split(line)]

    ours = [name for name in given if re.match(r"MDMS_\w+__", name)]
    assert ours
    for name in ours:
        section, key = name.removeprefix("MDMS_").lower().split("__")
        model: Any = Settings.model_fields[section].annotation
        assert key in model.model_fields, name


def test_every_secret_it_asks_for_is_in_the_example_and_none_stands_in_the_file():
    asked = set(re.findall(r"\$\{(\w+):\?\}", TEXT))
    example = re.findall(r"^(\w+)=$", (COMPOSE / ".env.example").read_text(), re.MULTILINE)

    assert asked == set(example)
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            assert "PASSWORD" not in name or re.fullmatch(r"\$\{\w+:\?\}", value), name


def test_only_the_brokers_port_is_open_to_others():
    opened = SERVICES["pod"]["ports"]

    assert [port for port in opened if not port.startswith("127.0.0.1:")] == ["8883:8883"]
    assert f"127.0.0.1:{Settings().api.port}:{Settings().api.port}" in opened
    assert "listener 8883" in (config_dir() / "mosquitto" / "mosquitto.conf").read_text()


def test_our_own_containers_may_write_nothing_and_run_as_users_without_rights():
    ours = {name: service for name, service in SERVICES.items() if service["image"] == "mdms"}

    assert ours.keys() == {"migrate", "signer", "daemon"}
    for service in ours.values():
        assert service["command"][0] in NOUNS
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    users = " ".join(arguments("RUN"))
    assert arguments("USER") == ["mdms"]
    assert f"--uid {ours['signer']['user'].partition(':')[0]} " in users


def test_logs_and_metrics_are_bounded():
    for name in set(SERVICES) - {"pod"}:
        assert SERVICES[name]["logging"]["options"].keys() == {"max-size", "max-file"}, name
    kept = [each for each in SERVICES["prometheus"]["command"] if "retention" in each]
    assert len(kept) == 2


def test_the_image_is_made_of_what_there_is_and_runs_what_is_installed():
    sources = [each for each in arguments("COPY") if not each.startswith("--from")]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    copied = [source for line in sources for source in line.split()[:-1]]
    stages = re.findall(r" AS (\w+)", " ".join(arguments("FROM")))

    for source in copied:
        assert (ROOT / source).exists(), source
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert {*wheel["packages"], *wheel["force-include"]} <= set(copied)
    for line in arguments("COPY"):
        if stage := re.match(r"--from=(\w+)", line):
            assert stage[1] in stages
    (entry,) = arguments("ENTRYPOINT")
    (command,) = arguments("CMD")
    assert yaml.safe_load(entry)[0] in project["project"]["scripts"]
    assert yaml.safe_load(command)[0] in NOUNS
    requirements = (ROOT / "requirements" / "run.txt").read_text()
    assert project["build-system"]["requires"] == ["hatchling"]
    assert "\nhatchling==" in requirements, "built without isolation: the build's tools are locked"


def test_settings_by_environment_are_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in SERVICES["signer"]["environment"].items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)

    settings = Settings.load(None)

    assert settings.signer.socket == "/run/mdms-signer/socket"
    assert settings.signer.peer == "mdms"
