"""
The signer itself: judges, counts, signs; and remembers before it answers.

An open is judged, counted and signed in one transaction that no other open shares, and committed
before its envelope leaves: whatever is killed, no counter is used twice and no budget exceeded.
What restores service is never held up by clocks, budgets or the breaker.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from commands import codecs
from commands.codecs import Answer, Command
from commands.signer import QuarantinedError, Signed, SignerRefusedError
from commands.signing import budget, judge, restored, witness
from commands.signing.breaker import RELEASES_MIN, Supervisors
from commands.signing.judge import is_immediate
from commands.signing.keys import KeyRing
from commands.signing.rules import OpenRules
from commands.signing.witness import TOLERANCE, ClockError, Witness
from mdms.domain.controls import Opcode, Refusal, SwitchPosition, new_id
from mdms.domain.errors import DecodeError, OperatorError, RejectReason
from mdms.ports.clock import Clock
from mdms.ports.signer import Issued, OpenOrder, SignerMemory, SignerMemoryFactory, SpentOpen, Trip
from mdms.telemetry import metrics

_TIMELESS: Final = frozenset({Opcode.CLOSE, Opcode.ARM, Opcode.SWITCH_STATUS})
"""Signed whatever the clocks say: service must come back, and be seen to be back."""

log = structlog.get_logger()


class LocalSigner:
    """A signer in this process; `commands.signing.server` puts it behind a socket."""

    def __init__(
        self,
        keys: KeyRing,
        memory: SignerMemoryFactory,
        clock: Clock,
        rules: OpenRules,
        *,
        supervisors: Supervisors | None = None,
        time: Witness | None = None,
    ) -> None:
        """
        Hold these keys.

        Args:
            keys: Master keys; every meter's own key is derived from one.
            memory: Counters, budgets and the breaker, in transactions of the signer's own.
            clock: What a caller in this process takes the time from.
            rules: What opens are judged by.
            supervisors: Who may release the breaker; None: nobody.
            time: What the signer believes about the time; None: the clock, watched.
        """
        self._keys = keys
        self._memory = memory
        self._clock = clock
        self._rules = rules
        self._supervisors = supervisors or Supervisors({})
        self._time = time or witness.SteadyWitness(clock)

    async def sign(self, command: Command) -> Signed:
        return await self.sign_at(command, self._clock.now())

    async def sign_at(self, command: Command, stated_at: datetime) -> Signed:
        """Sign, as `sign`, for a caller who believes it to be `stated_at`."""
        now = stated_at
        if command.opcode not in _TIMELESS:
            try:
                now = await self._time.now(stated_at)
            except ClockError as error:
                raise SignerRefusedError([witness.refusal(error)]) from error
        key = self._keys.of_meter(command.key_id, command.radio_id)
        if key is None:
            raise SignerRefusedError([_no_key(command.key_id)])
        async with self._memory() as memory:
            await restored.go_on(memory, now)
            if command.opcode is Opcode.OPEN:
                outcome = await self._open(memory, command, key, now)
            else:
                outcome = await _signed(memory, command, key)
        if isinstance(outcome, SignerRefusedError):
            raise outcome
        return outcome

    async def verify(self, record: bytes) -> Answer:
        answer = codecs.decode_answer(record)
        key = self._keys.of_meter(answer.key_id, answer.radio_id)
        if key is None or not codecs.answer_is_genuine(record, key):
            raise DecodeError(RejectReason.BAD_TAG, f"not an answer of radio {answer.radio_id}")
        if answer.switch is SwitchPosition.CLOSED:
            async with self._memory() as memory:
                await memory.closed(answer.radio_id, answer.key_id, answer.counter)
        return answer

    async def resume(self) -> None:
        """Look, before anything is signed, whether this is the database that was signed in."""
        async with self._memory() as memory:
            await restored.go_on(memory, self._clock.now())

    async def standing_trip(self) -> Trip | None:
        """Return what stands against every open, if anything."""
        async with self._memory() as memory:
            trip = await memory.standing_trip()
        metrics.COMMAND_SIGNER_TRIPPED.set(trip is not None)
        return trip

    async def release(self, supervisor: str, trip_id: UUID, proof: bytes) -> Trip | None:
        """
        Take a supervisor's word that the breaker may be released; return what still stands.

        Raises:
            OperatorError: It does not stand open, or this is not that supervisor's proof.
        """
        now = self._clock.now()
        async with self._memory() as memory:
            trip = await memory.lock_opens()
            if trip is None or trip.trip_id != trip_id:
                raise OperatorError(
                    "there is nothing to release: ask for the breaker's state again"
                )
            vouched = self._supervisors.vouches(supervisor, trip, proof)
            await memory.note("released" if vouched else "release_refused", now, None, supervisor)
            if vouched:
                await memory.release(trip_id, supervisor, now)
                trip = await memory.standing_trip()
                if trip is not None and len(trip.released_by) >= RELEASES_MIN:
                    await memory.end_trip(trip_id, now)
                    trip = None
        if not vouched:
            log.warning("signer.release.refused", supervisor=supervisor)
            raise OperatorError(f"that is not a proof of supervisor {supervisor!r} for this trip")
        log.warning("signer.breaker.released", supervisor=supervisor, standing=trip is not None)
        metrics.COMMAND_SIGNER_TRIPPED.set(trip is not None)
        return trip

    async def _open(
        self, memory: SignerMemory, command: Command, key: bytes, now: datetime
    ) -> Signed | SignerRefusedError:
        standing = await memory.lock_opens()
        order = await memory.order(command.command_id, now)
        refusals = judge.judge(command, order, self._rules, now)
        if refusals:
            return await _refused(memory, command, SignerRefusedError(refusals), now)
        assert order is not None, "an open without a command behind it was refused"
        is_new = await memory.issued(command.command_id) is None
        if is_new and standing is None:
            standing = await self._overspent(memory, order, now)
        if standing is not None:
            return await _refused(memory, command, QuarantinedError([_spent(standing)]), now)
        signed = await _signed(memory, command, key)
        if not is_new:
            return signed
        await memory.spend(_spending(command, signed.counter, order, now))
        await memory.note("opened", now, command.command_id, f"counter {signed.counter}")
        return signed

    async def _overspent(
        self, memory: SignerMemory, order: OpenOrder, now: datetime
    ) -> Trip | None:
        """Return None where the budgets have room for one more; else trip the breaker."""
        assert order.place is not None, "a meter that is nowhere was refused"
        spent = await memory.spent(order.place.transformer_id, now)
        if spent.latest_at is not None and spent.latest_at > now + TOLERANCE:
            reason = f"the clock: an open was signed at {spent.latest_at}, and now it is {now}"
        else:
            rules = self._rules.at(now)
            reason = budget.exceeded(spent, rules, immediate=is_immediate(order)) or ""
        if not reason:
            return None
        trip = Trip(new_id(now), now, reason)
        await memory.trip(trip)
        await memory.note("tripped", now, None, reason)
        metrics.COMMAND_SIGNER_TRIPPED.set(1)
        metrics.COMMAND_SIGNER_TRIPS.inc()
        log.error("signer.breaker.tripped", reason=reason, trip_id=str(trip.trip_id))
        return trip


async def _signed(memory: SignerMemory, command: Command, key: bytes) -> Signed:
    """Sign under the next counter; what was signed before, is given again as it was."""
    # Somebody else may be at the same command: whoever comes second is given what is signed then.
    await memory.lock_counter(command.radio_id, command.key_id)
    before = await memory.issued(command.command_id)
    if before is not None:
        if codecs.encode(command, before.counter, key) != before.envelope:
            raise SignerRefusedError([_other_content(command)])
        return Signed(before.counter, before.envelope)
    counter = await memory.draw(command.radio_id, command.key_id)
    envelope = codecs.encode(command, counter, key)
    await memory.issue(
        Issued(command.command_id, command.radio_id, command.key_id, counter, envelope)
    )
    return Signed(counter, envelope)


async def _refused(
    memory: SignerMemory, command: Command, error: SignerRefusedError, now: datetime
) -> SignerRefusedError:
    """Note a refusal, and return it: raised in here, it would undo the note."""
    event = "quarantined" if isinstance(error, QuarantinedError) else "refused"
    await memory.note(event, now, command.command_id, str(error))
    log.warning("signer.open.refused", codes=[each.code for each in error.refusals])
    return error


def _spending(command: Command, counter: int, order: OpenOrder, now: datetime) -> SpentOpen:
    assert order.place is not None, "a meter that is nowhere was refused"
    return SpentOpen(
        command_id=command.command_id,
        radio_id=command.radio_id,
        key_id=command.key_id,
        counter=counter,
        transformer_id=order.place.transformer_id,
        immediate=is_immediate(order),
        at=now,
    )


def _spent(trip: Trip) -> Refusal:
    return Refusal(
        "RD_BUDGET",
        "G7",
        f"the breaker is open since {trip.at:%Y-%m-%d %H:%M:%SZ} ({trip.reason}): find out who "
        "asks, then two supervisors release it with `mdms signer release`",
    )


def _no_key(key_id: int) -> Refusal:
    return Refusal(
        "SIGNER_KEY",
        "headend 2.9",
        f"there is no master key {key_id}: correct the meter's key_id, or add the key to the "
        "file of [signer] keys",
    )


def _other_content(command: Command) -> Refusal:
    return Refusal(
        "SIGNER_MISMATCH",
        "headend 2.7",
        f"look for who asked for this: {command.command_id} was signed for something else",
    )
