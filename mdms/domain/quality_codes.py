"""
What a value's status and the rules it broke are called in each format that leaves the house.

Source: vee.md 6.1 (statuses), 6.2 (rules in IEC 61968-9) and 6.3 (methods of NEM12).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import Final

from mdms.domain.readings import Method, Status


class QualityOfReading(IntEnum):
    """ESPI (NAESB REQ.21) qualityOfReading."""

    VALID = 0
    MANUALLY_EDITED = 7
    REFERENCE_DAY = 8
    LINEAR_INTERPOLATION = 9
    QUESTIONABLE = 10
    DERIVED = 11
    PROJECTED = 12
    MIXED = 13
    RAW = 14
    NORMALIZED_FOR_WEATHER = 15
    OTHER = 16
    VALIDATED = 17
    VERIFIED = 18
    REVENUE_QUALITY = 19


@dataclass(frozen=True, slots=True)
class QualityCodes:
    """
    One status in every format.

    Attributes:
        iec: IEC 61968-9 codes `system.category.index`; none where no reading is sent.
        espi: qualityOfReading where the method does not decide; None leaves the reading out.
        nem12: Quality flag; empty where no reading is sent.
        cmep: Code of the protocol; empty where no reading is sent.
    """

    iec: tuple[str, ...]
    espi: QualityOfReading | None
    nem12: str
    cmep: str


QUALITY_CODES: Final[Mapping[Status, QualityCodes]] = MappingProxyType(
    {
        Status.RAW: QualityCodes(("2.0.0",), QualityOfReading.RAW, "", "R0"),
        Status.VALIDATED: QualityCodes(("3.0.1",), QualityOfReading.VALIDATED, "A", "R0"),
        Status.ACCEPTED: QualityCodes(("3.10.1", "3.0.1"), QualityOfReading.VERIFIED, "A", "R0"),
        Status.SUSPECT: QualityCodes(("3.5.258",), QualityOfReading.QUESTIONABLE, "N", "N"),
        Status.MISSING: QualityCodes(("3.5.259",), None, "N", "N32"),
        Status.DERIVED: QualityCodes(("3.11.0",), QualityOfReading.DERIVED, "A", "R0"),
        Status.ESTIMATED: QualityCodes(("3.8.0",), QualityOfReading.OTHER, "S", "E0"),
        Status.FINAL_ESTIMATE: QualityCodes(("3.8.0", "3.0.1"), QualityOfReading.OTHER, "F", "E0"),
        Status.ZERO: QualityCodes(("3.8.0",), QualityOfReading.OTHER, "S", "E0"),
        Status.EDITED: QualityCodes(("3.7.0",), QualityOfReading.MANUALLY_EDITED, "S", "A0"),
        Status.NOT_EXPECTED: QualityCodes((), None, "", ""),
    }
)
"""The compact set of vee.md 6.1."""

ESPI_OF_METHOD: Final[Mapping[Method, QualityOfReading]] = MappingProxyType(
    {
        Method.H1: QualityOfReading.REFERENCE_DAY,
        Method.H2: QualityOfReading.REFERENCE_DAY,
        Method.H3: QualityOfReading.REFERENCE_DAY,
        Method.H4: QualityOfReading.REFERENCE_DAY,
        Method.L1: QualityOfReading.LINEAR_INTERPOLATION,
    }
)
"""How ESPI names an estimate; any other method is OTHER."""

IEC_OF_ZERO: Final[Mapping[Method, str]] = MappingProxyType(
    {
        Method.Z1: "3.2.32",
        Method.Z2: "3.2.3",
    }
)
"""Why a service used nothing: power failed, or it was switched off."""

NEM12_OF_METHOD: Final[Mapping[Method, int]] = MappingProxyType(
    {
        Method.K1: 11,
        Method.H1: 15,
        Method.H2: 15,
        Method.H4: 15,
        Method.L1: 17,
        Method.Z1: 19,
        Method.Z2: 19,
        Method.H3: 23,
        Method.A1: 25,
        Method.C1: 57,
    }
)
"""Substitution methods of AEMO; an estimate that was scaled to its register is SCALED."""

NEM12_SCALED: Final = 24
NEM12_ALTERNATE: Final = 18
"""Substituted by no method of ours, such as an edit."""

IEC_OF_RULE: Final[Mapping[int, str]] = MappingProxyType(
    {
        5: "3.1.9",
        8: "3.5.259",
        9: "3.5.259",
        11: "3.4.5",
        12: "3.4.1",
        20: "3.6.4",
        21: "3.6.3",
        22: "3.6.3",
        23: "3.6.3",
        24: "3.6.3",
        25: "3.6.1",
        26: "3.3.5",
        29: "3.6.2",
        30: "3.6.2",
        31: "3.3.4",
        34: "3.2.32",
        37: "3.6.9",
        45: "3.6.1000",
        51: "3.6.5",
    }
)
"""IEC 61968-9 by number of the rule."""


def iec_codes(status: Status, method: Method, flags: int) -> tuple[str, ...]:
    """
    Return the IEC 61968-9 quality codes of one value, without repetition.

    The rules that it broke are named where it is suspect; elsewhere they were overcome.
    """
    codes = list(QUALITY_CODES[status].iec)
    if status is Status.ZERO and method in IEC_OF_ZERO:
        codes.append(IEC_OF_ZERO[method])
    if status is Status.SUSPECT:
        codes += [code for rule, code in IEC_OF_RULE.items() if flags >> rule & 1]
    return tuple(dict.fromkeys(codes))


def espi_quality(status: Status, method: Method, *, frozen: bool) -> QualityOfReading | None:
    """
    Return the ESPI quality of one value, None where it is left out.

    Args:
        status: How the value came to be.
        method: How an estimate was made.
        frozen: A bill rests on it: validated values are then of revenue quality.
    """
    if status in {Status.ESTIMATED, Status.FINAL_ESTIMATE}:
        return ESPI_OF_METHOD.get(method, QualityOfReading.OTHER)
    if status is Status.VALIDATED and frozen:
        return QualityOfReading.REVENUE_QUALITY
    return QUALITY_CODES[status].espi


def espi_of_many(qualities: Iterable[QualityOfReading]) -> QualityOfReading:
    """Return the quality of a sum: MIXED where its parts differ."""
    distinct = set(qualities)
    return distinct.pop() if len(distinct) == 1 else QualityOfReading.MIXED


def nem12_quality(status: Status, method: Method, *, scaled: bool) -> tuple[str, int | None]:
    """
    Return the NEM12 quality flag of one value and the method that goes with it.

    Args:
        status: How the value came to be.
        method: How an estimate was made.
        scaled: It was scaled to its register, if it is an estimate of ours.
    """
    flag = QUALITY_CODES[status].nem12
    if flag not in {"S", "F"}:
        return flag, None
    estimated = status in {Status.ESTIMATED, Status.FINAL_ESTIMATE} and method is not Method.NONE
    if estimated and scaled:
        return flag, NEM12_SCALED
    return flag, NEM12_OF_METHOD.get(method, NEM12_ALTERNATE)
