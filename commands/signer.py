"""
The holder of the meters' command keys: signs what it is asked to, believes no one else's answers.

In this process for now, but on its own: its keys come from a file that nothing else reads, its
counters and what it signed are kept by a store of its own, and it refuses by its own rules what a
mistaken or conquered caller asks for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from commands import codecs
from commands.codecs import Answer, Command
from mdms.domain.controls import Opcode
from mdms.domain.errors import DecodeError, OperatorError, RejectReason
from mdms.ports.signer import SignerStore


class SignerRefusedError(OperatorError):
    """The signer does not sign this, whoever asks."""


@dataclass(frozen=True, slots=True)
class Signed:
    """An envelope and the counter that it carries."""

    counter: int
    envelope: bytes


class Signer(Protocol):
    """Signs commands and verifies answers; nobody else can do either."""

    async def sign(self, command: Command) -> Signed:
        """
        Sign a command; asked again with the same command_id, return the same bytes.

        Raises:
            SignerRefusedError: Its rules forbid this, or it has no key for the meter.
            UnavailableError: Its memory is away.
        """
        ...

    def verify(self, record: bytes) -> Answer:
        """
        Read a meter's answer and make sure that this meter made it.

        Raises:
            DecodeError: It is no answer, or not this meter's.
        """
        ...


class LocalSigner:
    """A signer in this process."""

    def __init__(
        self, masters: Mapping[int, bytes], store: SignerStore, *, remote_open: bool
    ) -> None:
        """
        Hold these keys.

        Args:
            masters: Master key by key_id; every meter's own key is derived from one.
            store: Counters, and what was signed.
            remote_open: Whether any switch may be opened from here at all (design D20).
        """
        self._masters = masters
        self._store = store
        self._remote_open = remote_open

    async def sign(self, command: Command) -> Signed:
        if command.opcode is Opcode.OPEN and not self._remote_open:
            raise SignerRefusedError("remote opening is off; [commands] remote_open switches it on")
        master = self._masters.get(command.key_id)
        if master is None:
            raise SignerRefusedError(
                f"there is no master key {command.key_id}; add it to the file of [signer] keys"
            )
        key = meter_key(master, command.radio_id)
        counter, envelope = await self._store.issue(
            command.command_id,
            command.radio_id,
            command.key_id,
            lambda counter: codecs.encode(command, counter, key),
        )
        return Signed(counter, envelope)

    def verify(self, record: bytes) -> Answer:
        answer = codecs.decode_answer(record)
        master = self._masters.get(answer.key_id)
        if master is None or not codecs.answer_is_genuine(
            record, meter_key(master, answer.radio_id)
        ):
            raise DecodeError(RejectReason.BAD_TAG, f"not an answer of radio {answer.radio_id}")
        return answer


def meter_key(master: bytes, radio_id: int) -> bytes:
    """Return a meter's own command key (headend.md 2.9)."""
    return codecs.cmac(master, b"mdms-command" + radio_id.to_bytes(4, "little"))
