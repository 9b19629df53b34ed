"""Settings: where they come from, who wins, and what a mistake is answered with."""

from datetime import time
from pathlib import Path

import pytest

from mdms.domain.errors import UsageError
from mdms.settings import Settings, config_dir, read_master_keys


def load(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "mdms.toml"
    path.write_text(text)
    return Settings.load(path)


def test_the_shipped_file_repeats_every_default():
    assert Settings.load(config_dir() / "mdms.toml") == Settings.load(None)


def test_the_shipped_file_names_every_key():
    text = (config_dir() / "mdms.toml").read_text()

    for section, field in Settings.model_fields.items():
        assert f"[{section}]" in text
        assert field.annotation is not None
        for key in field.annotation.model_fields:
            assert f"\n{key} = " in text or f"[{section}.{key}." in text


def test_the_environment_wins_over_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv("MDMS_VEE__NIGHTLY_AT", "04:30")

    settings = load(tmp_path, '[vee]\nnightly_at = "03:00:00"\n[ingest]\nmessages_max = 7\n')

    assert settings.vee.nightly_at == time(4, 30)
    assert settings.ingest.messages_max == 7


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[ingest]\nage_max = 1", "[ingest] age_max is not a setting; did you mean age_s_max?"),
        ("[ingst]\nage_s_max = 1", "[ingst] is not a setting; did you mean ingest?"),
        ("[ingest]\nage_s_max = -1", "[ingest] age_s_max: Input should be greater than 0"),
        ('[mqtt]\nurl = "localhost"', "[mqtt] url: 'localhost' must start with mqtt://"),
        ('[mqtt]\nurl = "mqtts://h"\nkey = "k"', "[mqtt]: certificate and key go together"),
        (
            '[mqtt]\nca = "c"',
            "[mqtt]: ca, certificate and key are for a url that starts with mqtts",
        ),
        ('[utility]\nzone = "Mars/Base"', "is not a time zone of the IANA database"),
        ("[ingest\n", "is not valid TOML"),
        ('[api.tokens.x]\nroles = ["king"]\nsha256 = "0"', "[api.tokens.x"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_the_file_and_the_key(tmp_path, text, sentence):
    with pytest.raises(UsageError) as refused:
        load(tmp_path, text)

    assert sentence in str(refused.value)
    assert "mdms.toml" in str(refused.value)
    assert "\n" not in str(refused.value).strip()


def test_an_unknown_variable_is_refused(monkeypatch):
    monkeypatch.setenv("MDMS_INGST__AGE_S_MAX", "1")

    with pytest.raises(UsageError, match="MDMS_INGST__AGE_S_MAX is not a setting; did you mean"):
        Settings.load(None)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"absent\.toml cannot be read"):
        Settings.load(tmp_path / "absent.toml")


def test_secrets_do_not_show_when_settings_are_printed(tmp_path):
    settings = load(tmp_path, '[database]\ndsn = "postgresql://u:hunter2@h/d"\n')

    assert "hunter2" not in repr(settings)


def key_file(tmp_path: Path, text: str, mode: int = 0o600) -> Path:
    path = tmp_path / "keys.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_master_keys_come_from_a_file_that_only_its_owner_may_read(tmp_path):
    text = f'[masters]\n1 = "{"0f" * 16}"\n'

    assert read_master_keys(key_file(tmp_path, text)) == {1: b"\x0f" * 16}
    for mode in (0o640, 0o604):
        with pytest.raises(UsageError, match="chmod 600"):
            read_master_keys(key_file(tmp_path, text, mode))


@pytest.mark.parametrize(
    "text",
    ["", "[masters]\n", "masters = 1", "[masters]\n1 = 7", '[masters]\n1 = "00"',
     '[masters]\none = "00"', "[masters"],
)  # fmt: skip
def test_a_file_without_master_keys_is_refused(tmp_path, text):
    with pytest.raises(UsageError, match=r"must hold"):
        read_master_keys(key_file(tmp_path, text))


def test_a_file_of_master_keys_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        read_master_keys(tmp_path / "none.toml")
