"""
Settings: environment over secret files over a TOML file over the defaults in this module.

`config/mdms.toml` repeats every key with its default, unit and reason; a test keeps the two
alike. Nothing below `mdms.app` reads the environment: each package gets its own frozen config.
"""

import difflib
import os
import stat
import tomllib
from collections.abc import Mapping
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from mdms.domain.errors import UsageError
from mdms.domain.people import Role, conflict

ENVIRONMENT_PREFIX = "MDMS_"
_MASTER_KEY_BYTES = 16
_NOT_SETTINGS = {"MDMS_TEST_DSN", "MDMS_FAULT_SEEDS", "MDMS_CONFIG"}
"""Names with our prefix that other tools read: the test suite's server, the CLI's default file."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class UtilitySettings(_Section):
    """Who runs this system, and where."""

    code: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,16}$")] = "cpau"
    zone: str = "America/Los_Angeles"

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{name!r} is not a time zone of the IANA database") from error
        return name


class DatabaseSettings(_Section):
    """The one durable store."""

    dsn: SecretStr = SecretStr("postgresql://mdms@localhost/mdms")
    connections_max: Annotated[int, Field(ge=3, le=100)] = 8
    statement_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 120.0
    volume: str = ""
    size_gib_max: Annotated[float, Field(ge=0, le=1_000_000)] = 0.0


class MqttSettings(_Section):
    """The broker that collectors publish to."""

    url: str = "mqtt://localhost:1883"
    client_id: Annotated[str, Field(min_length=1, max_length=64)] = "mdms-ingest"
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    receive_max: Annotated[int, Field(ge=1, le=65535)] = 5000
    keepalive_s: Annotated[int, Field(ge=5, le=600)] = 30
    ca: str = ""
    certificate: str = ""
    key: str = ""

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, url: str) -> str:
        if not url.startswith(("mqtt://", "mqtts://")):
            raise ValueError(f"{url!r} must start with mqtt:// or mqtts://")
        return url

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        if bool(self.certificate) != bool(self.key):
            raise ValueError("certificate and key go together")
        if (self.ca or self.certificate) and not self.url.startswith("mqtts://"):
            raise ValueError("ca, certificate and key are for a url that starts with mqtts://")
        return self


class IngestSettings(_Section):
    """How messages are gathered into transactions."""

    messages_max: Annotated[int, Field(ge=1, le=10_000)] = 500
    bytes_max: Annotated[int, Field(ge=65_536, le=1 << 30)] = 2 << 20
    age_s_max: Annotated[float, Field(gt=0, le=60)] = 0.5
    backoff_s_max: Annotated[float, Field(gt=0, le=600)] = 30.0
    read_keys: str = ""
    collector_keys: str = ""


class VeeSettings(_Section):
    """When and by which rules reads are judged."""

    nightly_at: time = time(5, 0)
    ruleset: str = "residential"


class RetentionSettings(_Section):
    """How long what is kept, the policy says; here only what suspends it."""

    hold: bool = False


class CommandsSettings(_Section):
    """What may be done to meters from afar."""

    remote_open: bool = False
    rules: str = ""
    auto_reconnect: bool = True


class SignerSettings(_Section):
    """Who signs commands: a process of its own; the daemon needs its socket only."""

    socket: str = ""
    keys: str = ""
    kek: str = ""
    dsn: SecretStr = SecretStr("postgresql://mdms_signer@localhost/mdms")
    rules: str = ""
    supervisors: str = ""
    seals: str = ""
    peer: str = ""
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = 0


class ApiSettings(_Section):
    """Where the daemon answers, and to whom."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8710
    requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 6000
    tokens: dict[str, "TokenSettings"] = {}


class TokenSettings(_Section):
    """One bearer token, known by its hash only."""

    roles: Annotated[list[Role], Field(min_length=1)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    nouns: list[str] = []
    expires_at: AwareDatetime | None = None

    @field_validator("roles")
    @classmethod
    def _go_together(cls, roles: list[Role]) -> list[Role]:
        if problem := conflict(frozenset(roles)):
            raise ValueError(problem)
        return roles


class AlertSettings(_Section):
    """Where alerts to customers go."""

    webhook: str = ""
    secret: str = ""
    attempts_max: Annotated[int, Field(ge=1, le=100)] = 12

    @field_validator("webhook")
    @classmethod
    def _known_scheme(cls, url: str) -> str:
        if url and not url.startswith(("https://", "http://127.0.0.1", "http://localhost")):
            raise ValueError(f"{url!r} must start with https://, or name this machine")
        return url


class ClientSettings(_Section):
    """How the command line reaches the daemon."""

    url: str = "http://127.0.0.1:8710"
    token: SecretStr = SecretStr("")
    purpose: Annotated[str, Field(max_length=200)] = ""


class ClockSettings(_Section):
    """Where time comes from."""

    source: Literal["system", "simulation"] = "system"


class LogSettings(_Section):
    """What is logged."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = "auto"


class Settings(BaseSettings):
    """Every setting of the system; one section a package."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    utility: UtilitySettings = UtilitySettings()
    database: DatabaseSettings = DatabaseSettings()
    mqtt: MqttSettings = MqttSettings()
    ingest: IngestSettings = IngestSettings()
    vee: VeeSettings = VeeSettings()
    retention: RetentionSettings = RetentionSettings()
    commands: CommandsSettings = CommandsSettings()
    signer: SignerSettings = SignerSettings()
    api: ApiSettings = ApiSettings()
    alerts: AlertSettings = AlertSettings()
    client: ClientSettings = ClientSettings()
    clock: ClockSettings = ClockSettings()
    log: LogSettings = LogSettings()

    @property
    def zone(self) -> ZoneInfo:
        """The utility's time zone."""
        return ZoneInfo(self.utility.zone)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic names the arguments
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over secret files, and those over the TOML file."""
        return env_settings, file_secret_settings, init_settings

    @classmethod
    def load(cls, path: Path | None) -> Self:
        """
        Read settings; `path` None means the defaults and the environment only.

        Raises:
            UsageError: The file cannot be read, or a key or value is wrong; one clear sentence.
        """
        _refuse_unknown_variables(os.environ)
        values = _read_toml(path) if path else {}
        try:
            return cls(**values)
        except ValidationError as error:
            raise UsageError(f"{path or 'environment'}: {_explain(error)}") from error


def read_master_keys(path: Path) -> dict[int, bytes]:
    """
    Read AES-128 master keys: a table [masters] of key_id to 32 hexadecimal digits.

    Raises:
        UsageError: The file is away, others than its owner may read it, or it holds something else.
    """
    text = read_private(path)
    try:
        masters = tomllib.loads(text)["masters"]
        keys = {int(key_id): bytes.fromhex(digits) for key_id, digits in masters.items()}
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise UsageError(
            f"{path} must hold a table [masters] with lines such as "
            '1 = "00112233445566778899aabbccddeeff"'
        ) from error
    if not keys or any(len(key) != _MASTER_KEY_BYTES for key in keys.values()):
        raise UsageError(f"{path} must hold keys of 32 hexadecimal digits")
    return keys


def read_private(path: Path) -> str:
    """
    Read a file of secrets.

    Raises:
        UsageError: The file is away, is no text, or others than its owner may read it.
    """
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise UsageError(f"{path} holds keys and others may read it; run `chmod 600 {path}`")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no text") from error


def config_dir() -> Path:
    """Return the folder of rules and defaults that this installation ships with."""
    installed = Path(__file__).parent / "config"
    return installed if installed.is_dir() else Path(__file__).parent.parent / "config"


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from error


def _refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    sections = {f"{ENVIRONMENT_PREFIX}{name.upper()}" for name in Settings.model_fields}
    for name in environment:
        if not name.startswith(ENVIRONMENT_PREFIX) or name in _NOT_SETTINGS:
            continue
        section = name.split("__", 1)[0].upper()
        if section not in sections:
            raise UsageError(f"{name} is not a setting{_suggest(section, sections)}")


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    *section, key = [str(part) for part in first["loc"]]
    where = f"[{'.'.join(section)}] {key}" if section else f"[{key}]"
    if first["type"] == "extra_forbidden":
        return f"{where} is not a setting{_suggest(key, _keys(section))}"
    return f"{where}: {first['msg'].removeprefix('Value error, ')}"


def _keys(section: list[str]) -> set[str]:
    if not section:
        return set(Settings.model_fields)
    model = Settings.model_fields[section[0]].annotation
    assert isinstance(model, type), "every field of Settings is a section"
    assert issubclass(model, _Section), "every field of Settings is a section"
    return set(model.model_fields) if len(section) == 1 else set()


def _suggest(word: str, known: set[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""
