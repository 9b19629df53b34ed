"""
Keys as meters and collectors hold them.

A meter has one for commands and answers and one for the tags of frames, each the AES-128-CMAC of a
label and the radio id under a master key; a collector has one of its own to sign batches with.
Written from the format's description, apart from the signer and the ingest.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from mdms.domain.errors import UsageError

MAC_SIZE = 16
_KEY_SIZE = 16
_TAG_SIZE = 4


def cmac(key: bytes, message: bytes) -> bytes:
    """Return the AES-128-CMAC of a message (RFC 4493)."""
    code = CMAC(AES(key))
    code.update(message)
    return code.finalize()


@dataclass(frozen=True, slots=True)
class Keys:
    """
    Master keys by key_id, and what follows from them.

    Attributes:
        command: Of commands and their answers.
        read: Of the tags of frames.
        collectors: Of the trailers of batches, by collector id; who is not here does not sign.
    """

    command: Mapping[int, bytes]
    read: Mapping[int, bytes]
    collectors: Mapping[int, bytes] = field(default_factory=dict)
    _tagging: dict[tuple[int, int], CMAC] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def load(cls, directory: Path) -> "Keys":
        """
        Read `command.toml`, `read.toml` and, where there is one, `collectors.toml`.

        Raises:
            UsageError: One of them is not a table of keys.
        """
        collectors = directory / "collectors.toml"
        return cls(
            _masters(directory / "command.toml"),
            _masters(directory / "read.toml"),
            _newest(collectors) if collectors.exists() else {},
        )

    def command_key(self, radio_id: int, key_id: int) -> bytes | None:
        """Return the key of one meter, or None for a key_id that it does not have."""
        return _derived(self.command, b"mdms-command", radio_id, key_id)

    def tag(self, radio_id: int, key_id: int, frame: bytes) -> bytes:
        """
        Return the tag of a reading or an event.

        Args:
            radio_id: Whose frame.
            key_id: Which key it has.
            frame: Its bytes before the tag, with what a collector writes set to 0.
        """
        code = self._tagging.get((radio_id, key_id))
        if code is None:
            key = _derived(self.read, b"mdms-read", radio_id, key_id)
            assert key is not None, "the registry names keys that there are"
            code = self._tagging[radio_id, key_id] = CMAC(AES(key))
        code = code.copy()
        code.update(frame)
        return code.finalize()[:_TAG_SIZE]


def _derived(
    masters: Mapping[int, bytes], label: bytes, radio_id: int, key_id: int
) -> bytes | None:
    master = masters.get(key_id)
    return None if master is None else cmac(master, label + radio_id.to_bytes(4, "little"))


def _masters(path: Path) -> Mapping[int, bytes]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))["masters"]
        masters = {int(key_id): bytes.fromhex(digits) for key_id, digits in table.items()}
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} holds no master keys: {error}") from error
    if not masters or any(len(master) != _KEY_SIZE for master in masters.values()):
        raise UsageError(f"{path} holds no master keys of 32 hex digits")
    return masters


def _newest(path: Path) -> Mapping[int, bytes]:
    """Return the first key of each table [collectors.ID], which is the one to sign with."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))["collectors"]
        return {int(name): bytes.fromhex(table["keys"][0]) for name, table in tables.items()}
    except (OSError, LookupError, ValueError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} holds no keys of collectors: {error}") from error
