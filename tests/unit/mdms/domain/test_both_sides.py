import pytest

from mdms.domain.people import Role, Token, makes_both_sides


def token(*roles: Role) -> Token:
    return Token("someone", frozenset(roles), "", frozenset(), None)


@pytest.mark.parametrize(
    ("before", "new"), [(Role.CSR, Role.SUPERVISOR), (Role.SUPERVISOR, Role.SAFETY)]
)
def test_who_makes_one_that_asks_and_one_that_approves_is_told_of(before, new):
    assert makes_both_sides({new}, [token(before, Role.VIEWER), token(new)])


def test_a_token_of_neither_side_is_not_told_of_again():
    assert not makes_both_sides(
        {Role.VIEWER}, [token(Role.CSR), token(Role.SUPERVISOR), token(Role.VIEWER)]
    )


def test_one_side_alone_is_nothing_to_tell():
    assert not makes_both_sides({Role.CSR}, [token(Role.SAFETY), token(Role.CSR)])
