"""Why a supply may be cut off from afar, and by which rows: policy.md 2.2."""

from collections.abc import Mapping
from enum import Enum
from typing import Final

from mdms.policy.case import deny, refer
from mdms.policy.decision import Finding, Verdict


class Path(Enum):
    """The rows that decide."""

    MOVE_OUT = "2.3"
    NONPAY = "2.4"
    IMMEDIATE = "2.5"


MOVE_OUT: Final = "MOVE_OUT"
NONPAY: Final = "NONPAY"
HAZARD: Final = "HAZARD"
ADVERSE_LOAD: Final = "ADVERSE_LOAD"
THEFT: Final = "THEFT"

PATHS: Final[Mapping[str, Path]] = {
    MOVE_OUT: Path.MOVE_OUT,
    NONPAY: Path.NONPAY,
    HAZARD: Path.IMMEDIATE,
    ADVERSE_LOAD: Path.IMMEDIATE,
    THEFT: Path.IMMEDIATE,
}
"""Reasons that allow a remote open, where their rows do."""

ALLOWING: Final[Mapping[str, Finding]] = {
    MOVE_OUT: Finding(Verdict.ALLOW, "MO_OK", "RD-II, R9.A"),
    NONPAY: Finding(Verdict.ALLOW, "NP_OK", "RD-II, R9.C"),
    HAZARD: Finding(Verdict.ALLOW, "HAZARD_OK", "RD-II, R9.D"),
    ADVERSE_LOAD: Finding(Verdict.ALLOW, "ADVERSE_LOAD_OK", "R9.D.4"),
    THEFT: Finding(Verdict.ALLOW, "THEFT_REVIEW", "R9.D.1, 7.4"),
}
"""What stands when no row fails."""

_ABOUT_MONEY: Final = "a supervisor decides; if it is about money, give all notices: NONPAY"

_OTHERS: Final[Mapping[str, Finding]] = {
    "WATER_WASTE": deny(
        "RD_DISPROPORTIONATE", "R9.D.2, 7.4", "send a field order: never by cutting electricity"
    ),
    "NO_COMPLIANCE": refer("RD_REVIEW", "R9.B.1", _ABOUT_MONEY),
    "TAMPER": refer("RD_REVIEW", "R9.B.3", _ABOUT_MONEY),
    "NO_CREDIT": refer("RD_REVIEW", "R9.B.4", _ABOUT_MONEY),
    "VACATED_NO_NOTICE": refer(
        "RD_REVIEW", "R9.B.2", "close the account, confirm that the home is empty: MOVE_OUT"
    ),
    "CUSTOMER_REQUEST": refer(
        "RD_REVIEW", "silent", "a supervisor decides on the holder's written request, at its time"
    ),
}
"""Reasons that a person decides, or that never allow one."""


def unusable(cause: str) -> Finding | None:
    """Return why a cause by itself does not allow a remote open; None where its rows decide."""
    if cause in PATHS:
        return None
    return _OTHERS.get(cause) or deny(
        "RD_REASON", "RD-II, R9.E.1", f"name a cause that allows it: {', '.join(PATHS)}"
    )
