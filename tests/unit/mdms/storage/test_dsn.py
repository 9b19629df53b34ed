"""Where the database is, as settings say it."""

import pytest

from mdms.domain.errors import UsageError
from mdms.storage.dsn import limited


def test_what_a_dsn_says_itself_comes_first():
    said = limited("postgresql://u@h/d?connect_timeout=3")

    assert "connect_timeout=3" in said
    assert "tcp_user_timeout=60000" in said


@pytest.mark.parametrize("dsn", ["nonsense", "host", "postgresql://u@h/d?colour=red"])
def test_a_dsn_that_cannot_be_read_is_a_mistake_in_the_settings(dsn):
    with pytest.raises(UsageError, match=r"^\[database\] dsn cannot be read: "):
        limited(dsn)
