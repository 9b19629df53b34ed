"""What comes from the daemon does nothing to a terminal, whoever wrote it."""

import httpx
import pytest

from mdms.client.system import SystemCalls
from mdms.domain.errors import ForbiddenError, OperatorError

SAID = "\x1b[2Jpaid"
PLAIN = "\N{REPLACEMENT CHARACTER}[2Jpaid"


def client(status: int, body: dict[str, object]) -> SystemCalls:
    made = SystemCalls("http://mdms")
    made._http = httpx.Client(
        transport=httpx.MockTransport(lambda _: httpx.Response(status, json=body)),
        base_url="http://mdms",
    )
    return made


def test_answers_are_plain():
    assert client(200, {"steps": [{"detail": SAID}]}).status() == {"steps": [{"detail": PLAIN}]}


def test_refusals_are_plain():
    with pytest.raises(OperatorError) as refused:
        client(409, {"detail": SAID}).status()

    assert str(refused.value) == PLAIN


def test_a_lack_of_a_role_is_an_error_of_its_own():
    with pytest.raises(ForbiddenError):
        client(403, {"detail": "token 'x' has no role for this"}).status()
