"""
The meters' command keys: wrapped where they rest, hidden where they are used.

A master key rests encrypted under a key-encryption key that lies elsewhere (a file of its own, or
a credential of the service manager), AES-256-GCM, bound to its number: keys cannot be swapped.
"""

import secrets
import tomllib
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from commands import codecs
from mdms.domain.errors import UsageError

MASTER_BYTES: Final = 16
KEK_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_KEY_ID_MAX: Final = 0xFFFF
"""Two bytes of an envelope."""

_HEAD = (
    "# Master keys of meters' commands, wrapped; `mdms signer keys` changes this file.\n[wrapped]\n"
)


class KeyRing:
    """Master keys by number; however it is printed, it shows the numbers only."""

    __slots__ = ("_masters",)

    def __init__(self, masters: Mapping[int, bytes]) -> None:
        self._masters = dict(masters)

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(map(str, self.key_ids))})"

    @property
    def key_ids(self) -> tuple[int, ...]:
        """Numbers of the keys, the newest last."""
        return tuple(sorted(self._masters))

    def of_meter(self, key_id: int, radio_id: int) -> bytes | None:
        """Return a meter's own command key; None where there is no such master key."""
        master = self._masters.get(key_id)
        return None if master is None else meter_key(master, radio_id)


def meter_key(master: bytes, radio_id: int) -> bytes:
    """Return a meter's own command key (headend.md 2.9)."""
    return codecs.cmac(master, b"mdms-command" + radio_id.to_bytes(4, "little"))


def new_master() -> bytes:
    """Return a fresh master key."""
    return secrets.token_bytes(MASTER_BYTES)


def new_kek() -> str:
    """Return a fresh key-encryption key as its file holds it."""
    return f"{secrets.token_hex(KEK_BYTES)}\n"


def parse_kek(text: str) -> bytes:
    """
    Read a key-encryption key.

    Raises:
        UsageError: The text is no such key; the message does not repeat it.
    """
    try:
        kek = bytes.fromhex(text.strip())
    except ValueError:
        kek = b""
    if len(kek) != KEK_BYTES:
        raise UsageError(f"a key-encryption key has {2 * KEK_BYTES} hexadecimal digits")
    return kek


def wrap(masters: Mapping[int, bytes], kek: bytes) -> str:
    """Return the file of these keys, encrypted under a key-encryption key."""
    cipher = AESGCM(kek)
    lines = []
    for key_id, master in sorted(masters.items()):
        assert 0 <= key_id <= _KEY_ID_MAX, "an envelope has room for it"
        assert len(master) == MASTER_BYTES, "meters know AES-128"
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + cipher.encrypt(nonce, master, _bound_to(key_id))
        lines.append(f'{key_id} = "{sealed.hex()}"\n')
    return _HEAD + "".join(lines)


def unwrap(text: str, kek: bytes) -> dict[int, bytes]:
    """
    Return the keys of a file.

    Raises:
        UsageError: It is no such file, or was wrapped under another key-encryption key.
    """
    try:
        wrapped = tomllib.loads(text)["wrapped"]
        sealed = {int(key_id): bytes.fromhex(digits) for key_id, digits in wrapped.items()}
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise UsageError(
            "a file of wrapped keys holds a table [wrapped]; `mdms signer keys init` makes one, "
            "`mdms signer keys wrap` makes one of plain keys"
        ) from error
    cipher = AESGCM(kek)
    masters = {}
    for key_id, each in sealed.items():
        try:
            masters[key_id] = cipher.decrypt(
                each[:_NONCE_BYTES], each[_NONCE_BYTES:], _bound_to(key_id)
            )
        except (InvalidTag, ValueError) as error:
            raise UsageError(
                f"master key {key_id} was wrapped under another key-encryption key, or changed"
            ) from error
    return masters


def _bound_to(key_id: int) -> bytes:
    return f"mdms command master key {key_id}".encode()
