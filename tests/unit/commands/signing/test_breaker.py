"""Who may release the breaker."""

from uuid import UUID

import pytest

from commands.signing import breaker
from mdms.domain.errors import UsageError

TRIP, LATER = UUID(int=1), UUID(int=2)


def test_a_proof_holds_for_one_supervisor_and_one_trip():
    secrets = {name: breaker.new_secret() for name in ("ada", "bob")}
    lines = "".join(f'{name} = "{breaker.digest(secret)}"\n' for name, secret in secrets.items())
    supervisors = breaker.parse(f"[supervisors]\n{lines}")
    proof = breaker.prove(secrets["ada"], TRIP)

    assert supervisors.vouches("ada", TRIP, proof)
    assert not supervisors.vouches("bob", TRIP, proof)
    assert not supervisors.vouches("ada", LATER, proof)
    assert not supervisors.vouches("eve", TRIP, proof)
    assert not supervisors.vouches("ada", TRIP, b"")


def test_supervisors_are_printed_by_name_only():
    digest = breaker.digest("secret")

    assert repr(breaker.parse(f'[supervisors]\nada = "{digest}"')) == "Supervisors(ada)"


@pytest.mark.parametrize(
    "text", ["", "supervisors = 1", "[supervisors]\nada = 1", '[supervisors]\nada = "00"']
)
def test_what_is_no_file_of_supervisors_is_refused(text):
    with pytest.raises(UsageError, match="supervisor"):
        breaker.parse(text)
