import pytest

from mdms.domain.errors import UsageError
from simulators.keys import Keys, cmac

KEY = bytes(range(16))


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("", "bb1d6929e95937287fa37d129b756746"),
        ("6bc1bee22e409f96e93d7e117393172a", "070a16b46b4d4144f79bdd9dd04a287c"),
    ],
)
def test_the_code_is_that_of_rfc_4493(message, code):
    key = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")

    assert cmac(key, bytes.fromhex(message)).hex() == code


def test_a_meter_has_two_keys_of_its_own_for_each_master():
    keys = Keys({1: KEY}, {1: KEY[::-1]})

    assert keys.command_key(7, 1) == cmac(KEY, b"mdms-command\x07\x00\x00\x00")
    assert keys.command_key(8, 1) != keys.command_key(7, 1)
    assert keys.command_key(7, 2) is None
    read_key = cmac(KEY[::-1], b"mdms-read\x07\x00\x00\x00")
    assert keys.tag(7, 1, b"frame") == cmac(read_key, b"frame")[:4]


def test_keys_are_read_from_two_files(tmp_path):
    (tmp_path / "command.toml").write_text(f'[masters]\n"1" = "{KEY.hex()}"\n')
    (tmp_path / "read.toml").write_text(f'[masters]\n"2" = "{KEY.hex()}"\n')

    assert Keys.load(tmp_path) == Keys({1: KEY}, {2: KEY})


def test_collectors_sign_with_the_newest_of_their_keys(tmp_path):
    for name in ("command", "read"):
        (tmp_path / f"{name}.toml").write_text(f'[masters]\n1 = "{KEY.hex()}"\n')
    path = tmp_path / "collectors.toml"
    path.write_text('[collectors.3]\nkeys = ["0a0b", "0c"]\n')

    assert Keys.load(tmp_path).collectors == {3: b"\x0a\x0b"}
    path.write_text("[collectors.3]\nkeys = []\n")
    with pytest.raises(UsageError, match=r"collectors\.toml holds no keys"):
        Keys.load(tmp_path)


@pytest.mark.parametrize("text", ["", "[masters]\n", '[masters]\n"1" = "00"\n', "no toml"])
def test_a_file_without_keys_gets_one_sentence(tmp_path, text):
    (tmp_path / "command.toml").write_text(text)

    with pytest.raises(UsageError, match=r"command\.toml holds no master keys"):
        Keys.load(tmp_path)
