"""What text requests may bring."""

import pytest
from pydantic import Field, ValidationError

from mdms.api.text import Body


class Statement(Body):
    reason: str = ""
    files: dict[str, str] = Field(default_factory=dict)
    names: list[str] = Field(default_factory=list)


@pytest.mark.parametrize(
    "body",
    [
        {"reason": "\x1b[2Jpaid"},
        {"files": {"a\x1b.csv": ""}},
        {"files": {"a.csv": "\x9b"}},
        {"names": ["ok", "\x1b"]},
    ],
)
def test_control_characters_are_refused_wherever_they_are(body):
    (name,) = body
    with pytest.raises(ValidationError, match=f"{name} has a control character, U\\+00(1B|9B)"):
        Statement(**body)


def test_files_keep_the_ends_of_their_lines():
    assert Statement(files={"a.csv": "x,y\r\n1,2\n"}).files["a.csv"].count("\n") == 2
