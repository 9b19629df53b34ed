"""The table of quality codes against vee.md 6, row by row."""

import pytest

from mdms.domain.quality_codes import (
    IEC_OF_RULE,
    NEM12_OF_METHOD,
    QUALITY_CODES,
    QualityOfReading,
    espi_of_many,
    espi_quality,
    iec_codes,
    nem12_quality,
)
from mdms.domain.readings import Method, Status, rule_bit

TABLE = {
    "R": (("2.0.0",), 14, "", "R0"),
    "V": (("3.0.1",), 17, "A", "R0"),
    "A": (("3.10.1", "3.0.1"), 18, "A", "R0"),
    "S": (("3.5.258",), 10, "N", "N"),
    "M": (("3.5.259",), None, "N", "N32"),
    "D": (("3.11.0",), 11, "A", "R0"),
    "E": (("3.8.0",), 16, "S", "E0"),
    "F": (("3.8.0", "3.0.1"), 16, "F", "E0"),
    "Z": (("3.8.0",), 16, "S", "E0"),
    "X": (("3.7.0",), 7, "S", "A0"),
    "N": ((), None, "", ""),
}


@pytest.mark.parametrize("status", list(Status))
def test_each_status_has_the_codes_of_the_table(status):
    codes = QUALITY_CODES[status]

    assert (codes.iec, codes.espi, codes.nem12, codes.cmep) == TABLE[status.value]


@pytest.mark.parametrize(
    ("method", "code"),
    [
        (Method.H1, 8),
        (Method.H2, 8),
        (Method.H3, 8),
        (Method.L1, 9),
        (Method.C1, 16),
        (Method.A1, 16),
    ],
)
@pytest.mark.parametrize("status", [Status.ESTIMATED, Status.FINAL_ESTIMATE])
def test_espi_names_how_an_estimate_was_made(status, method, code):
    assert espi_quality(status, method, frozen=False) == code


def test_a_validated_value_is_of_revenue_quality_once_frozen():
    assert espi_quality(Status.VALIDATED, Method.NONE, frozen=True) == 19
    assert espi_quality(Status.ACCEPTED, Method.NONE, frozen=True) == 18


def test_a_sum_of_unlike_values_is_mixed():
    validated, raw = QualityOfReading.VALIDATED, QualityOfReading.RAW

    assert espi_of_many([validated, validated]) is validated
    assert espi_of_many([validated, raw]) is QualityOfReading.MIXED


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ((20,), "3.6.4"),
        ((21, 22, 23, 24), "3.6.3"),
        ((25,), "3.6.1"),
        ((26,), "3.3.5"),
        ((29, 30), "3.6.2"),
        ((31,), "3.3.4"),
        ((34,), "3.2.32"),
        ((37,), "3.6.9"),
        ((45,), "3.6.1000"),
        ((51,), "3.6.5"),
        ((8, 9), "3.5.259"),
        ((11,), "3.4.5"),
        ((12,), "3.4.1"),
        ((5,), "3.1.9"),
    ],
)
def test_each_rule_has_its_code_in_iec_61968_9(rules, code):
    assert {IEC_OF_RULE[rule] for rule in rules} == {code}


def test_only_a_suspect_value_names_the_rules_that_it_broke():
    flags = rule_bit(45) | rule_bit(24)

    assert iec_codes(Status.SUSPECT, Method.NONE, flags) == ("3.5.258", "3.6.3", "3.6.1000")
    assert iec_codes(Status.ACCEPTED, Method.NONE, flags) == ("3.10.1", "3.0.1")


@pytest.mark.parametrize(("method", "code"), [(Method.Z1, "3.2.32"), (Method.Z2, "3.2.3")])
def test_a_zero_says_why_nothing_was_used(method, code):
    assert iec_codes(Status.ZERO, method, 0) == ("3.8.0", code)


def test_every_method_that_leaves_an_estimate_has_a_code_of_nem12():
    exact = {Method.NONE, Method.D1}

    assert set(Method) - exact == set(NEM12_OF_METHOD), "name it in mdms/domain/quality_codes.py"


@pytest.mark.parametrize(
    ("status", "method", "scaled", "expected"),
    [
        (Status.VALIDATED, Method.NONE, False, ("A", None)),
        (Status.DERIVED, Method.D1, False, ("A", None)),
        (Status.SUSPECT, Method.NONE, False, ("N", None)),
        (Status.ESTIMATED, Method.K1, False, ("S", 11)),
        (Status.ESTIMATED, Method.H1, False, ("S", 15)),
        (Status.ESTIMATED, Method.H2, False, ("S", 15)),
        (Status.ESTIMATED, Method.H4, False, ("S", 15)),
        (Status.ESTIMATED, Method.L1, False, ("S", 17)),
        (Status.ZERO, Method.Z2, False, ("S", 19)),
        (Status.ESTIMATED, Method.H3, False, ("S", 23)),
        (Status.FINAL_ESTIMATE, Method.H1, True, ("F", 24)),
        (Status.ESTIMATED, Method.A1, False, ("S", 25)),
        (Status.ESTIMATED, Method.C1, False, ("S", 57)),
        (Status.ESTIMATED, Method.NONE, True, ("S", 18)),
        (Status.EDITED, Method.NONE, True, ("S", 18)),
    ],
)
def test_nem12_names_flag_and_method(status, method, scaled, expected):
    assert nem12_quality(status, method, scaled=scaled) == expected
