"""Invented people: nobody of this name lives at this address, and no telephone would ring."""

import numpy as np

from mdms.domain.registry import Contact

_GIVEN = (
    "Ada", "Amir", "Beatriz", "Carlos", "Chen", "Dana", "Elif", "Emeka", "Fatima", "Goran",
    "Hana", "Ines", "Jonas", "Kavya", "Lena", "Luis", "Mai", "Marek", "Naomi", "Nikhil",
    "Olga", "Omar", "Priya", "Quinn", "Rosa", "Samir", "Tala", "Tomas", "Uma", "Viktor",
    "Wen", "Yuki", "Zoe",
)  # fmt: skip
_FAMILY = (
    "Abara", "Almeida", "Barros", "Bergstrom", "Castellan", "Dvorak", "Eriksen", "Fonseca",
    "Greyling", "Haddad", "Iversen", "Jankowski", "Kowalczyk", "Lindqvist", "Marchetti",
    "Nakagawa", "Okafor", "Petrov", "Quispe", "Rahimi", "Santangelo", "Takahashi", "Ulrich",
    "Vasquez", "Whitlock", "Xiong", "Yamada", "Zielinski",
)  # fmt: skip
_STREETS = (
    "Alder", "Bluegum", "Cypress", "Dogwood", "Elderberry", "Fern", "Gooseberry", "Hawthorn",
    "Ironwood", "Juniper", "Larch", "Manzanita", "Nutmeg", "Osier", "Pepperwood", "Quince",
    "Rowan", "Sorrel", "Tamarack", "Vinca", "Willowherb", "Yarrow",
)  # fmt: skip
_WAYS = ("Avenue", "Court", "Drive", "Lane", "Street", "Way")


def contact(account_id: str, street_number: int, rng: np.random.Generator) -> Contact:
    """Return somebody to reach for an account; numbers 555-01xx are kept for fiction."""
    given, family = str(rng.choice(_GIVEN)), str(rng.choice(_FAMILY))
    street = f"{rng.choice(_STREETS)} {rng.choice(_WAYS)}"
    return Contact(
        account_id=account_id,
        name=f"{given} {family}",
        email=f"{given}.{family}.{account_id}@example.org".lower(),
        phone=f"+1-650-555-01{rng.integers(100):02d}",
        address=f"{street_number} {street}, Palo Alto, CA 94301",
    )
