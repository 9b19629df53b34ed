"""Who may release the breaker."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from commands.signing import breaker
from mdms.domain.errors import UsageError
from mdms.ports.signer import Trip

AT = datetime(2026, 11, 4, 18, tzinfo=UTC)
TRIP = Trip(UUID(int=1), AT, "10 of 10 opens in an hour")


def test_a_proof_holds_for_one_supervisor_and_one_trip():
    secrets = {name: breaker.new_secret() for name in ("ada", "bob")}
    lines = "".join(f'{name} = "{breaker.digest(secret)}"\n' for name, secret in secrets.items())
    supervisors = breaker.parse(f"[supervisors]\n{lines}")
    proof = breaker.prove(secrets["ada"], TRIP)

    assert supervisors.vouches("ada", TRIP, proof)
    assert not supervisors.vouches("bob", TRIP, proof)
    assert not supervisors.vouches("eve", TRIP, proof)
    assert not supervisors.vouches("ada", TRIP, b"")


@pytest.mark.parametrize(
    "change",
    [
        {"trip_id": UUID(int=2)},
        {"at": AT + timedelta(microseconds=1)},
        {"reason": "a drill: nobody was switched off"},
    ],
)
def test_a_proof_holds_for_the_trip_as_it_was_shown_and_no_other(change):
    supervisors = breaker.parse(f'[supervisors]\nada = "{breaker.digest("secret")}"')
    proof = breaker.prove("secret", TRIP)

    assert supervisors.vouches("ada", replace(TRIP, released_by=("bob",)), proof)
    assert not supervisors.vouches("ada", replace(TRIP, **change), proof)


def test_supervisors_are_printed_by_name_only():
    digest = breaker.digest("secret")

    assert repr(breaker.parse(f'[supervisors]\nada = "{digest}"')) == "Supervisors(ada)"


@pytest.mark.parametrize(
    "text", ["", "supervisors = 1", "[supervisors]\nada = 1", '[supervisors]\nada = "00"']
)
def test_what_is_no_file_of_supervisors_is_refused(text):
    with pytest.raises(UsageError, match="supervisor"):
        breaker.parse(text)
